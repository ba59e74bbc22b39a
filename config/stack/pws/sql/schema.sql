-- What the district's desa, Puskesmas, Pustu and Posyandu are: places and numbers of staff.
-- No table holds a person, by name or otherwise; keep it so.
CREATE SCHEMA IF NOT EXISTS wilayah;

CREATE TABLE IF NOT EXISTS wilayah.puskesmas (
    kode           text PRIMARY KEY,
    nama           text NOT NULL CHECK (nama <> ''),
    kecamatan_kode text CHECK (kecamatan_kode ~ '^\d\d\.\d\d\.\d\d$'),
    kecamatan      text,
    rawat_inap     boolean NOT NULL DEFAULT false,
    tahap          text
);

CREATE TABLE IF NOT EXISTS wilayah.desa (
    kode           text PRIMARY KEY CHECK (kode ~ '^\d\d\.\d\d\.\d\d\.[123]\d{3}$'),
    nama           text NOT NULL CHECK (nama <> ''),
    kecamatan_kode text NOT NULL CHECK (kecamatan_kode ~ '^\d\d\.\d\d\.\d\d$'),
    kecamatan      text NOT NULL,
    puskesmas      text REFERENCES wilayah.puskesmas
);

CREATE TABLE IF NOT EXISTS wilayah.pustu (
    desa_kode text NOT NULL REFERENCES wilayah.desa,
    nama      text NOT NULL CHECK (nama <> ''),
    bidan     integer NOT NULL CHECK (bidan >= 0),
    perawat   integer NOT NULL CHECK (perawat >= 0),
    kader     integer NOT NULL CHECK (kader >= 0),
    PRIMARY KEY (desa_kode, nama)
);

CREATE TABLE IF NOT EXISTS wilayah.posyandu (
    desa_kode text PRIMARY KEY REFERENCES wilayah.desa,
    jumlah    integer NOT NULL CHECK (jumlah > 0),
    kader     integer NOT NULL CHECK (kader >= 0)
);
