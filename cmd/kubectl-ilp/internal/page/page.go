// Package page is how commands write texts for people: lines, columns, and on a
// terminal colour and drawing in place.
package page

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	"ilp.health/operator/controllers/stack/status"
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
		cells := make([]string, len(row))
		for i := range row {
			cells[i] = Line(row[i])
		}
		if _, p.Err = fmt.Fprintln(w, "  "+strings.Join(cells, "\t")); p.Err != nil {
			return
		}
	}
	p.Err = w.Flush()
}

// Line puts a text that others wrote on one line, without what would write
// elsewhere on a terminal.
func Line(text string) string {
	return strings.TrimRight(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		default:
			return r
		}
	}, text), " ")
}

// Short is the beginning of such a line, in bytes.
func Short(text string, limit int) string { return status.Shorten(Line(text), limit) }

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
