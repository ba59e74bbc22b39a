package planner

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/resolve"
)

const randomRuns = 500

// TestRandom runs waves in which districts fail, recover, come, go, are pinned
// and lose their status, while calls are skipped, repeated, cut short and shown
// an old cache, districts see old admissions, and the clock jumps. After every
// call the invariants must hold; in the end, when all is well again, nobody may
// be left behind.
func TestRandom(t *testing.T) {
	var started, pinned int
	for seed := range uint64(randomRuns) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := newRun(t, seed)
			for range 60 + r.rand.IntN(120) {
				r.disturb()
				if r.chance(30) {
					continue
				}
				r.call()
				if r.chance(30) {
					r.call()
				}
			}
			r.heal()
			started += r.started
			for _, d := range r.districts {
				if d.Pin == oldRelease {
					pinned++
				}
			}
		})
	}
	t.Logf("%d waves, %d starts, %d districts pinned in the end", randomRuns, started, pinned)
}

type run struct {
	*sim
	t    *testing.T
	rand *rand.Rand
	made int
	// shown are the districts as the wave's cache shows them.
	shown map[string]District
	// admitted are the admissions as the districts' cache shows them.
	admitted []v1alpha1.Admission
	// moved are the rows by which districts went where they go.
	moved   map[string]resolve.Row
	soaked  map[string]*soaking
	started int
}

// soaking is the oracle's own view of a stage: for how long it has been seen
// complete, with time that ran backwards not counted.
type soaking struct {
	last   time.Time
	whole  bool
	time   time.Duration
	passed bool
}

func newRun(t *testing.T, seed uint64) *run {
	r := &run{t: t, rand: rand.New(rand.NewPCG(seed, 3)), shown: map[string]District{}, moved: map[string]resolve.Row{}, soaked: map[string]*soaking{}} //nolint:gosec // repeatable on purpose
	var spec v1alpha1.WaveSpec
	stages := 1 + r.rand.IntN(4)
	for i := range stages {
		stage := stageOf(fmt.Sprintf("s%d", i), soak(int32(r.rand.IntN(3)*45)), //nolint:gosec // small
			atOnce([]string{"1", "2", "3", "10%", "34%", "100%"}[r.rand.IntN(6)]))
		if r.chance(30) {
			approval(&stage)
		}
		if i < stages-1 {
			switch r.rand.IntN(3) {
			case 0:
				count(int32(1 + r.rand.IntN(4)))(&stage) //nolint:gosec // small
			case 1:
				byName(v1alpha1.ObjectName(fmt.Sprintf("d%02d", i)), "d07", "not-registered")(&stage)
			case 2:
				stage.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"island": "papua"}}
			}
		}
		spec.Rollout.Stages = append(spec.Rollout.Stages, stage)
	}
	spec.Rollout.FailureBudget.Total = ptr.To(int32(r.rand.IntN(4)))   //nolint:gosec // small
	spec.Rollout.DistrictTimeoutMinutes = 60 + int32(r.rand.IntN(120)) //nolint:gosec // small
	if r.chance(50) {
		spec.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{Cron: "0 21 * * *", Minutes: 240}
	}
	r.sim = newSim(spec)
	for range 1 + r.rand.IntN(24) {
		r.register()
	}
	return r
}

func (r *run) chance(percent int) bool { return r.rand.IntN(100) < percent }

func (r *run) register() {
	d := newDistrict(r.made)
	if r.chance(30) {
		d = newcomer(r.made)
	}
	r.made++
	r.districts[d.Name] = d
	if r.chance(10) {
		r.pin(d.Name, oldRelease)
	}
}

// disturb lets time pass and things happen.
func (r *run) disturb() {
	if r.chance(20) {
		r.now = r.now.Add(time.Duration(r.rand.IntN(60)) * time.Second)
	} else {
		r.refresh()
		r.now = r.now.Add(time.Duration(1+r.rand.IntN(40)) * time.Minute)
	}
	switch {
	case r.chance(4):
		r.now = r.now.Add(-time.Duration(r.rand.IntN(300)) * time.Minute)
	case r.chance(3):
		r.refresh()
		r.now = r.now.Add(time.Duration(r.rand.IntN(600)) * time.Minute)
	}
	for _, name := range slices.Sorted(maps.Keys(r.districts)) {
		d := r.districts[name]
		given := d.Target == newRelease
		switch dice := r.rand.IntN(1000); {
		case given && dice < 300:
			d.finish()
		case given && dice < 320:
			r.stall(name)
		case given && dice < 330: // it was well and is not
			d.Ready, d.Message = false, "Unhealthy: it restarts"
		case dice >= 330 && dice < 332:
			delete(r.districts, name)
			delete(r.moved, name)
		case dice >= 332 && dice < 336:
			d.Active, d.Observed = !d.Active, false
		case dice >= 336 && dice < 338:
			r.pin(name, map[string]string{"": oldRelease, oldRelease: ""}[d.Pin])
		case dice >= 338 && dice < 340:
			d.lose()
		case dice >= 340 && dice < 700:
			r.look(name)
		}
	}
	if r.chance(30) {
		r.admitted = r.status.Admitted
	}
	if r.chance(3) && r.made < 40 {
		r.register()
	}
	switch suspended := r.spec.State == v1alpha1.WaveStateSuspended; {
	case suspended && r.chance(20):
		r.spec.State = v1alpha1.WaveStateActive
	case !suspended && r.chance(2):
		r.spec.State = v1alpha1.WaveStateSuspended
	}
	if r.chance(10) {
		stage := r.spec.Rollout.Stages[r.rand.IntN(len(r.spec.Rollout.Stages))]
		if !slices.Contains(r.spec.ApprovedStages, stage.Name) {
			r.spec.ApprovedStages = append(r.spec.ApprovedStages, stage.Name)
		}
	}
}

// refresh shows the present admissions to the districts, and all districts to the
// wave. No cache is late for long.
func (r *run) refresh() {
	r.admitted = r.status.Admitted
	for name, d := range r.districts {
		r.shown[name] = d.District
	}
}

// look has a district look; its cache may be late.
func (r *run) look(name string) {
	r.t.Helper()
	d := r.districts[name]
	row := d.act(r.admitted, r.releases)
	switch row {
	case "":
		return
	case resolve.Pinned, resolve.Admitted:
		r.moved[name] = row
	default:
		r.t.Fatalf("%s goes to %s by row %s: neither a pin nor the wave lets it", name, d.Target, row)
	}
	if row == resolve.Admitted {
		r.started++
	}
}

// call is one reconcile: plan, and send what comes of it. It may be killed before,
// and shown districts as they were before.
func (r *run) call() {
	shown := Fleet{Releases: r.releases}
	for _, name := range slices.Sorted(maps.Keys(r.districts)) {
		if _, known := r.shown[name]; !known || r.chance(60) {
			r.shown[name] = r.districts[name].District
		}
		shown.Districts = append(shown.Districts, r.shown[name])
	}
	decision := Plan(r.spec, r.status, shown, r.now)
	r.expectSame(shown, decision)
	if r.chance(5) {
		return
	}
	r.expectInvariants(decision)
	r.keep(decision)
}

func (r *run) expectSame(shown Fleet, want Decision) {
	r.t.Helper()
	shuffled := Fleet{Releases: shown.Releases, Districts: slices.Clone(shown.Districts)}
	r.rand.Shuffle(len(shuffled.Districts), func(i, j int) {
		shuffled.Districts[i], shuffled.Districts[j] = shuffled.Districts[j], shuffled.Districts[i]
	})
	if got := Plan(r.spec, r.status, shuffled, r.now); !reflect.DeepEqual(got, want) {
		r.t.Fatalf("the same input gives another plan:\n%s\n%s", want, got)
	}
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
func (r *run) flying(members []Member, d Decision) int {
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

// heal makes everything well, and expects that all get there by following
// nothing but the plan and its own wish to be asked again.
func (r *run) heal() {
	r.t.Helper()
	r.spec.State = v1alpha1.WaveStateActive
	stages := r.spec.Rollout.Stages
	r.spec.ApprovedStages = nil
	for i := range stages {
		r.spec.ApprovedStages = append(r.spec.ApprovedStages, stages[i].Name)
	}
	for range 400 {
		r.admitted = r.status.Admitted
		for _, name := range slices.Sorted(maps.Keys(r.districts)) {
			r.districts[name].Active = true
			r.look(name)
			if r.districts[name].Target == newRelease {
				r.finish(name)
			}
			r.shown[name] = r.districts[name].District
		}
		d := r.plan()
		r.expectInvariants(d)
		r.keep(d)
		switch {
		case d.Complete():
			return
		case d.Problem != nil && d.Problem.Reason == v1alpha1.ReasonStageInvalid:
			// A stage selects nobody: it says so, and a person removes it.
			used := map[string]bool{}
			for _, m := range d.Members {
				used[m.Stage] = true
			}
			r.spec.Rollout.Stages = slices.DeleteFunc(r.spec.Rollout.Stages, func(s v1alpha1.Stage) bool {
				return !used[string(s.Name)] && (len(s.Districts) > 0 || s.LabelSelector != nil)
			})
		case len(d.Admitted) > 0:
		case d.Next.IsZero():
			r.t.Fatalf("nobody looks again and somebody is left behind:\n%s", d)
		default:
			r.now = d.Next
		}
	}
	r.t.Fatalf("left behind:\n%s", r.plan())
}
