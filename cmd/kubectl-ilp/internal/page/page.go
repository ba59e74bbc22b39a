// Package page is how commands write texts for people: lines, columns, and on a
// terminal colour and drawing in place.
package page

import (
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"
)

// Page is a text that is being written. Its first error stops it.
type Page struct {
	// Err is the first error.
	Err error

	out io.Writer
}

// New begins a text.
func New(out io.Writer) *Page { return &Page{out: out} }

// Sayf writes a line.
func (p *Page) Sayf(format string, args ...any) {
	if p.Err == nil {
		_, p.Err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}

// Table writes rows in columns.
func (p *Page) Table(rows [][]string) {
	if p.Err != nil {
		return
	}
	w := printers.GetNewTabWriter(p.out)
	for _, row := range rows {
		if _, p.Err = fmt.Fprintln(w, "  "+strings.Join(row, "\t")); p.Err != nil {
			return
		}
	}
	p.Err = w.Flush()
}

// OrDash shows that there is nothing.
func OrDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// Age is how long ago something was, as kubectl writes it.
func Age(now, then time.Time) string {
	if then.IsZero() {
		return "-"
	}
	return duration.HumanDuration(now.Sub(then))
}
