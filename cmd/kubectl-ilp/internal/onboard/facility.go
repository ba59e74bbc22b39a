package onboard

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
)

// place is a kecamatan or desa.
type place struct{ code, name string }

// facility is what a list says of one Puskesmas. What it leaves empty is not
// its business and stays as it is in the folder.
type facility struct {
	line int
	row  row
	// resource is the metadata.name.
	resource                                    string
	code, name                                  string
	kecamatan                                   place
	desa                                        []place
	category, stage, connectivity, organization string
	priority                                    *int
}

// reader turns the rows of a list into facilities and gathers what is wrong.
type reader struct {
	layout
	district string
	registry *registry
	problems []manifest.Problem

	all            []*facility
	byCode         map[string]*facility
	desaBy, organs map[string]*facility
}

// readFacilities reads the list of a district's Puskesmas. It may have one line
// for each Puskesmas, or one for each desa with the Puskesmas repeated.
func readFacilities(file string, content []byte, district string, known *registry) (all []*facility, unknown []string, problems []manifest.Problem) {
	t, problems := readTable(file, content)
	if len(problems) > 0 {
		return nil, nil, problems
	}
	required := []string{columnCode, columnName, columnKecamatan}
	if known == nil {
		required = append(required, columnKecamatanAs)
	}
	l, unknown, problems := layoutOf(t, columns, required...)
	if l.has(columnDesa) && l.has(columnDesaCode) {
		problems = append(problems, t.problem(1, l.title(columnDesa), fmt.Sprintf(
			"the columns %q and %q both name desa: keep the first for a list in each line, or the second for a line for each desa", l.title(columnDesa), l.title(columnDesaCode))))
	}
	if len(problems) > 0 {
		return nil, unknown, problems
	}
	r := &reader{
		layout: l, district: district, registry: known,
		byCode: map[string]*facility{}, desaBy: map[string]*facility{}, organs: map[string]*facility{},
	}
	for _, row := range t.rows {
		r.read(row)
	}
	if len(t.rows) == 0 {
		r.problems = append(r.problems, t.problem(1, "", "the list names no Puskesmas: write one in each line below the names of the columns"))
	}
	return r.all, unknown, r.problems
}

func (r *reader) wrong(row row, column string, err error) {
	if err != nil {
		r.problems = append(r.problems, r.table.problem(row.line, r.title(column), err.Error()))
	}
}

// read takes one line.
func (r *reader) read(row row) {
	if len(row.cells) > len(r.table.header) {
		for _, cell := range row.cells[len(r.table.header):] {
			if cell != "" {
				r.wrong(row, columnCode, fmt.Errorf("the line has %d cells and the header %d: put cells with a comma or semicolon in quotation marks", len(row.cells), len(r.table.header)))
				return
			}
		}
	}
	code := r.cell(row, columnCode)
	r.wrong(row, columnCode, checkPuskesmas(code))
	if first := r.byCode[code]; first != nil && code != "" {
		if !r.has(columnDesaCode) {
			r.wrong(row, columnCode, fmt.Errorf("%q is already in line %d: a Puskesmas has one line and a code of its own", code, first.line))
			return
		}
		r.again(row, first)
		return
	}
	f := &facility{line: row.line, row: row, code: code}
	r.byCode[code] = f
	r.all = append(r.all, f)
	r.describe(row, f)
	if r.has(columnDesaCode) {
		r.addDesa(row, columnDesaCode, f, place{r.cell(row, columnDesaCode), r.cell(row, columnDesaName)})
		return
	}
	for part := range strings.SplitSeq(r.cell(row, columnDesa), "|") {
		if part = strings.TrimSpace(part); part != "" {
			code, name, _ := strings.Cut(part, ":")
			r.addDesa(row, columnDesa, f, place{strings.TrimSpace(code), strings.TrimSpace(name)})
		}
	}
}

// again takes the next line of a facility that has one for each desa.
func (r *reader) again(row row, f *facility) {
	for _, names := range columns {
		column := names[0]
		was, is := r.cell(f.row, column), r.cell(row, column)
		if column != columnDesaCode && column != columnDesaName && is != "" && is != was {
			r.wrong(row, column, fmt.Errorf("%q differs from %q in line %d, of the same Puskesmas: write the same or leave it empty", is, was, f.line))
		}
	}
	r.addDesa(row, columnDesaCode, f, place{r.cell(row, columnDesaCode), r.cell(row, columnDesaName)})
}

// describe takes what is not a list.
func (r *reader) describe(row row, f *facility) {
	f.name = plainName(r.cell(row, columnName))
	if f.name == "" {
		r.wrong(row, columnName, errors.New("the name is missing: write it without the word Puskesmas, such as Tebidah"))
	}
	f.kecamatan = r.place(row, columnKecamatan, columnKecamatanAs, kecamatan, place{r.cell(row, columnKecamatan), r.cell(row, columnKecamatanAs)})
	meant := func(column string) string {
		value, err := meaning(column, r.cell(row, column))
		r.wrong(row, column, err)
		return value
	}
	f.category, f.stage, f.connectivity = meant(columnCategory), meant(columnStage), meant(columnConnectivity)
	if text := r.cell(row, columnPriority); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 1000 {
			r.wrong(row, columnPriority, fmt.Errorf("%q is not a priority: write a whole number from 0 to 1000; lower numbers come first", text))
		}
		f.priority = &n
	}
	if f.organization = r.cell(row, columnOrganization); f.organization == "" {
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
func (r *reader) addDesa(row row, column string, f *facility, d place) {
	if d == (place{}) {
		return
	}
	nameColumn := column
	if column == columnDesaCode {
		nameColumn = columnDesaName
	}
	d = r.place(row, column, nameColumn, desa, d)
	if first := r.desaBy[d.code]; first != nil && d.code != "" {
		r.wrong(row, column, fmt.Errorf("desa %q is already served by %s in line %d: a desa belongs to one Puskesmas", d.code, first.name, first.line))
		return
	}
	r.desaBy[d.code] = f
	f.desa = append(f.desa, d)
}

// place checks a place's code and name; the registry knows a name that is missing.
func (r *reader) place(row row, codeColumn, nameColumn string, form codeForm, p place) place {
	if err := form.checkIn(p.code, r.district); err != nil {
		r.wrong(row, codeColumn, err)
		return p
	}
	if p.name == "" {
		p.name = r.registry.name(p.code)
	}
	if p.name == "" {
		example := "its name"
		if nameColumn == columnDesa {
			example = p.code + ":name"
		}
		r.wrong(row, nameColumn, fmt.Errorf("the name of %s %s is missing: write %s, or give a registry that has it", form.what, p.code, example))
		return p
	}
	r.wrong(row, codeColumn, r.registry.check(p.code, p.name, r.district+"."))
	return p
}
