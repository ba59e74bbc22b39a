// Package manifest reads objects from files, folders and kustomizations as
// kubectl apply would, and remembers where each came from.
package manifest

import (
	"cmp"
	"slices"
	"strings"
)

// Problem is something that a person must mend in a file.
type Problem struct {
	// File that it is in.
	File string `json:"file"`
	// Object that it is about, such as Puskesmas ilp-6105/tebidah.
	Object string `json:"object,omitempty"`
	// Path of the field, such as spec.desa[3].code.
	Path string `json:"path,omitempty"`
	// Message says what is wrong and what would be right.
	Message string `json:"message"`
}

// String is one line.
func (p Problem) String() string {
	parts := slices.DeleteFunc([]string{p.File, p.Object, p.Path, p.Message}, func(s string) bool { return s == "" })
	return strings.Join(parts, ": ")
}

// Sort orders problems by file, object and field, and drops repetitions.
func Sort(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Path, b.Path))
	})
	return slices.Compact(problems)
}
