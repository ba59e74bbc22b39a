package planner

import (
	"fmt"
	"slices"
	"time"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/resolve"
)

// soaking is the oracle's own view of a stage: for how long it has been seen
// complete, with time that ran backwards not counted.
type soaking struct {
	last   time.Time
	whole  bool
	time   time.Duration
	passed bool
}

// expectInvariants looks at a decision and at the cluster as it really is.
func (r *run) expectInvariants(d Decision) {
	r.t.Helper()
	fail := func(format string, args ...any) {
		r.t.Helper()
		r.t.Fatalf("%s\nat %s after %v and %v\n%s", fmt.Sprintf(format, args...), r.now, r.status.Admitted, r.status.Memory.Started, d)
	}
	for _, m := range d.Members {
		if (m.State == Held || m.State == Failed) && (m.Reason == "" || m.Message == "") {
			fail("%s is %s and nothing says why", m.Name, m.State)
		}
	}
	r.watchSoaking(d)
	stages := r.byStage(d)
	for _, m := range d.Members {
		shown := r.shown[m.Name]
		if m.Admitted && (r.spec.State == v1alpha1.WaveStateSuspended || !shown.Active || shown.Pin != "" || shown.Target == newRelease) {
			fail("%s is admitted, and must not be", m.Name)
		}
		if m.Admitted && !r.windowOpen(shown.TimeZone) {
			fail("%s is admitted outside its window", m.Name)
		}
		if !m.Admitted || slices.ContainsFunc(r.status.Admitted, func(a v1alpha1.Admission) bool { return a.Code == shown.Code && string(a.From) == shown.Target }) {
			continue
		}
		if budget := int(*r.spec.Rollout.FailureBudget.Total); d.Counts[Failed] > budget {
			fail("%s is admitted with the budget spent", m.Name)
		}
		r.expectTurn(m.Name, stages, d, fail)
	}
}

// expectTurn asserts order, soak, approval and concurrency for one that has just been admitted.
func (r *run) expectTurn(name string, stages [][]Member, d Decision, fail func(string, ...any)) {
	r.t.Helper()
	for i, members := range stages {
		spec := r.spec.Rollout.Stages[i]
		if slices.ContainsFunc(members, func(m Member) bool { return m.Name == name }) {
			if spec.Approval == "Required" && !slices.Contains(r.spec.ApprovedStages, spec.Name) {
				fail("%s is admitted before %s is approved", name, spec.Name)
			}
			if flying, limit := r.flying(members, d), limitOf(spec, members); flying > limit {
				fail("%d in flight in %s, which allows %d", flying, spec.Name, limit)
			}
			return
		}
		for _, m := range members {
			if shown := r.shown[m.Name]; m.State != Pinned && (shown.Target != newRelease || !shown.Ready) {
				fail("%s is admitted while %s of %s is not done", name, m.Name, spec.Name)
			}
		}
		if s := r.soaked[string(spec.Name)]; limitOf(spec, members) > 0 && !s.passed {
			fail("%s is admitted when %s has soaked %s", name, spec.Name, s.time)
		}
	}
	fail("%s is admitted and in no stage", name)
}

func (r *run) byStage(d Decision) [][]Member {
	out := make([][]Member, len(r.spec.Rollout.Stages))
	for _, m := range d.Members {
		for i, s := range r.spec.Rollout.Stages {
			if string(s.Name) == m.Stage {
				out[i] = append(out[i], m)
			}
		}
	}
	return out
}

// flying counts who goes by the wave's admission, or may by any that it sees, and
// is neither done nor failed.
func (r *run) flying(members []Member, _ Decision) int {
	n := 0
	for _, m := range members {
		truth, shown := r.districts[m.Name], r.shown[m.Name]
		may := m.Admitted || slices.ContainsFunc(r.admitted, func(a v1alpha1.Admission) bool {
			return a.Code == truth.Code && truth.Pin == "" && string(a.From) == target(truth.record)
		})
		goes := target(truth.record) == newRelease && r.moved[m.Name] == resolve.Admitted
		done := truth.record != nil && truth.record.Running == newRelease && (truth.Ready || m.State == Done)
		if (may || goes) && !done && m.State != Failed && m.State != Pinned && truth.Active && shown.Active {
			n++
		}
	}
	return n
}

func target(r *record.Record) string { return r.Copy().Target }

// limitOf is maxConcurrent in numbers, and 0 for a stage of nobody.
func limitOf(spec v1alpha1.Stage, members []Member) int {
	working := 0
	for _, m := range members {
		if m.State != Pinned {
			working++
		}
	}
	n := spec.MaxConcurrent.IntValue()
	var percent int
	if _, err := fmt.Sscanf(spec.MaxConcurrent.StrVal, "%d%%", &percent); err == nil {
		n = working * percent / 100
	}
	return min(max(n, 1), working)
}

// windowOpen knows 21:00 to 01:00.
func (r *run) windowOpen(timeZone string) bool {
	if r.spec.Rollout.MaintenanceWindow.Cron == "" {
		return true
	}
	location, err := time.LoadLocation(timeZone)
	if err != nil {
		r.t.Fatal(err)
	}
	hour := r.now.In(location).Hour()
	return hour >= 21 || hour < 1
}

func (r *run) watchSoaking(d Decision) {
	for i, members := range r.byStage(d) {
		spec := r.spec.Rollout.Stages[i]
		s := r.soaked[string(spec.Name)]
		if s == nil {
			s = &soaking{}
			r.soaked[string(spec.Name)] = s
		}
		whole := limitOf(spec, members) > 0
		for _, m := range members {
			whole = whole && (m.State == Done || m.State == Pinned)
		}
		if whole && s.whole && r.now.After(s.last) {
			s.time += r.now.Sub(s.last)
		}
		if !whole {
			s.time = 0
		}
		s.whole, s.last = whole, r.now
		if whole && s.time >= time.Duration(*spec.SoakMinutes)*time.Minute {
			s.passed = true
		}
	}
}
