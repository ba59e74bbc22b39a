package wave

import (
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/printers"

	"ilp.health/operator/controllers/wave/planner/simulate"
)

const (
	capital    = "Asia/Jakarta"
	timeLayout = "Mon 2006-01-02 15:04 MST"
)

// local writes a time as it is in a time zone.
func local(t time.Time, zone string) string {
	if t.IsZero() {
		return "-"
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		location = time.UTC
	}
	return t.In(location).Format(timeLayout)
}

// page collects text; the first error of the writer ends it.
type page struct {
	out io.Writer
	err error
}

func (p *page) say(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}

// table writes rows in columns.
func (p *page) table(rows [][]string) {
	if p.err != nil {
		return
	}
	w := printers.GetNewTabWriter(p.out)
	for _, row := range rows {
		if _, p.err = fmt.Fprintln(w, "  "+strings.Join(row, "\t")); p.err != nil {
			return
		}
	}
	p.err = w.Flush()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// districts is a number of them.
func districts(n int) string {
	if n == 1 {
		return "1 district"
	}
	return fmt.Sprintf("%d districts", n)
}

func (d *planDocument) write(out io.Writer) error {
	p := &page{out: out}
	p.say("Wave %s brings %s to release %s. Planned for %s.", d.Wave, districts(d.Districts), d.Release, local(d.Time, capital))
	if d.Window != "" {
		p.say("Districts start in the maintenance window (%s, in their own time zone).", d.Window)
	}
	if d.Simulation == nil {
		d.writeStages(p)
		writeBlocked(p, d.Blocked)
	} else {
		d.writeStory(p)
	}
	p.say("")
	if worst := d.WorstCase; worst.Districts > 0 {
		p.say("Worst case: %d of %s in stage %s can fail before the wave holds.", worst.Districts, districts(worst.Of), worst.Stage)
	} else {
		p.say("Worst case: no district can be hurt, none is left to change.")
	}
	return p.err
}

func (d *planDocument) writeStages(p *page) {
	for _, s := range d.Stages {
		p.say("")
		text := fmt.Sprintf("Stage %s: %s, %d at once", s.Name, districts(len(s.Districts)), s.MaxConcurrent)
		if s.SoakMinutes > 0 {
			text += fmt.Sprintf(", then %d minutes of soak", s.SoakMinutes)
		}
		switch s.Approval {
		case "Required":
			text += fmt.Sprintf("; a person must approve it: kubectl ilp wave approve %s %s", d.Wave, s.Name)
		case "Given":
			text += "; approved"
		}
		p.say("%s", text)
		writeDistricts(p, s.Districts)
	}
	if len(d.Unstaged) > 0 {
		p.say("\nIn no stage: %s", districts(len(d.Unstaged)))
		writeDistricts(p, d.Unstaged)
	}
	if len(d.Stages) > 0 {
		p.say("\nEarliest times: no district fails, people approve at once, a suspended wave is resumed.")
	}
}

func writeDistricts(p *page, list []plannedDistrict) {
	if len(list) == 0 {
		return
	}
	rows := [][]string{{"DISTRICT", "CODE", "RUNS", "STATE", "EARLIEST START", "EARLIEST END", "WAITS FOR"}}
	for _, d := range list {
		state := d.State
		if d.Pin != "" {
			state += " to " + d.Pin
		}
		rows = append(rows, []string{
			d.Name, d.Code, orDash(d.Current), state,
			local(d.EarliestStart, d.TimeZone), local(d.EarliestEnd, d.TimeZone), orDash(d.Reason),
		})
	}
	p.table(rows)
}

// writeBlocked says of each reason whom it blocks and what to do.
func writeBlocked(p *page, groups []blockedGroup) {
	for _, g := range groups {
		p.say("")
		if g.Count > 0 {
			p.say("%s: %s", g.Reason, districts(g.Count))
		} else {
			p.say("%s", g.Reason)
		}
		p.say("  %s", g.Message)
		if g.Next != "" {
			p.say("  next: %s", g.Next)
		}
	}
}

func (d *planDocument) writeStory(p *page) {
	s := d.Simulation
	p.say("Simulated with seed %d, --fail %s and %d minutes for each district. Assumed: people approve the moment they are asked;",
		s.Seed, s.Fail.String(), s.DistrictMinutes)
	p.say("a suspended wave is resumed; whoever fails stays so.")
	p.say("")
	rows := [][]string{{"TIME", "STAGE", "WHAT HAPPENS"}}
	for _, e := range s.Events {
		rows = append(rows, []string{local(e.Time, capital), e.Stage, d.what(e)})
	}
	p.table(rows)
	p.say("")
	counts := fmt.Sprintf("%d done, %d failed, %d pinned", s.Done, s.Failed, s.Pinned)
	if s.Outcome == outcomeComplete {
		p.say("It would be complete at %s: %s.", local(s.End, capital), counts)
	} else {
		p.say("It would hold, and nothing happens after %s: %s.", local(s.End, capital), counts)
	}
	writeBlocked(p, s.Blocked)
}

// what is an event in words.
func (d *planDocument) what(e simulate.Event) string {
	names := strings.Join(e.Districts, ", ")
	switch e.Type {
	case simulate.Approved:
		return "a person approves it"
	case simulate.Started:
		return "start: " + names
	case simulate.Done:
		return "done: " + names
	case simulate.Failed:
		return "FAILED: " + names
	case simulate.Completed:
		for _, stage := range d.Stages {
			if stage.Name == e.Stage && stage.SoakMinutes > 0 {
				return fmt.Sprintf("complete, soaks for %d minutes", stage.SoakMinutes)
			}
		}
		return "complete"
	default:
		return string(e.Type) + " " + names
	}
}
