package onboard

import (
	"fmt"
	"slices"
	"strings"

	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
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
)

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
}

var registryColumns = [][]string{
	{columnCode, "kode"},
	{columnName, "nama"},
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

// layout says where the known columns are.
type layout struct {
	table *table
	at    map[string]int
}

// layoutOf finds the columns. Those that are not known are named and not read.
func layoutOf(t *table, known [][]string, required ...string) (l layout, unknown []string, problems []manifest.Problem) {
	l = layout{table: t, at: map[string]int{}}
	for i, key := range t.keys {
		at := slices.IndexFunc(known, func(names []string) bool { return slices.Contains(names, key) })
		switch {
		case key == "":
		case at < 0:
			unknown = append(unknown, t.header[i])
		default:
			name := known[at][0]
			if first, again := l.at[name]; again {
				problems = append(problems, t.problem(1, t.header[i], fmt.Sprintf("columns %q and %q are both the column %s: keep one", t.header[first], t.header[i], name)))
				continue
			}
			l.at[name] = i
		}
	}
	for _, name := range required {
		if _, ok := l.at[name]; !ok {
			at := slices.IndexFunc(known, func(names []string) bool { return names[0] == name })
			problems = append(problems, t.problem(1, "", fmt.Sprintf("the column %s is missing among %q: name it %s", name, t.header, strings.Join(known[at], " or "))))
		}
	}
	return l, unknown, problems
}

// has reports whether the table has the column.
func (l layout) has(column string) bool {
	_, ok := l.at[column]
	return ok
}

// title is the column as the user calls it, or its own name.
func (l layout) title(column string) string {
	if i, ok := l.at[column]; ok {
		return l.table.header[i]
	}
	return column
}

// cell is empty where the column or the cell is missing.
func (l layout) cell(r row, column string) string {
	if i, ok := l.at[column]; ok && i < len(r.cells) {
		return r.cells[i]
	}
	return ""
}

// meaning finds the value of the API that a cell stands for.
func meaning(column, cell string) (string, error) {
	if cell == "" {
		return "", nil
	}
	var known []string
	for value, others := range words[column] {
		for _, word := range append([]string{value}, others...) {
			if fold(word) == fold(cell) {
				return value, nil
			}
		}
		known = append(known, value+" ("+strings.Join(others, ", ")+")")
	}
	slices.Sort(known)
	return "", fmt.Errorf("%q is none of %s", cell, strings.Join(known, ", "))
}
