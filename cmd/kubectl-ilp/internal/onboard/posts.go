package onboard

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"ilp.health/operator/controllers/wilayah/sheet"
)

// post is one Pustu of a desa, or all its Posyandu.
type post struct {
	line int
	desa string
	// name of a Pustu; Posyandu have none.
	name string
	// numbers that the line has, by the field of the API.
	numbers []number
	// none tells that the line says that there are none.
	none bool
}

type number struct {
	field string
	value int
}

// addPosts takes the Pustu and the Posyandu of a line's desa. What the line
// leaves empty is not its business; numbers of people, and no names of them.
func (r *reader) addPosts(row sheet.Row, f *facility) {
	desa := r.Cell(row, columnDesaCode)
	if desa == "" {
		for _, column := range ofDesa {
			if r.Cell(row, column) != "" {
				r.wrong(row, column, fmt.Errorf("%q belongs to a desa, and the line has none: write desa_code and desa_name", r.Cell(row, column)))
			}
		}
		return
	}
	pustu := post{line: row.Line, desa: desa, name: r.Cell(row, columnPustu)}
	r.count(row, columnPustuBidan, "bidan", 100, &pustu)
	r.count(row, columnPustuPerawat, "perawat", 100, &pustu)
	r.count(row, columnPustuKader, "kader", 1000, &pustu)
	switch {
	case pustu.name != "":
		r.addPustu(row, f, pustu)
	case pustu.people() > 0:
		r.wrong(row, columnPustu, errors.New("the line has staff of a Pustu and no Pustu: write its name, such as that of its desa"))
	}
	posyandu := post{line: row.Line, desa: desa}
	r.count(row, columnPosyandu, "count", 200, &posyandu)
	counted := len(posyandu.numbers) > 0
	posyandu.none = counted && posyandu.people() == 0
	r.count(row, columnPosyanduKader, "kader", 5000, &posyandu)
	switch {
	case (posyandu.none || !counted) && posyandu.people() > 0:
		r.wrong(row, columnPosyandu, errors.New("the line has kader of Posyandu and no Posyandu: write how many there are"))
	case counted:
		r.addPosyandu(row, f, posyandu)
	}
}

// addPustu takes a Pustu. A desa may have several, in a line each.
func (r *reader) addPustu(row sheet.Row, f *facility, pustu post) {
	for _, other := range f.pustu {
		if other.desa == pustu.desa && other.name == pustu.name {
			r.wrong(row, columnPustu, fmt.Errorf("%q of desa %s is already in line %d: give each Pustu of a desa a name of its own", pustu.name, pustu.desa, other.line))
			return
		}
	}
	f.pustu = append(f.pustu, pustu)
}

// addPosyandu takes the Posyandu of a desa. Further lines of the desa may repeat them.
func (r *reader) addPosyandu(row sheet.Row, f *facility, posyandu post) {
	for _, other := range f.posyandu {
		if other.desa != posyandu.desa {
			continue
		}
		if !slices.Equal(other.numbers, posyandu.numbers) {
			r.wrong(row, columnPosyandu, fmt.Errorf("the Posyandu of desa %s have other numbers in line %d: write the same or leave them empty", posyandu.desa, other.line))
		}
		return
	}
	f.posyandu = append(f.posyandu, posyandu)
}

// count takes a number, if the cell has one.
func (r *reader) count(row sheet.Row, column, field string, most int, p *post) {
	text := r.Cell(row, column)
	if text == "" {
		return
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		r.wrong(row, column, fmt.Errorf("%q is not a number of this kind: write a whole number from 0 to %d", text, most))
		return
	}
	p.numbers = append(p.numbers, number{field, n})
}

// people are all that were counted so far.
func (p *post) people() (sum int) {
	for _, n := range p.numbers {
		sum += n.value
	}
	return sum
}
