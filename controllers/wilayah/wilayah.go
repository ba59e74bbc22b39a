// Package wilayah knows a registry of places, such as the Kemendagri list, and
// says whether a code and a name belong together. BPS codes look like Kemendagri
// codes and mean other places: only names show it.
package wilayah

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ilp.health/operator/controllers/wilayah/sheet"
)

// Level of a place.
type Level int

const (
	// KabKota is a kabupaten or kota, such as 61.05.
	KabKota Level = 1
	// Kecamatan is such as 61.05.09.
	Kecamatan Level = 2
	// Desa is a desa or kelurahan, such as 61.05.09.2001.
	Desa Level = 3
)

// levelOf is how many dots a code has.
func levelOf(code string) Level { return Level(strings.Count(code, ".")) }

// Registry is a list of places by code. All of Indonesia takes some 5 MB.
type Registry struct {
	// parts are sorted by code.
	parts [][]place
}

type place struct{ code, name string }

const (
	columnCode = "code"
	columnName = "name"
)

var columns = [][]string{
	{columnCode, "kode"},
	{columnName, "nama"},
}

// Read reads a CSV with a column for codes and one for names.
func Read(content []byte) (*Registry, []sheet.Problem) {
	t, problem := sheet.Read(content)
	if problem != nil {
		return nil, []sheet.Problem{*problem}
	}
	l, _, problems := t.Find(columns, columnCode, columnName)
	if len(problems) > 0 {
		return nil, problems
	}
	places := make([]place, 0, len(t.Rows))
	for _, row := range t.Rows {
		places = append(places, place{l.Cell(row, columnCode), l.Cell(row, columnName)})
	}
	slices.SortStableFunc(places, byCode)
	return &Registry{parts: [][]place{places}}, nil
}

func byCode(a, b place) int { return cmp.Compare(a.code, b.code) }

// Join makes one registry of several, of which an earlier one counts more.
func Join(registries ...*Registry) *Registry {
	all := &Registry{}
	for _, r := range registries {
		all.parts = append(all.parts, r.parts...)
	}
	return all
}

// Knows reports whether there is any place of a level within another.
func (r *Registry) Knows(within string, level Level) bool {
	for _, other := range r.within(within) {
		if levelOf(other.code) == level {
			return true
		}
	}
	return false
}

// within lists the places within another; within nothing they are all.
func (r *Registry) within(code string) []place {
	var found []place
	for _, part := range r.parts {
		if code == "" {
			found = append(found, part...)
			continue
		}
		from, _ := slices.BinarySearchFunc(part, place{code: code + "."}, byCode)
		to, _ := slices.BinarySearchFunc(part, place{code: code + "/"}, byCode) // the character behind the dot
		found = append(found, part[from:to]...)
	}
	return found
}

// Name is the name of a place, or empty. Without a registry nothing is known.
func (r *Registry) Name(code string) string {
	if r == nil {
		return ""
	}
	for _, part := range r.parts {
		if i, found := slices.BinarySearchFunc(part, place{code: code}, byCode); found {
			return part[i].name
		}
	}
	return ""
}

// Check says whether code and name belong together. Without a registry nothing
// is known and everything is taken. within is where a place of that name is looked
// for to say what would be right; empty is everywhere.
func (r *Registry) Check(code, name, within string) error {
	if r == nil {
		return nil
	}
	known := r.Name(code)
	if known != "" && foldPlace(known) == foldPlace(name) {
		return nil
	}
	hint := "write the code and the name of one place"
	for _, other := range r.within(within) {
		if levelOf(other.code) == levelOf(code) && foldPlace(other.name) == foldPlace(name) {
			hint = fmt.Sprintf("%s is %s there; %s may be its BPS code, which is another system", name, other.code, code)
		}
	}
	if known == "" {
		return fmt.Errorf("%q (%s) is not in the registry: %s", code, name, hint)
	}
	return fmt.Errorf("%q is %s in the registry and not %s: %s", code, known, name, hint)
}
