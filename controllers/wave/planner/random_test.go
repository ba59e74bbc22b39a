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
