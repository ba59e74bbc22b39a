package sheet

import (
	"fmt"
	"slices"
	"strings"
)

// Layout says where the known columns of a table are.
type Layout struct {
	*Table
	at map[string]int
}

// Find finds the columns of a table. known has the names that each may have; the
// first stands for it. Columns that are not known are named and not read.
func (t *Table) Find(known [][]string, required ...string) (l Layout, unknown []string, problems []Problem) {
	l = Layout{Table: t, at: map[string]int{}}
	for i, key := range t.keys {
		at := slices.IndexFunc(known, func(names []string) bool { return slices.Contains(names, key) })
		switch {
		case key == "":
		case at < 0:
			unknown = append(unknown, t.Header[i])
		default:
			name := known[at][0]
			if first, again := l.at[name]; again {
				problems = append(problems, Problem{1, t.Header[i], fmt.Sprintf("columns %q and %q are both the column %s: keep one", t.Header[first], t.Header[i], name)})
				continue
			}
			l.at[name] = i
		}
	}
	for _, name := range required {
		if _, ok := l.at[name]; !ok {
			at := slices.IndexFunc(known, func(names []string) bool { return names[0] == name })
			problems = append(problems, Problem{1, "", fmt.Sprintf("the column %s is missing among %q: name it %s", name, t.Header, strings.Join(known[at], " or "))})
		}
	}
	return l, unknown, problems
}

// Has reports whether the table has the column.
func (l Layout) Has(column string) bool {
	_, ok := l.at[column]
	return ok
}

// Title is the column as the user calls it, or its own name.
func (l Layout) Title(column string) string {
	if i, ok := l.at[column]; ok {
		return l.Header[i]
	}
	return column
}

// Cell is empty where the column or the cell is missing.
func (l Layout) Cell(r Row, column string) string {
	if i, ok := l.at[column]; ok && i < len(r.Cells) {
		return r.Cells[i]
	}
	return ""
}
