package preview

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	textdiff "github.com/rogpeppe/go-internal/diff"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
)

// report is what diff has found.
type report struct {
	Objects []change `json:"objects"`
	// Notes say what is not shown, and why.
	Notes []string `json:"notes,omitempty"`
}

func (p *preview) report() *report {
	r := &report{Objects: slices.Clone(p.changes), Notes: p.notes}
	// A namespace that the files make is the operator's to complete: one change.
	r.Objects = slices.DeleteFunc(r.Objects, func(c change) bool {
		return c.By == byFiles && c.Action == created && slices.ContainsFunc(p.changes, func(other change) bool {
			return other.By == byOperator && other.Kind == c.Kind && other.Namespace == c.Namespace && other.Name == c.Name
		})
	})
	if len(r.Objects) == 0 {
		r.Objects = []change{} // a reader of JSON expects a list
	}
	slices.SortStableFunc(r.Objects, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	slices.Sort(r.Notes)
	return r
}

func (r *report) differs() bool {
	return slices.ContainsFunc(r.Objects, func(c change) bool { return c.Action != unchanged })
}

var formats = map[string]func(*cmdutil.Factory, *report) error{
	cmdutil.Text: writeText,
	cmdutil.JSON: func(f *cmdutil.Factory, r *report) error { return cmdutil.WriteJSON(f.Streams.Out, r) },
	"yaml": func(f *cmdutil.Factory, r *report) error {
		text, err := yaml.Marshal(r)
		if err != nil {
			return err
		}
		_, err = f.Streams.Out.Write(text)
		return err
	},
}

// writeText writes a unified diff, and the notes beside it.
func writeText(f *cmdutil.Factory, r *report) error {
	for _, note := range r.Notes {
		f.Warnf("note: %s", note)
	}
	for i := range r.Objects {
		c := &r.Objects[i]
		path := strings.Join(slices.DeleteFunc([]string{c.Kind, c.Namespace, c.Name}, func(s string) bool { return s == "" }), "/")
		old, next := "live/"+path, strings.ToLower(string(c.By))+"/"+path
		switch c.Action {
		case created:
			old = "/dev/null"
		case deleted:
			next = "/dev/null"
		}
		if _, err := fmt.Fprintf(f.Streams.Out, "%s", textdiff.Diff(old, []byte(c.before), next, []byte(c.after))); err != nil {
			return err
		}
	}
	return nil
}
