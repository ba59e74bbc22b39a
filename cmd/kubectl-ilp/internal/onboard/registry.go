package onboard

import (
	"fmt"
	"regexp"
	"strings"

	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
)

// registry is a list of places, such as the Kemendagri list, by code and name.
type registry struct {
	names map[string]string
	codes map[string][]string // by folded name
}

// readRegistry reads a CSV with a column for codes and one for names.
func readRegistry(file string, content []byte) (*registry, []manifest.Problem) {
	t, problems := readTable(file, content)
	if len(problems) > 0 {
		return nil, problems
	}
	l, _, problems := layoutOf(t, registryColumns, columnCode, columnName)
	if len(problems) > 0 {
		return nil, problems
	}
	r := &registry{names: map[string]string{}, codes: map[string][]string{}}
	for _, row := range t.rows {
		code, name := l.cell(row, columnCode), l.cell(row, columnName)
		r.names[code] = name
		r.codes[foldPlace(name)] = append(r.codes[foldPlace(name)], code)
	}
	return r, nil
}

var shortened = regexp.MustCompile(`(?i)^kab(\.|\b)`)

func foldPlace(name string) string { return fold(shortened.ReplaceAllString(name, "kabupaten ")) }

// check says whether code and name belong together. Without a registry nothing
// is known and everything is taken. parent is where the place must lie.
func (r *registry) check(code, name, parent string) error {
	if r == nil {
		return nil
	}
	known, ok := r.names[code]
	if ok && foldPlace(known) == foldPlace(name) {
		return nil
	}
	hint := "write the code and the name of one place"
	for _, other := range r.codes[foldPlace(name)] {
		if strings.HasPrefix(other, parent) && strings.Count(other, ".") == strings.Count(code, ".") {
			hint = fmt.Sprintf("%s is %s there; %s may be its BPS code, which is another system", name, other, code)
		}
	}
	if !ok {
		return fmt.Errorf("%q (%s) is not in the registry: %s", code, name, hint)
	}
	return fmt.Errorf("%q is %s in the registry and not %s: %s", code, known, name, hint)
}

// name is the name of a place, if it is known.
func (r *registry) name(code string) string {
	if r == nil {
		return ""
	}
	return r.names[code]
}
