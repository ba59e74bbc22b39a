-- Loads the CSV files of the working directory into database pws, as its owner.
-- One transaction: readers see the old rows or the new ones, and a bad file changes nothing.
-- Running it again with the same files ends in the same rows.
\set ON_ERROR_STOP on
SET client_min_messages = warning;

BEGIN;
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('ilp.health/pws-load')); END $$;

\ir schema.sql
\ir views.sql

-- Staging takes the files as they are; HEADER MATCH refuses a file with other columns.
CREATE TEMP TABLE puskesmas ON COMMIT DROP AS TABLE wilayah.puskesmas WITH NO DATA;
CREATE TEMP TABLE desa ON COMMIT DROP AS TABLE wilayah.desa WITH NO DATA;
CREATE TEMP TABLE pustu ON COMMIT DROP AS TABLE wilayah.pustu WITH NO DATA;
CREATE TEMP TABLE posyandu ON COMMIT DROP AS TABLE wilayah.posyandu WITH NO DATA;

\echo reading puskesmas.csv, desa.csv, pustu.csv, posyandu.csv
\copy pg_temp.puskesmas FROM 'puskesmas.csv' WITH (FORMAT csv, HEADER match)
\copy pg_temp.desa FROM 'desa.csv' WITH (FORMAT csv, HEADER match)
\copy pg_temp.pustu FROM 'pustu.csv' WITH (FORMAT csv, HEADER match)
\copy pg_temp.posyandu FROM 'posyandu.csv' WITH (FORMAT csv, HEADER match)

DELETE FROM wilayah.posyandu;
DELETE FROM wilayah.pustu;
DELETE FROM wilayah.desa;
DELETE FROM wilayah.puskesmas;

INSERT INTO wilayah.puskesmas SELECT * FROM pg_temp.puskesmas;
INSERT INTO wilayah.desa SELECT * FROM pg_temp.desa;
INSERT INTO wilayah.pustu SELECT * FROM pg_temp.pustu;
INSERT INTO wilayah.posyandu SELECT * FROM pg_temp.posyandu;

\ir grants.sql
COMMIT;

ANALYZE wilayah.puskesmas, wilayah.desa, wilayah.pustu, wilayah.posyandu;
\pset tuples_only
SELECT format('loaded %s desa, %s Puskesmas, %s Pustu (%s with the minimum staff), %s Posyandu',
    count(*), (SELECT count(*) FROM wilayah.puskesmas), coalesce(sum(pustu), 0),
    coalesce(sum(pustu_memenuhi), 0), coalesce(sum(posyandu), 0)) FROM wilayah.desa_ilp;
