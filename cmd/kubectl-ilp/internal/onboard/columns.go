package onboard

import (
	"fmt"
	"slices"
	"strings"

	"ilp.health/operator/controllers/wilayah"
)

// Columns of the list of Puskesmas, by the first of their names.
const (
	columnCode         = "code"
	columnName         = "name"
	columnKecamatan    = "kecamatan_code"
	columnKecamatanAs  = "kecamatan"
	columnDesa         = "desa"
	columnDesaCode     = "desa_code"
	columnDesaName     = "desa_name"
	columnCategory     = "category"
	columnStage        = "stage"
	columnPriority     = "priority"
	columnOrganization = "organization_id"
	columnConnectivity = "connectivity"

	columnPustu         = "pustu"
	columnPustuBidan    = "pustu_bidan"
	columnPustuPerawat  = "pustu_perawat"
	columnPustuKader    = "pustu_kader"
	columnPosyandu      = "posyandu"
	columnPosyanduKader = "posyandu_kader"
)

// ofDesa are the columns that speak of one desa, which has a line of its own.
var ofDesa = []string{columnPustu, columnPustuBidan, columnPustuPerawat, columnPustuKader, columnPosyandu, columnPosyanduKader}

// columns are all that is taken of a list, with the other names they go by. No
// column holds data of a person.
var columns = [][]string{
	{columnCode, "kode", "kode_puskesmas", "puskesmas_code"},
	{columnName, "nama", "nama_puskesmas", "puskesmas"},
	{columnKecamatan, "kode_kecamatan"},
	{columnKecamatanAs, "nama_kecamatan", "kecamatan_name"},
	{columnDesa, "wilayah_kerja", "desa_kelurahan"},
	{columnDesaCode, "kode_desa"},
	{columnDesaName, "nama_desa"},
	{columnCategory, "kategori", "jenis"},
	{columnStage, "tahap", "tahap_ilp"},
	{columnPriority, "prioritas"},
	{columnOrganization, "id_satusehat", "organization_id_satusehat"},
	{columnConnectivity, "konektivitas", "internet"},
	{columnPustu, "nama_pustu"},
	{columnPustuBidan, "bidan", "bidan_pustu"},
	{columnPustuPerawat, "perawat", "perawat_pustu"},
	{columnPustuKader, "kader_pustu"},
	{columnPosyandu, "jumlah_posyandu"},
	{columnPosyanduKader, "kader_posyandu"},
}

// words that a cell may hold, by the value of the API that they stand for.
var words = map[string]map[string][]string{
	columnCategory: {
		"RawatInap":    {"rawat inap"},
		"NonRawatInap": {"non rawat inap", "rawat jalan"},
	},
	columnStage: {
		"Preparing": {"persiapan"},
		"Pilot":     {"lokus", "percontohan"},
		"Running":   {"berjalan"},
	},
	columnConnectivity: {
		"Good":         {"baik"},
		"Intermittent": {"tidak stabil"},
		"None":         {"tidak ada"},
	},
}

// meaning finds the value of the API that a cell stands for.
func meaning(column, cell string) (string, error) {
	if cell == "" {
		return "", nil
	}
	var known []string
	for value, others := range words[column] {
		for _, word := range append([]string{value}, others...) {
			if wilayah.Fold(word) == wilayah.Fold(cell) {
				return value, nil
			}
		}
		known = append(known, value+" ("+strings.Join(others, ", ")+")")
	}
	slices.Sort(known)
	return "", fmt.Errorf("%q is none of %s", cell, strings.Join(known, ", "))
}
