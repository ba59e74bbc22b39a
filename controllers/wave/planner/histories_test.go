package planner

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/resolve"
	"ilp.health/operator/controllers/stack/upgrade"
)

// TestHistories proves planner and resolver together over random histories of two
// waves: releases go forth and back, pins are set, moved and dropped, districts
// move between the waves and out of them, waves are suspended, deleted and made
// again, statuses are lost, operators killed, and every cache is late. Nobody
// goes anywhere without an admission of the wave that it names, or a pin; a wave
// never has more of them go at once than it may; and what has begun ends.
func TestHistories(t *testing.T) {
	moves := map[resolve.Row]int{}
	for seed := range uint64(randomRuns) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := newHistory(t, seed)
			for range 150 {
				h.happen()
			}
			h.heal()
			for row, n := range h.rows {
				moves[row] += n
			}
		})
	}
	t.Logf("%d histories, moves by row: %v", randomRuns, moves)
	for _, row := range []resolve.Row{resolve.Pinned, resolve.Admitted, resolve.New} {
		if moves[row] < randomRuns/2 {
			t.Errorf("only %d moves by row %s: too few to prove anything", moves[row], row)
		}
	}
}

type history struct {
	t         *testing.T
	rand      *rand.Rand
	now       time.Time
	releases  map[string]upgrade.Release
	waves     map[string]*told // those that exist
	districts map[string]*traveller
	rows      map[resolve.Row]int
	refreshed time.Time
}

// told is a wave, with the admissions as the districts' cache shows them.
type told struct {
	spec     v1alpha1.WaveSpec
	status   v1alpha1.WaveStatus
	admitted []v1alpha1.Admission
}

// traveller is a district, with the wave that it names and what brought it where it
// goes: a wave, or anything else.
type traveller struct {
	simulated
	wave, by string
	// shown is the district in its wave as the waves' cache shows it.
	shown     District
	shownWave string
}

var waveNames = []string{"a", "b"}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{
		t: t, rand: rand.New(rand.NewPCG(seed, 7)), now: monday, refreshed: monday, //nolint:gosec // repeatable on purpose
		releases: map[string]upgrade.Release{}, waves: map[string]*told{}, districts: map[string]*traveller{}, rows: map[resolve.Row]int{},
	}
	for i := range 3 {
		name := fmt.Sprintf("r%d", i+1)
		h.releases[name] = upgrade.Release{Name: name, Version: semver.MustParse(fmt.Sprintf("1.%d.0", i)), RollbackSafe: h.chance(60)}
	}
	for _, name := range waveNames {
		h.makeWave(name)
	}
	for i := range 2 + h.rand.IntN(8) {
		d := &traveller{simulated: *newDistrict(i)}
		if h.chance(50) {
			d.simulated = *newcomer(i)
		}
		h.districts[d.Name] = d
		h.join(d)
		d.shown, d.shownWave = d.District, d.wave
	}
	return h
}

func (h *history) chance(percent int) bool { return h.rand.IntN(100) < percent }

func (h *history) anyRelease() string { return fmt.Sprintf("r%d", 1+h.rand.IntN(3)) }

func (h *history) makeWave(name string) {
	atOnce := atOnce(fmt.Sprint(1 + h.rand.IntN(2)))
	w := &told{spec: wave(stageOf("all", atOnce))}
	w.spec.Release = v1alpha1.ObjectName(h.anyRelease())
	w.spec.Rollout.FailureBudget.Total = ptr.To[int32](514)
	h.waves[name] = w
}

// join has a district name a wave, or none.
func (h *history) join(d *traveller) {
	d.wave, d.Observed = append(waveNames, waveNames[0], "")[h.rand.IntN(4)], false
	d.alone = d.wave == ""
}

// refresh lets all caches catch up.
func (h *history) refresh() {
	h.refreshed = h.now
	for _, w := range h.waves {
		w.admitted = w.status.Admitted
	}
	for _, d := range h.districts {
		d.shown, d.shownWave = d.District, d.wave
	}
}

// happen is one event.
func (h *history) happen() {
	h.t.Helper()
	h.now = h.now.Add(time.Duration(h.rand.IntN(120)) * time.Second)
	if h.now.Sub(h.refreshed) > settled-2*time.Minute {
		h.refresh()
	}
	d := h.districts[slices.Sorted(maps.Keys(h.districts))[h.rand.IntN(len(h.districts))]]
	name := waveNames[h.rand.IntN(2)]
	w := h.waves[name]
	switch dice := h.rand.IntN(100); {
	case dice < 30:
		h.look(d)
	case dice < 45:
		d.finish()
	case dice < 48 && d.record != nil:
		d.Ready, d.Stalled, d.Message = false, true, "ApplicationFailed: it crashes"
	case dice < 49:
		d.broken, d.Observed = true, false
	case dice < 50:
		d.mend()
	case dice < 51:
		d.Pin, d.Observed = h.anyRelease(), false
	case dice < 54:
		d.Pin, d.Observed = "", false
	case dice < 56:
		h.join(d)
	case dice < 57:
		d.lose()
	case dice < 58: // everything is lost, at a time at which no cache is late
		h.refresh()
		for _, w := range h.waves {
			w.status, w.admitted = v1alpha1.WaveStatus{}, nil
		}
		for _, d := range h.districts {
			d.lose()
		}
	case dice < 59: // night
		h.refresh()
		h.now = h.now.Add(3 * time.Hour)
	case w == nil:
		h.refresh()
		h.makeWave(name)
	case dice < 60:
		delete(h.waves, name)
	case dice < 64:
		w.spec.Release = v1alpha1.ObjectName(h.anyRelease())
	case dice < 67:
		w.spec.State = map[bool]v1alpha1.WaveState{true: v1alpha1.WaveStateSuspended}[h.chance(30)]
	case dice < 75:
		w.admitted = w.status.Admitted
	default:
		h.call(name, w)
	}
}

// look has a district look where it should go.
func (h *history) look(d *traveller) {
	h.t.Helper()
	before := target(d.record)
	var admitted []v1alpha1.Admission
	if w := h.waves[d.wave]; w != nil {
		admitted = w.admitted
	}
	switch row := d.act(admitted, h.releases); row {
	case "":
		if target(d.record) != before {
			h.t.Fatalf("%s goes from %q to %q, and nothing says why", d.Name, before, target(d.record))
		}
		return
	case resolve.Admitted:
		d.by = d.wave
		h.rows[row]++
	case resolve.Pinned:
		d.by = ""
		h.rows[row]++
	case resolve.New:
		if !d.alone || before != "" {
			h.t.Fatalf("%s goes from %q to %s although it is not new, or waits", d.Name, before, d.Target)
		}
		d.by = ""
		h.rows[row]++
	default:
		h.t.Fatalf("%s goes from %q to %s by row %s", d.Name, before, d.Target, row)
	}
}

// call is one reconcile of a wave; it may be killed before it has sent anything.
func (h *history) call(name string, w *told) {
	h.t.Helper()
	fleet := Fleet{Releases: h.releases}
	for _, key := range slices.Sorted(maps.Keys(h.districts)) {
		d := h.districts[key]
		if h.chance(60) {
			d.shown, d.shownWave = d.District, d.wave
		}
		if d.shownWave == name {
			fleet.Districts = append(fleet.Districts, d.shown)
		}
	}
	decision := Plan(w.spec, w.status, fleet, h.now)
	if h.chance(10) {
		return
	}
	h.expectPlaces(name, w, decision)
	w.status.Admitted, w.status.Memory = decision.Admitted, decision.Memory
}

// expectPlaces asserts that whoever is admitted finds a place, whatever the
// districts have done or may do by what their caches show.
func (h *history) expectPlaces(name string, w *told, decision Decision) {
	h.t.Helper()
	var flying []string
	fresh := ""
	for _, m := range decision.Members {
		d := h.districts[m.Name]
		held := slices.ContainsFunc(w.status.Admitted, func(a v1alpha1.Admission) bool { return a.Code == d.Code && a.To == w.spec.Release })
		inFlight := d.record != nil && d.record.Running != d.record.Target
		if m.Admitted && !held && !inFlight {
			fresh = m.Name
		}
		may := m.Admitted || (d.wave == name && d.Pin == "" && slices.ContainsFunc(w.admitted, func(a v1alpha1.Admission) bool {
			return a.Code == d.Code && string(a.From) == target(d.record)
		}))
		goes := d.by == name && inFlight && !d.Stalled && !d.shown.Stalled
		if (may || goes) && m.State != Failed && m.State != Pinned {
			flying = append(flying, m.Name)
		}
		if m.Admitted && (w.spec.State == v1alpha1.WaveStateSuspended || d.shown.Pin != "") {
			h.t.Fatalf("%s is admitted and must not be:\n%s", m.Name, decision)
		}
	}
	if limit := w.spec.Rollout.Stages[0].MaxConcurrent.IntValue(); fresh != "" && len(flying) > limit {
		h.t.Fatalf("%s is admitted, and with it %v go in wave %s, which has %d places; admitted before: %v, as the districts see it: %v, started: %v\n%s",
			fresh, flying, name, limit, w.status.Admitted, w.admitted, w.status.Memory.Started, decision)
	}
}

// heal lets all end: districts finish what they have begun, and the waves bring
// them where they name, if there is a way.
func (h *history) heal() {
	h.t.Helper()
	for _, name := range waveNames {
		if h.waves[name] == nil {
			h.makeWave(name)
		}
		h.waves[name].spec.State = v1alpha1.WaveStateActive
	}
	for range 200 {
		h.now = h.now.Add(10 * time.Minute)
		for _, name := range waveNames {
			h.refresh()
			h.call(name, h.waves[name])
			h.refresh()
		}
		for _, d := range h.districts {
			d.Pin = ""
			if d.broken {
				d.mend()
			}
			h.look(d)
			d.finish()
			h.look(d)
		}
	}
	h.refresh()
	for name, w := range h.waves {
		h.call(name, w)
		for _, m := range Plan(w.spec, w.status, h.fleetOf(name), h.now).Members {
			if m.State != Done && m.Reason != v1alpha1.ReasonDowngrade && m.Reason != v1alpha1.ReasonUpgradePath {
				h.t.Errorf("%s of wave %s is left behind: %s %s", m.Name, name, m.State, m.Message)
			}
		}
	}
	for _, d := range h.districts {
		if d.record != nil && d.record.Running != d.record.Target {
			h.t.Errorf("%s has begun to go to %s and has not ended", d.Name, d.record.Target)
		}
	}
}

func (h *history) fleetOf(name string) Fleet {
	fleet := Fleet{Releases: h.releases}
	for _, key := range slices.Sorted(maps.Keys(h.districts)) {
		if d := h.districts[key]; d.wave == name {
			fleet.Districts = append(fleet.Districts, d.District)
		}
	}
	return fleet
}
