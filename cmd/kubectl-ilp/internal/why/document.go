package why

import (
	"fmt"
	"io"
	"time"

	"ilp.health/operator/cmd/kubectl-ilp/internal/blocker"
	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
	"ilp.health/operator/cmd/kubectl-ilp/internal/parts"
)

// How much evidence is enough, and how long a line of it, in bytes.
const (
	mostObjects = 8
	mostEvents  = 5
	mostLines   = 12
	longestLine = 240
)

// document is what why prints.
type document struct {
	Time      time.Time `json:"time"`
	District  string    `json:"district"`
	Puskesmas string    `json:"puskesmas,omitempty"`
	// Blocker is nothing where nothing blocks; then Stands says how it is.
	Blocker *blocker.Blocker `json:"blocker,omitempty"`
	Stands  string           `json:"stands,omitempty"`

	Objects []object `json:"objects,omitempty"`
	Pod     *pod     `json:"pod,omitempty"`
	Events  []event  `json:"events,omitempty"`
	// Notes say what could not be looked at.
	Notes []string `json:"notes,omitempty"`
}

// object does not do its work.
type object struct {
	Kind    string      `json:"kind"`
	Name    string      `json:"name"`
	State   parts.State `json:"state"`
	Message string      `json:"message,omitempty"`
}

// pod is the one that says most, with its container that does not run.
type pod struct {
	Name      string   `json:"name"`
	Container string   `json:"container,omitempty"`
	State     string   `json:"state,omitempty"`
	Log       []string `json:"log,omitempty"`
}

// event is a warning.
type event struct {
	Time    time.Time `json:"time"`
	Object  string    `json:"object"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Count   int32     `json:"count"`
}

func (d *document) subject() string {
	if d.Puskesmas != "" {
		return fmt.Sprintf("Puskesmas %s of District %s", d.Puskesmas, d.District)
	}
	return "District " + d.District
}

func (d *document) write(out io.Writer) error {
	p := page.New(out)
	if d.Blocker == nil {
		p.Sayf("%s Nothing blocks %s: %s", page.Good, d.subject(), page.Line(d.Stands))
		return p.Err
	}
	b := d.Blocker
	if b.Object != d.subject() {
		p.Sayf("%s waits for %s.", d.subject(), b.Object)
	}
	since := ""
	if !b.Since.IsZero() {
		since = ", for " + page.Age(d.Time, b.Since)
	}
	p.Sayf("%s %s: %s%s", mark(b), b.Object, b.Reason, since)
	p.Sayf("  %s", page.Line(b.Message))
	d.writeEvidence(p)
	if b.Next != "" {
		p.Sayf("\nnext: %s", b.Next)
	} else {
		p.Sayf("\nnext: nothing, it goes on by itself")
	}
	return p.Err
}

func mark(b *blocker.Blocker) string {
	switch b.Outcome {
	case blocker.Held:
		return page.Bad
	case blocker.Suspended:
		return page.Caution
	default:
		return page.OnWay
	}
}

func (d *document) writeEvidence(p *page.Page) {
	if len(d.Objects) > 0 {
		p.Sayf("")
	}
	for _, o := range d.Objects {
		m := page.OnWay
		if o.State != parts.Progressing {
			m = page.Bad
		}
		p.Sayf("  %s %s %s: %s", m, o.Kind, o.Name, page.Short(o.Message, longestLine))
	}
	if d.Pod != nil && d.Pod.Container != "" {
		p.Sayf("\n  Pod %s, container %s: %s", d.Pod.Name, d.Pod.Container, page.Short(d.Pod.State, longestLine))
		for _, line := range d.Pod.Log {
			p.Sayf("    | %s", line)
		}
	}
	if len(d.Events) > 0 {
		p.Sayf("")
	}
	for _, e := range d.Events {
		times := ""
		if e.Count > 1 {
			times = fmt.Sprintf(" (%d times)", e.Count)
		}
		p.Sayf("  %s ago, %s: %s%s: %s", page.Age(d.Time, e.Time), e.Object, e.Reason, times, page.Short(e.Message, longestLine))
	}
	if len(d.Notes) > 0 {
		p.Sayf("")
	}
	for _, note := range d.Notes {
		p.Sayf("  note: %s", page.Line(note))
	}
}
