package wave

import (
	"fmt"
	"io"
	"strings"
	"time"

	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
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

// districts is a number of them.
func districts(n int) string {
	if n == 1 {
		return "1 district"
	}
	return fmt.Sprintf("%d districts", n)
}

func (d *planDocument) write(out io.Writer) error {
	p := page.New(out)
	p.Sayf("Wave %s brings %s to release %s. Planned for %s.", d.Wave, districts(d.Districts), d.Release, local(d.Time, capital))
	if d.Window != "" {
		p.Sayf("Districts start in the maintenance window (%s, in their own time zone).", d.Window)
	}
	if d.Simulation == nil {
		d.writeStages(p)
		writeBlocked(p, d.Blocked)
	} else {
		d.writeStory(p)
	}
	p.Sayf("")
	if worst := d.WorstCase; worst.Districts > 0 {
		p.Sayf("Worst case: %d of %s in stage %s can fail before the wave holds.", worst.Districts, districts(worst.Of), worst.Stage)
	} else {
		p.Sayf("Worst case: no district can be hurt, none is left to change.")
	}
	return p.Err
}

func (d *planDocument) writeStages(p *page.Page) {
	for _, s := range d.Stages {
		p.Sayf("")
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
		p.Sayf("%s", text)
		writeDistricts(p, s.Districts)
	}
	if len(d.Unstaged) > 0 {
		p.Sayf("\nIn no stage: %s", districts(len(d.Unstaged)))
		writeDistricts(p, d.Unstaged)
	}
	if len(d.Stages) > 0 {
		p.Sayf("\nEarliest times: no district fails, people approve at once, a suspended wave is resumed.")
	}
}

func writeDistricts(p *page.Page, list []plannedDistrict) {
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
			d.Name, d.Code, page.OrDash(d.Current), state,
			local(d.EarliestStart, d.TimeZone), local(d.EarliestEnd, d.TimeZone), page.OrDash(d.Reason),
		})
	}
	p.Table(rows)
}

// writeBlocked says of each reason whom it blocks and what to do.
func writeBlocked(p *page.Page, groups []blockedGroup) {
	for _, g := range groups {
		p.Sayf("")
		if g.Count > 0 {
			p.Sayf("%s: %s", g.Reason, districts(g.Count))
		} else {
			p.Sayf("%s", g.Reason)
		}
		p.Sayf("  %s", g.Message)
		if g.Next != "" {
			p.Sayf("  next: %s", g.Next)
		}
	}
}

func (d *planDocument) writeStory(p *page.Page) {
	s := d.Simulation
	p.Sayf("Simulated with seed %d, --fail %s and %d minutes for each district. Assumed: people approve the moment they are asked;",
		s.Seed, s.Fail.String(), s.DistrictMinutes)
	p.Sayf("a suspended wave is resumed; whoever fails stays so.")
	p.Sayf("")
	rows := [][]string{{"TIME", "STAGE", "WHAT HAPPENS"}}
	for _, e := range s.Events {
		rows = append(rows, []string{local(e.Time, capital), e.Stage, d.what(e)})
	}
	p.Table(rows)
	p.Sayf("")
	counts := fmt.Sprintf("%d done, %d failed, %d pinned", s.Done, s.Failed, s.Pinned)
	if s.Outcome == outcomeComplete {
		p.Sayf("It would be complete at %s: %s.", local(s.End, capital), counts)
	} else {
		p.Sayf("It would hold, and nothing happens after %s: %s.", local(s.End, capital), counts)
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
