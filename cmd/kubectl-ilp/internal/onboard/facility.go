package onboard

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
	"ilp.health/operator/controllers/wilayah"
	"ilp.health/operator/controllers/wilayah/sheet"
)

// place is a kecamatan or desa.
type place struct{ code, name string }

// facility is what a list says of one Puskesmas. What it leaves empty is not
// its business and stays as it is in the folder.
type facility struct {
	line int
	row  sheet.Row
	// resource is the metadata.name.
	resource                                    string
	code, name                                  string
	kecamatan                                   place
	desa                                        []place
	category, stage, connectivity, organization string
	priority                                    *int
	pustu, posyandu                             []post
}

// reader turns the rows of a list into facilities and gathers what is wrong.
type reader struct {
	sheet.Layout
	// file is the list's.
	file     string
	district string
	registry *wilayah.Registry
	problems []manifest.Problem

	all            []*facility
	byCode         map[string]*facility
	desaBy, organs map[string]*facility
}

// readFacilities reads the list of a district's Puskesmas. It may have one line
// for each Puskesmas, or one for each desa with the Puskesmas repeated.
func readFacilities(file string, content []byte, district string, known *wilayah.Registry) (all []*facility, unknown []string, problems []manifest.Problem) {
	t, problem := sheet.Read(content)
	if problem != nil {
		return nil, nil, placed(file, *problem)
	}
	required := []string{columnCode, columnName, columnKecamatan}
	if known == nil {
		required = append(required, columnKecamatanAs)
	}
	l, unknown, wrong := t.Find(columns, required...)
	if l.Has(columnDesa) && l.Has(columnDesaCode) {
		wrong = append(wrong, sheet.Problem{Line: 1, Column: l.Title(columnDesa), Message: fmt.Sprintf(
			"the columns %q and %q both name desa: keep the first for a list in each line, or the second for a line for each desa", l.Title(columnDesa), l.Title(columnDesaCode))})
	}
	for _, column := range ofDesa {
		if l.Has(column) && !l.Has(columnDesaCode) {
			wrong = append(wrong, sheet.Problem{Line: 1, Column: l.Title(column), Message: fmt.Sprintf(
				"the column %q speaks of one desa: add the columns desa_code and desa_name and give each desa a line of its own", l.Title(column))})
		}
	}
	if len(wrong) > 0 {
		return nil, unknown, placed(file, wrong...)
	}
	r := &reader{
		Layout: l, file: file, district: district, registry: known,
		byCode: map[string]*facility{}, desaBy: map[string]*facility{}, organs: map[string]*facility{},
	}
	for _, row := range t.Rows {
		r.read(row)
	}
	if len(t.Rows) == 0 {
		r.problems = placed(file, sheet.Problem{Line: 1, Message: "the list names no Puskesmas: write one in each line below the names of the columns"})
	}
	return r.all, unknown, r.problems
}

// placed says in which file problems are.
func placed(file string, problems ...sheet.Problem) []manifest.Problem {
	var out []manifest.Problem
	for _, p := range problems {
		out = append(out, manifest.Problem{File: fmt.Sprintf("%s:%d", file, p.Line), Path: p.Column, Message: p.Message})
	}
	return out
}

func (r *reader) wrong(row sheet.Row, column string, err error) {
	if err != nil {
		r.problems = append(r.problems, placed(r.file, sheet.Problem{Line: row.Line, Column: r.Title(column), Message: err.Error()})...)
	}
}

// read takes one line.
func (r *reader) read(row sheet.Row) {
	if len(row.Cells) > len(r.Header) {
		for _, cell := range row.Cells[len(r.Header):] {
			if cell != "" {
				r.wrong(row, columnCode, fmt.Errorf("the line has %d cells and the header %d: put cells with a comma or semicolon in quotation marks", len(row.Cells), len(r.Header)))
				return
			}
		}
	}
	code := r.Cell(row, columnCode)
	r.wrong(row, columnCode, checkPuskesmas(code))
	if first := r.byCode[code]; first != nil && code != "" {
		if !r.Has(columnDesaCode) {
			r.wrong(row, columnCode, fmt.Errorf("%q is already in line %d: a Puskesmas has one line and a code of its own", code, first.line))
			return
		}
		r.again(row, first)
		return
	}
	f := &facility{line: row.Line, row: row, code: code}
	r.byCode[code] = f
	r.all = append(r.all, f)
	r.describe(row, f)
	if r.Has(columnDesaCode) {
		r.addDesa(row, columnDesaCode, f, place{r.Cell(row, columnDesaCode), r.Cell(row, columnDesaName)})
		r.addPosts(row, f)
		return
	}
	for part := range strings.SplitSeq(r.Cell(row, columnDesa), "|") {
		if part = strings.TrimSpace(part); part != "" {
			code, name, _ := strings.Cut(part, ":")
			r.addDesa(row, columnDesa, f, place{strings.TrimSpace(code), strings.TrimSpace(name)})
		}
	}
}

// again takes the next line of a facility that has one for each desa.
func (r *reader) again(row sheet.Row, f *facility) {
	for _, names := range columns {
		column := names[0]
		was, is := r.Cell(f.row, column), r.Cell(row, column)
		own := column == columnDesaCode || column == columnDesaName || slices.Contains(ofDesa, column)
		if !own && is != "" && is != was {
			r.wrong(row, column, fmt.Errorf("%q differs from %q in line %d, of the same Puskesmas: write the same or leave it empty", is, was, f.line))
		}
	}
	r.addDesa(row, columnDesaCode, f, place{r.Cell(row, columnDesaCode), r.Cell(row, columnDesaName)})
	r.addPosts(row, f)
}

// describe takes what is not a list.
func (r *reader) describe(row sheet.Row, f *facility) {
	f.name = plainName(r.Cell(row, columnName))
	if f.name == "" {
		r.wrong(row, columnName, errors.New("the name is missing: write it without the word Puskesmas, such as Tebidah"))
	}
	f.kecamatan = r.place(row, columnKecamatan, columnKecamatanAs, kecamatan, place{r.Cell(row, columnKecamatan), r.Cell(row, columnKecamatanAs)})
	meant := func(column string) string {
		value, err := meaning(column, r.Cell(row, column))
		r.wrong(row, column, err)
		return value
	}
	f.category, f.stage, f.connectivity = meant(columnCategory), meant(columnStage), meant(columnConnectivity)
	if text := r.Cell(row, columnPriority); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 1000 {
			r.wrong(row, columnPriority, fmt.Errorf("%q is not a priority: write a whole number from 0 to 1000; lower numbers come first", text))
		}
		f.priority = &n
	}
	if f.organization = r.Cell(row, columnOrganization); f.organization == "" {
		return
	}
	r.wrong(row, columnOrganization, checkOrganization(f.organization))
	if first := r.organs[f.organization]; first != nil {
		r.wrong(row, columnOrganization, fmt.Errorf("%q is already that of %s in line %d: each facility has an Organization ID of its own", f.organization, first.name, first.line))
	} else {
		r.organs[f.organization] = f
	}
}

// addDesa takes one desa.
func (r *reader) addDesa(row sheet.Row, column string, f *facility, d place) {
	if d == (place{}) {
		return
	}
	nameColumn := column
	if column == columnDesaCode {
		nameColumn = columnDesaName
	}
	if r.anotherPustu(row, column, f, d) {
		return
	}
	d = r.place(row, column, nameColumn, desa, d)
	if first := r.desaBy[d.code]; first != nil && d.code != "" {
		r.wrong(row, column, fmt.Errorf("desa %q is already served by %s in line %d: a desa belongs to one Puskesmas", d.code, first.name, first.line))
		return
	}
	r.desaBy[d.code] = f
	f.desa = append(f.desa, d)
}

// anotherPustu tells whether the line is a further one of a desa, for another Pustu in it.
func (r *reader) anotherPustu(row sheet.Row, column string, f *facility, d place) bool {
	if column != columnDesaCode || r.desaBy[d.code] != f || r.Cell(row, columnPustu) == "" {
		return false
	}
	for _, known := range f.desa {
		if known.code == d.code && d.name != "" && wilayah.Fold(d.name) != wilayah.Fold(known.name) {
			r.wrong(row, columnDesaName, fmt.Errorf("%q differs from %q, the name of desa %s in a line before: write the same or leave it empty", d.name, known.name, d.code))
		}
	}
	return true
}

// place checks a place's code and name; the registry knows a name that is missing.
func (r *reader) place(row sheet.Row, codeColumn, nameColumn string, form codeForm, p place) place {
	if err := form.checkIn(p.code, r.district); err != nil {
		r.wrong(row, codeColumn, err)
		return p
	}
	if p.name == "" {
		p.name = r.registry.Name(p.code)
	}
	if p.name == "" {
		example := "its name"
		if nameColumn == columnDesa {
			example = p.code + ":name"
		}
		r.wrong(row, nameColumn, fmt.Errorf("the name of %s %s is missing: write %s, or give a registry that has it", form.what, p.code, example))
		return p
	}
	r.wrong(row, codeColumn, r.registry.Check(p.code, p.name, r.district))
	return p
}
