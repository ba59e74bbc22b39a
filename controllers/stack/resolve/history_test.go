package resolve

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"ilp.health/operator/controllers/stack/upgrade"
)

const histories = 1500

// ownWave is the district, which admits its Puskesmas as a wave does.
const ownWave = "district"

var (
	names = slices.Sorted(maps.Keys(entries))
	asks  = append([]string{"", "", "9.9.9"}, names...)
)

// TestHistories: pins are set, moved and dropped, waves changed, moved between,
// deleted and made again, statuses lost; caches are late and the operator is
// killed anywhere. After each step the invariants hold (judge), and whoever is
// left alone in the end comes to where it was going.
func TestHistories(t *testing.T) {
	rows, held := map[Row]int{}, 0
	for seed := range uint64(histories) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newWorld(t, seed)
			for range 40 + w.rand.IntN(60) {
				w.disturb()
				w.turn()
			}
			for _, s := range w.stacks() {
				d := Release(w.read(s).Stack, catalogue)
				rows[d.Row]++
				if d.Held != nil {
					held++
				}
			}
			w.leaveAlone()
		})
	}
	t.Logf("in the end %v, %d held", rows, held)
	for _, row := range []Row{Pinned, Unknown, Admitted, Begun, Waiting, New} {
		if rows[row] == 0 {
			t.Errorf("no history ends with row %s", row)
		}
	}
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, rand: rand.New(rand.NewPCG(seed, 7)), //nolint:gosec // repeatable on purpose
		district: &stack{code: "61.05"},
		members:  []*stack{{code: "P6107080201"}, {code: "P6107080202"}},
		waves:    map[string]*admitter{"w1": {}, "w2": {}, ownWave: {}},
	}
	w.district.is.wave = pick(w, []string{"", "w1", "w2", "w3"})
	for _, s := range w.members {
		s.is.wave = ownWave
	}
	if w.chance(30) { // an operator before 0.2.0 has left it so, perhaps on its way
		current := pick(w, []string{"1.0.0", "1.1.0", "1.2.0"})
		for _, s := range w.stacks() {
			s.exists, s.stands, s.schema = true, w.chance(50), []string{current}
			s.is.current, s.is.schema, s.is.target = current, current, current
			if next := pick(w, names); !s.stands && reaches(current, next) {
				s.is.target = next
				if entries[next].Version.GreaterThan(entries[current].Version) {
					s.is.schema, s.schema = next, append(s.schema, next)
				}
			}
			if s != w.district && s.stands && w.chance(30) { // its RME went back, and its schema did not
				s.is.current, s.is.target, s.is.schema, s.schema = "1.0.0", "1.0.0", "1.1.0", []string{"1.1.0"}
			}
		}
	}
	return w
}

// disturb is what people, and accidents, do.
func (w *world) disturb() {
	s := pick(w, w.stacks())
	wave := pick(w, []string{"w1", "w2"})
	switch w.rand.IntN(12) {
	case 0, 1:
		pin := pick(w, asks)
		if s.target() != "" && w.chance(20) {
			pin = s.record.Running // back to where it came from
		}
		w.logf("%s is pinned to %q", s.code, pin)
		s.set(func(c *custom) { c.pin = pin })
	case 2:
		w.logf("all pins are dropped")
		for _, s := range w.stacks() {
			s.set(func(c *custom) { c.pin = "" })
		}
	case 3:
		to := pick(w, []string{"", "w1", "w2", "w3"})
		w.logf("the district moves to wave %q", to)
		w.district.set(func(c *custom) { c.wave = to })
	case 4, 5:
		if a := w.waves[wave]; a != nil {
			a.release, a.suspended = pick(w, asks), w.chance(20)
			w.logf("%s asks for %q, suspended: %v", wave, a.release, a.suspended)
		}
	case 6:
		if w.waves[wave] == nil {
			w.logf("%s is made again", wave)
			w.waves[wave] = &admitter{release: pick(w, names)}
		} else if w.chance(30) {
			w.logf("%s is deleted", wave)
			delete(w.waves, wave)
		}
	case 7:
		w.loseStatus()
	}
}

// loseStatus takes the status of every resource away.
func (w *world) loseStatus() {
	if w.chance(70) {
		return
	}
	w.logf("every status is lost")
	for _, s := range w.stacks() {
		s.set(func(c *custom) { c.current, c.schema, c.target = "", "", "" })
	}
	for _, name := range slices.Sorted(maps.Keys(w.waves)) {
		a := w.waves[name]
		a.was, a.admitted = append(a.was, a.admitted), nil
	}
}

// turn lets somebody work.
func (w *world) turn() {
	if w.chance(40) {
		w.waves[ownWave].release = w.district.target()
		w.admit(pick(w, slices.Sorted(maps.Keys(w.waves))))
		return
	}
	w.reconcile(pick(w, w.stacks()))
}

// judge holds the invariants against a decision.
func (w *world) judge(s *stack, v seen, d Decision) {
	w.t.Helper()
	target := s.target()
	if recorded := s.record != nil; recorded {
		lost := v.Stack
		lost.Current, lost.Target = "", pick(w, asks)
		if other := Release(lost, catalogue); other.Release != d.Release || other.Direction != d.Direction {
			w.failf("%s: with another status it decides %+v instead of %+v", s.code, other, d)
		}
	}
	blind := s.exists && s.record == nil && v.Current == "" && v.Target == ""
	if d.Direction == upgrade.Forward && !blind && w.later(s.schema, d.Release) {
		w.failf("%s: data that may be of %v goes forward to %s", s.code, s.schema, d.Release)
	}
	if d.Direction == upgrade.Back && !w.later(v.Ends(), d.Release) {
		w.failf("%s: what is of %v goes back to %s", s.code, v.Ends(), d.Release)
	}
	switch {
	case d.Release == target:
		return
	case target == "" && s.exists && (d.Release == v.Target || v.Target == "" && d.Release == v.Current):
		return // what an older operator has left goes on
	case d.Held != nil:
		w.failf("%s: what cannot be reached moves it from %q to %q", s.code, target, d.Release)
	case d.Release == v.Pin:
	case w.waves[v.is.wave] != nil && v.Admission != nil && string(v.Admission.From) == target && string(v.Admission.To) == d.Release && !blind:
	case target == "" && !s.exists && !v.Waits && d.Release == v.Offered:
		if s != w.district && !w.district.exists {
			w.failf("%s: begins before its district", s.code)
		}
	default:
		w.failf("%s: goes from %q to %q, and nobody has let it: %+v", s.code, target, d.Release, d)
	}
	if blind {
		return // a person has said so
	}
	for _, from := range s.schema {
		if _, refusal := upgrade.PathFrom([]upgrade.Release{entries[from]}, entries[d.Release]); refusal != nil {
			w.failf("%s: goes to %s although its data may be of %s: %s", s.code, d.Release, from, refusal.Message)
		}
	}
}

func (w *world) later(ends []string, release string) bool {
	return release != "" && slices.ContainsFunc(ends, func(end string) bool {
		return entries[end].Version.GreaterThan(entries[release].Version)
	})
}

// leaveAlone ends the disturbances: what has begun ends. With the waves gone,
// and no pins, that is where each was going; with them it is where the wave, or
// the district, wants it, if that can be reached.
func (w *world) leaveAlone() {
	w.quiet = true
	alone := w.chance(50)
	w.logf("they are left alone, without waves: %v", alone)
	wanted := map[*stack]string{}
	for _, s := range w.stacks() {
		wanted[s] = s.target()
		if alone {
			s.set(func(c *custom) { c.pin = "" })
		}
	}
	if alone {
		w.waves = map[string]*admitter{}
	}
	for range 8 {
		for _, s := range w.stacks() {
			w.reconcile(s)
		}
		for _, name := range slices.Sorted(maps.Keys(w.waves)) {
			w.waves[ownWave].release = w.district.target()
			w.admit(name)
		}
	}
	for _, s := range w.stacks() {
		d := Release(w.read(s).Stack, catalogue)
		switch {
		case d.Release == "":
			if s.record != nil {
				w.failf("%s: is at %q and has nowhere to go", s.code, s.target())
			}
			continue
		case d.Release != s.target() || !s.stands || s.record.Running != d.Release:
			w.failf("%s: does not end: %+v", s.code, d)
		case alone && wanted[s] != "" && wanted[s] != d.Release:
			w.failf("%s: was on its way to %s and ends at %s", s.code, wanted[s], d.Release)
		}
		to, ends := s.is.pin, slices.Clone(s.record.Schema)
		if a := w.waves[s.is.wave]; to == "" && a != nil && !a.suspended {
			to, ends = a.release, append(ends, s.target()) // a wave goes by the status
		}
		if _, there := entries[to]; there && s.target() != to && !slices.ContainsFunc(ends, func(from string) bool { return !reaches(from, to) }) {
			w.failf("%s: may go from %v to %s and does not: %+v", s.code, ends, to, d)
		}
	}
}
