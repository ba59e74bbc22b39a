// Package simulate plays a wave forward: it asks the real planner what to do,
// does it to a fleet in memory, and moves a clock to the next thing that
// happens. It has no client, and the same input gives the same story.
package simulate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/upgrade"
	"ilp.health/operator/controllers/wave/planner"
)

// horizon is how far the story goes. A cron expression that does not come within
// five years counts as never, too.
const horizon = 5 * 365 * 24 * time.Hour

// world is the fleet in memory, and the controller that executes plans in it.
type world struct {
	spec      v1alpha1.WaveSpec
	status    v1alpha1.WaveStatus
	districts map[string]*planner.District
	releases  map[string]upgrade.Release
	took      time.Duration
	fails     map[string]bool

	now   time.Time
	due   map[string]time.Time // when those in flight end
	state map[string]planner.State
	whole map[string]bool // stages that are complete
	story Story
}

// Run plays a wave until all is done or nothing happens any more. It assumes
// that people approve every stage as soon as it asks for it, and that a
// suspended wave is resumed at the start.
func Run(spec v1alpha1.WaveSpec, status v1alpha1.WaveStatus, fleet planner.Fleet, opts Options) (Story, error) {
	w := &world{
		spec: *spec.DeepCopy(), releases: fleet.Releases, took: opts.DistrictTime,
		status:    v1alpha1.WaveStatus{Admitted: slices.Clone(status.Admitted), Memory: *status.Memory.DeepCopy()},
		districts: map[string]*planner.District{}, now: opts.Start.UTC().Truncate(time.Second),
		due: map[string]time.Time{}, state: map[string]planner.State{}, whole: map[string]bool{},
		story: Story{Times: map[string]Times{}, End: opts.Start.UTC().Truncate(time.Second)},
	}
	w.spec.State = v1alpha1.WaveStateActive
	if window := w.spec.Rollout.MaintenanceWindow; window.Cron != "" && window.Minutes < 1 {
		return Story{}, fmt.Errorf("maintenanceWindow.minutes is %d, so that it opens for nobody: write how many minutes it stays open", window.Minutes)
	}
	for _, d := range fleet.Districts {
		// Those that wait are looked at before anything else happens.
		d.Observed = d.Observed || d.Target != string(spec.Release)
		w.districts[d.Name] = &d
	}
	if err := w.choose(opts); err != nil {
		return Story{}, err
	}
	for until := w.now.Add(horizon); ; {
		w.settle()
		next, ok := w.next()
		if !ok || next.After(until) {
			return w.story, nil
		}
		w.now = next.UTC()
		w.finish()
	}
}

// choose draws the districts that fail from those that have to be changed.
func (w *world) choose(opts Options) error {
	decision := planner.Plan(w.spec, w.status, w.fleet(), w.now)
	var candidates []string
	for _, m := range decision.Members {
		w.state[m.Name] = m.State
		if m.State == planner.Held || m.State == planner.InFlight {
			candidates = append(candidates, m.Name)
		}
		if m.Admitted {
			w.state[m.Name] = planner.Held // it goes in a moment
		}
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(&opts.Fail, len(candidates), true)
	if err != nil || n < 0 {
		return fmt.Errorf("fail %q is neither a number of districts nor a percentage such as 3%%", opts.Fail.String())
	}
	random := rand.New(rand.NewPCG(opts.Seed, 0)) //nolint:gosec // repeatable on purpose
	random.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
	w.fails = map[string]bool{}
	for _, name := range candidates[:min(n, len(candidates))] {
		w.fails[name] = true
	}
	return nil
}

func (w *world) fleet() planner.Fleet {
	fleet := planner.Fleet{Releases: w.releases}
	for _, name := range slices.Sorted(maps.Keys(w.districts)) {
		fleet.Districts = append(fleet.Districts, *w.districts[name])
	}
	return fleet
}

// settle does what the planner says until it says nothing new for this time.
func (w *world) settle() {
	for {
		decision := planner.Plan(w.spec, w.status, w.fleet(), w.now)
		w.status.Admitted, w.status.Memory, w.story.Last = decision.Admitted, decision.Memory, decision
		for _, m := range decision.Members {
			if m.Admitted {
				w.take(m.Name)
			}
		}
		w.observe(decision)
		if !w.approve(decision) {
			return
		}
	}
}

// take is what a district does with its admission.
func (w *world) take(name string) {
	d := w.districts[name]
	d.Target, d.Observed, d.Ready, d.Stalled = string(w.spec.Release), true, false, false
	d.Cause, d.Message = "", "Progressing: the simulation has started it"
}

// observe tells what a plan has changed, and knows when those in flight end.
func (w *world) observe(decision planner.Decision) {
	changed := map[EventType]map[string][]string{Started: {}, Done: {}, Failed: {}}
	left := map[string]int{}
	for _, m := range decision.Members {
		if m.State != planner.Done && m.State != planner.Pinned {
			left[m.Stage]++
		}
		before := w.state[m.Name]
		w.state[m.Name] = m.State
		times := w.story.Times[m.Name]
		if m.State == before && m.State != planner.InFlight {
			continue
		}
		switch m.State {
		case planner.InFlight:
			if _, known := w.due[m.Name]; !known {
				times.Start = w.since(m.Name)
				w.due[m.Name] = later(times.Start.Add(w.took), w.now)
			}
			if before == planner.Held {
				changed[Started][m.Stage] = append(changed[Started][m.Stage], m.Name)
			}
		case planner.Done:
			times.End = w.now
			changed[Done][m.Stage] = append(changed[Done][m.Stage], m.Name)
		case planner.Failed:
			times.End = w.now
			changed[Failed][m.Stage] = append(changed[Failed][m.Stage], m.Name)
		}
		w.story.Times[m.Name] = times
	}
	for _, what := range []EventType{Failed, Done} {
		w.tell(what, decision.Stages, changed[what])
	}
	for _, s := range decision.Stages {
		if whole := left[s.Name] == 0; whole != w.whole[s.Name] {
			w.whole[s.Name] = whole
			if whole && w.changedIn(s.Name) {
				w.add(Event{Type: Completed, Stage: s.Name})
			}
		}
	}
	w.tell(Started, decision.Stages, changed[Started])
}

// changedIn tells whether something has happened to a stage in this story.
func (w *world) changedIn(stage string) bool {
	return slices.ContainsFunc(w.story.Events, func(e Event) bool { return e.Stage == stage })
}

func (w *world) tell(what EventType, stages []planner.Stage, byStage map[string][]string) {
	for _, s := range stages {
		if names := byStage[s.Name]; len(names) > 0 {
			w.add(Event{Type: what, Stage: s.Name, Districts: names})
		}
	}
}

func (w *world) add(e Event) {
	e.Time = w.now
	w.story.Events, w.story.End = append(w.story.Events, e), w.now
}

// since is from when the wave remembers a district to be on its way.
func (w *world) since(name string) time.Time {
	for _, s := range w.status.Memory.Started {
		if string(s.Name) == name {
			return s.Since.Time
		}
	}
	return w.now
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// approve gives the approvals that a plan asks for.
func (w *world) approve(decision planner.Decision) (given bool) {
	for _, m := range decision.Members {
		stage := v1alpha1.ObjectName(m.Stage)
		if m.Reason != v1alpha1.ReasonAwaitingApproval || slices.Contains(w.spec.ApprovedStages, stage) {
			continue
		}
		w.spec.ApprovedStages = append(w.spec.ApprovedStages, stage)
		w.add(Event{Type: Approved, Stage: m.Stage})
		given = true
	}
	return given
}

// next is when something happens next, if anything does.
func (w *world) next() (time.Time, bool) {
	next := w.story.Last.Next
	for _, t := range w.due {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	return next, !next.IsZero()
}

// finish ends the districts whose time is over.
func (w *world) finish() {
	for name, t := range w.due {
		if t.After(w.now) {
			continue
		}
		delete(w.due, name)
		d := w.districts[name]
		d.Observed = true
		if w.fails[name] {
			d.Ready, d.Stalled, d.Message = false, true, v1alpha1.ReasonApplicationFailed+": simulated, since it was drawn to fail"
			d.Cause = v1alpha1.CauseApplication
			continue
		}
		d.Target, d.Current, d.Ready, d.Stalled, d.Cause = string(w.spec.Release), string(w.spec.Release), true, false, ""
		d.Message = "Succeeded: the simulation has finished it"
	}
}
