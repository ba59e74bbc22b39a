package cluster

import (
	"fmt"
	"io"
	"time"
)

// Progress tells a person what is done and what is waited for.
type Progress struct{ w io.Writer }

// NewProgress writes to w, one line a step.
func NewProgress(w io.Writer) *Progress { return &Progress{w: w} }

// Done reports a finished step and how long it took.
func (p *Progress) Done(since time.Time, format string, args ...any) {
	fmt.Fprintf(p.w, "✓ %s (%.1fs)\n", fmt.Sprintf(format, args...), time.Since(since).Seconds())
}

// Wait reports what is waited for.
func (p *Progress) Wait(format string, args ...any) {
	fmt.Fprintf(p.w, "… waiting for %s\n", fmt.Sprintf(format, args...))
}

// Info reports something worth knowing.
func (p *Progress) Info(format string, args ...any) {
	fmt.Fprintf(p.w, "  %s\n", fmt.Sprintf(format, args...))
}
