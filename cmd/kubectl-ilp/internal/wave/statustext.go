package wave

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
)

const (
	barWidth = 24
	// shownInFlight is how many districts in flight the text names.
	shownInFlight = 10
)

var outcomeText = map[string]string{
	outcomeComplete:   "complete",
	outcomeInProgress: "in progress",
	outcomeSuspended:  "suspended",
	outcomeHeld:       "HELD",
}

func (d *statusDocument) write(out io.Writer) error {
	p := page.New(out)
	p.Sayf("Wave %s to release %s: %s", d.Wave, d.Release, outcomeText[d.Outcome])
	if d.Message != "" {
		p.Sayf("%s: %s", d.Reason, d.Message)
	} else {
		p.Sayf("The operator has not looked at it yet.")
	}
	p.Sayf("")
	rows := [][]string{{"STAGE", "PROGRESS", "DONE", "IN FLIGHT", "FAILED", "PINNED", "HELD"}}
	for _, s := range d.Stages {
		rows = append(rows, append([]string{s.Name, s.bar()}, s.columns()...))
	}
	if len(d.Stages) > 1 {
		rows = append(rows, append([]string{"", d.Counts.bar()}, d.Counts.columns()...))
	}
	p.Table(rows)
	if len(d.FailedByCause) > 0 {
		p.Sayf("\nFailed for: %s", d.causes())
	}
	d.writeInFlight(p)
	writeBlocked(p, d.Blocked)
	return p.Err
}

// causes of the failures, such as application 2, infrastructure 1.
func (d *statusDocument) causes() string {
	var parts []string
	for _, c := range d.FailedByCause {
		parts = append(parts, fmt.Sprintf("%s %d", strings.ToLower(string(c.Cause)), c.Count))
	}
	return strings.Join(parts, ", ")
}

func (d *statusDocument) writeInFlight(p *page.Page) {
	if len(d.InFlight) == 0 {
		return
	}
	p.Sayf("")
	rows := [][]string{{"IN FLIGHT", "FOR", "NOW"}}
	for _, f := range d.InFlight[:min(len(d.InFlight), shownInFlight)] {
		took := "-"
		if !f.Since.IsZero() {
			took = d.Time.Sub(f.Since).Round(time.Minute).String()
			took = strings.TrimSuffix(took, "0s")
		}
		rows = append(rows, []string{f.District, page.OrDash(took), page.OrDash(f.Message)})
	}
	p.Table(rows)
	if rest := len(d.InFlight) - shownInFlight; rest > 0 {
		p.Sayf("  and %d more", rest)
	}
}

// bar shows done as #, failed as !, in flight as >; who is pinned needs no turn.
func (c counts) bar() string {
	all := c.Total - c.Pinned
	if all == 0 {
		return "[" + strings.Repeat(" ", barWidth) + "]"
	}
	var b strings.Builder
	for _, part := range []struct {
		mark string
		upTo int
	}{{"#", c.Done}, {"!", c.Done + c.Failed}, {">", c.Done + c.Failed + c.InFlight}, {".", all}} {
		b.WriteString(strings.Repeat(part.mark, part.upTo*barWidth/all-b.Len()))
	}
	return "[" + b.String() + "]"
}

func (c counts) columns() []string {
	return []string{
		fmt.Sprintf("%d/%d", c.Done, c.Total-c.Pinned),
		strconv.Itoa(c.InFlight), strconv.Itoa(c.Failed), strconv.Itoa(c.Pinned), strconv.Itoa(c.Held),
	}
}

// line is the status in one line, for logs.
func (d *statusDocument) line(out io.Writer) error {
	c := d.Counts
	text := fmt.Sprintf("%s %s: %d/%d done, %d in flight, %d failed, %d pinned, %d held",
		d.Time.Format(time.RFC3339), outcomeText[d.Outcome], c.Done, c.Total-c.Pinned, c.InFlight, c.Failed, c.Pinned, c.Held)
	if len(d.FailedByCause) > 0 {
		text += "; failed for " + d.causes()
	}
	if d.Stage != "" {
		text += "; stage " + d.Stage
	}
	if d.Message != "" {
		text += fmt.Sprintf("; %s: %s", d.Reason, d.Message)
	}
	_, err := fmt.Fprintln(out, text)
	return err
}
