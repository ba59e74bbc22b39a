package planner

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
)

const randomRuns = 500

// TestRandom runs waves in which districts fail, recover, come, go and are
// pinned, while calls are skipped, repeated, cut short and shown an old cache,
// and the clock jumps. After every call the invariants must hold; in the end,
// when all is well again, nobody may be left behind.
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
			pinned += len(r.memory.Pinned)
		})
	}
	t.Logf("%d waves, %d starts, %d districts pinned in the end", randomRuns, started, pinned)
}

type run struct {
	*sim
	t    *testing.T
	rand *rand.Rand
	made int
	// late are the districts that the cache still shows as they were.
	late    map[string]District
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
	r := &run{t: t, rand: rand.New(rand.NewPCG(seed, 3)), late: map[string]District{}, soaked: map[string]*soaking{}} //nolint:gosec // repeatable on purpose
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
	r.made++
	if r.chance(30) { // never provisioned
		d.Release, d.Current, d.Target, d.Ready = "", "", "", false
	}
	r.districts[d.Name] = d
	if r.chance(10) {
		d.Release = oldRelease
		r.pins[d.Name] = true
	}
}

// disturb lets time pass and things happen.
func (r *run) disturb() {
	r.now = r.now.Add(time.Duration(1+r.rand.IntN(40)) * time.Minute)
	switch {
	case r.chance(4):
		r.now = r.now.Add(-time.Duration(r.rand.IntN(300)) * time.Minute)
	case r.chance(3):
		r.now = r.now.Add(time.Duration(r.rand.IntN(600)) * time.Minute)
	}
	for _, d := range r.fleet().Districts {
		truth := r.districts[d.Name]
		given := truth.Release == newRelease
		switch dice := r.rand.IntN(1000); {
		case given && dice < 300:
			r.finish(d.Name)
		case given && dice < 320:
			r.stall(d.Name)
		case given && dice < 330: // it was well and is not
			truth.Ready, truth.Message = false, "Unhealthy: it restarts"
		case dice < 333:
			delete(r.districts, d.Name)
			delete(r.late, d.Name)
		case dice < 336:
			truth.Active = !truth.Active
		case dice < 338:
			r.pins[d.Name] = !r.pins[d.Name]
			if r.pins[d.Name] {
				truth.Release = oldRelease
			}
		}
	}
	if r.chance(3) && r.made < 40 {
		r.register()
	}
	if r.chance(4) {
		r.spec.State = []v1alpha1.WaveState{v1alpha1.WaveStateActive, v1alpha1.WaveStateSuspended}[r.rand.IntN(2)]
	}
	if r.chance(10) {
		stage := r.spec.Rollout.Stages[r.rand.IntN(len(r.spec.Rollout.Stages))]
		if !slices.Contains(r.spec.ApprovedStages, stage.Name) {
			r.spec.ApprovedStages = append(r.spec.ApprovedStages, stage.Name)
		}
	}
}

// call is one reconcile: plan, remember, execute. It may end at any step, and
// the next one may still be shown districts as they were before.
func (r *run) call() {
	shown := r.fleet()
	for i, d := range shown.Districts {
		if old, ok := r.late[d.Name]; ok && r.chance(60) {
			shown.Districts[i] = old
		}
	}
	r.late = map[string]District{}
	before := r.memory
	decision := Plan(r.spec, before, shown, r.now)
	r.expectSame(before, shown, decision)
	r.expectInvariants(before, decision)
	if r.chance(5) {
		return // killed before it could remember
	}
	r.memory = decision.Memory
	for _, name := range decision.Start {
		if r.chance(10) {
			return // killed before it could execute
		}
		was := *r.districts[name]
		if r.give(name) {
			r.pin(name)
			continue
		}
		if was.Release != newRelease {
			r.started++
			r.late[name] = was
		}
	}
}

func (r *run) expectSame(memory v1alpha1.WaveMemory, shown Fleet, want Decision) {
	r.t.Helper()
	shuffled := Fleet{Releases: shown.Releases, Districts: slices.Clone(shown.Districts)}
	r.rand.Shuffle(len(shuffled.Districts), func(i, j int) {
		shuffled.Districts[i], shuffled.Districts[j] = shuffled.Districts[j], shuffled.Districts[i]
	})
	if got := Plan(r.spec, memory, shuffled, r.now); !reflect.DeepEqual(got, want) {
		r.t.Fatalf("the same input gives another plan:\n%s\n%s", want, got)
	}
}

// expectInvariants looks at a decision and at the cluster as it really is.
func (r *run) expectInvariants(before v1alpha1.WaveMemory, d Decision) {
	r.t.Helper()
	fail := func(format string, args ...any) {
		r.t.Helper()
		r.t.Fatalf("%s\nat %s after %s\n%s", fmt.Sprintf(format, args...), r.now, before.Started, d)
	}
	for _, m := range d.Members {
		if (m.State == Held || m.State == Failed) && (m.Reason == "" || m.Message == "") {
			fail("%s is %s and nothing says why", m.Name, m.State)
		}
	}
	r.watchSoaking(d)
	stages := r.byStage(d)
	for _, name := range d.Start {
		truth := r.districts[name]
		known := slices.ContainsFunc(before.Started, func(s v1alpha1.StartedDistrict) bool { return string(s.Name) == name })
		if truth.Release == newRelease && !known {
			fail("%s is started twice", name)
		}
		if known {
			continue
		}
		if r.spec.State == v1alpha1.WaveStateSuspended || !truth.Active {
			fail("%s is started while suspended", name)
		}
		if !r.windowOpen(truth.TimeZone) {
			fail("%s is started outside its window", name)
		}
		if budget := int(*r.spec.Rollout.FailureBudget.Total); d.Counts[Failed] > budget || r.stalled() > budget {
			fail("%s is started with the budget spent", name)
		}
		r.expectTurn(name, stages, d, fail)
	}
}

// expectTurn asserts order, soak, approval and concurrency for one start.
func (r *run) expectTurn(name string, stages [][]Member, d Decision, fail func(string, ...any)) {
	r.t.Helper()
	for i, members := range stages {
		spec := r.spec.Rollout.Stages[i]
		if slices.ContainsFunc(members, func(m Member) bool { return m.Name == name }) {
			if spec.Approval == "Required" && !slices.Contains(r.spec.ApprovedStages, spec.Name) {
				fail("%s is started before %s is approved", name, spec.Name)
			}
			if flying, limit := r.flying(members, d), limitOf(spec, members); flying > limit {
				fail("%d in flight in %s, which allows %d", flying, spec.Name, limit)
			}
			return
		}
		for _, m := range members {
			if truth := r.districts[m.Name]; m.State != Pinned && (truth.Release != newRelease || !truth.Ready) {
				fail("%s is started while %s of %s is not done", name, m.Name, spec.Name)
			}
		}
		if s := r.soaked[string(spec.Name)]; limitOf(spec, members) > 0 && !s.passed {
			fail("%s is started when %s has soaked %s", name, spec.Name, s.time)
		}
	}
	fail("%s is started and in no stage", name)
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

// flying counts who is given the release, or about to be, and neither done nor failed.
func (r *run) flying(members []Member, d Decision) int {
	n := 0
	for _, m := range members {
		truth := r.districts[m.Name]
		given := truth.Release == newRelease || slices.Contains(d.Start, m.Name)
		done := truth.Release == newRelease && truth.Ready
		if given && !done && m.State != Failed && truth.Active {
			n++
		}
	}
	return n
}

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

func (r *run) stalled() int {
	n := 0
	for _, d := range r.districts {
		if d.Release == newRelease && d.Stalled && d.Active {
			n++
		}
	}
	return n
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
		for _, d := range r.districts {
			d.Active = true
			if d.Release == newRelease {
				r.finish(d.Name)
			}
		}
		d := r.reconcile()
		r.expectInvariants(r.memory, d)
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
		case len(d.Start) > 0:
		case d.Next.IsZero():
			r.t.Fatalf("nobody looks again and somebody is left behind:\n%s", d)
		default:
			r.now = d.Next
		}
	}
	r.t.Fatalf("left behind:\n%s", r.plan())
}
