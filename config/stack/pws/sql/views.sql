-- What dashboards read. They are dropped and made anew, because CREATE OR REPLACE VIEW
-- refuses to rename or remove a column.
DROP VIEW IF EXISTS wilayah.desa_ilp;
DROP VIEW IF EXISTS wilayah.pustu_staf;

-- One row for each Pustu, held against the minimum of an ILP Pustu: 1 bidan, 1 perawat, 2 kader.
CREATE VIEW wilayah.pustu_staf AS
SELECT p.desa_kode, p.nama AS pustu, p.bidan, p.perawat, p.kader,
       p.bidan >= 1 AND p.perawat >= 1 AND p.kader >= 2 AS memenuhi,
       concat_ws(', ',
           CASE WHEN p.bidan < 1 THEN '1 bidan' END,
           CASE WHEN p.perawat < 1 THEN '1 perawat' END,
           CASE WHEN p.kader < 2 THEN (2 - p.kader) || ' kader' END) AS kekurangan
FROM wilayah.pustu p;

-- One row for each desa. A desa's need is met when every Pustu it has meets the minimum.
CREATE VIEW wilayah.desa_ilp AS
SELECT d.kode, d.nama AS desa, d.kecamatan_kode, d.kecamatan,
       coalesce(f.nama, '—') AS puskesmas,
       coalesce(t.pustu, 0) AS pustu,
       coalesce(t.memenuhi, 0) AS pustu_memenuhi,
       coalesce(t.bidan, 0) AS bidan,
       coalesce(t.perawat, 0) AS perawat,
       coalesce(t.kader, 0) AS kader,
       coalesce(y.posyandu, 0) AS posyandu,
       coalesce(y.kader, 0) AS kader_posyandu,
       CASE WHEN t.pustu IS NULL THEN 'Belum ada Pustu'
            WHEN t.memenuhi = t.pustu THEN 'Terpenuhi'
            ELSE 'Belum terpenuhi' END AS status,
       coalesce(t.kekurangan, '') AS kekurangan
FROM wilayah.desa d
LEFT JOIN wilayah.puskesmas f ON f.kode = d.puskesmas
LEFT JOIN (
    SELECT desa_kode, count(*) AS pustu, count(*) FILTER (WHERE memenuhi) AS memenuhi,
           sum(bidan) AS bidan, sum(perawat) AS perawat, sum(kader) AS kader,
           string_agg(kekurangan, '; ' ORDER BY pustu) FILTER (WHERE NOT memenuhi) AS kekurangan
    FROM wilayah.pustu_staf GROUP BY desa_kode) t ON t.desa_kode = d.kode
LEFT JOIN (
    SELECT desa_kode, jumlah AS posyandu, kader
    FROM wilayah.posyandu) y ON y.desa_kode = d.kode;
