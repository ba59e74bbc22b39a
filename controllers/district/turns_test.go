package district

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTurns(t *testing.T) {
	var (
		waits  = facility{}
		pilot  = facility{pilot: true}
		done   = facility{given: true, stands: true}
		busy   = facility{given: true}
		failed = facility{given: true, stalled: true}
		asleep = facility{asleep: true}
		fresh  = facility{fresh: true}
		let    = facility{admitted: true}
		astray = facility{elsewhere: true}
	)
	as := func(f facility, change func(*facility)) facility { change(&f); return f }
	pilotOf := func(f facility) facility { return as(f, func(f *facility) { f.pilot = true }) }
	for name, c := range map[string]struct {
		facilities []facility
		limit      int
		want       []int
	}{
		"nobody":                                    {nil, 1, nil},
		"new ones go by themselves":                 {[]facility{fresh, waits, fresh}, 1, []int{1}},
		"one after the other":                       {[]facility{waits, waits, waits}, 1, []int{0}},
		"two at a time":                             {[]facility{done, busy, waits, waits}, 2, []int{2}},
		"as many as allowed":                        {[]facility{busy, busy, waits}, 2, nil},
		"pilots first":                              {[]facility{pilot, pilot, waits, waits}, 3, []int{0, 1}},
		"others wait for the last pilot":            {[]facility{pilotOf(done), pilotOf(busy), waits}, 3, nil},
		"others when the pilots are done":           {[]facility{pilotOf(done), pilotOf(done), waits}, 3, []int{2}},
		"nobody after a failure":                    {[]facility{pilotOf(failed), waits, waits}, 3, nil},
		"nobody while others end":                   {[]facility{failed, busy, waits}, 3, nil},
		"who is admitted stays so":                  {[]facility{waits, let, waits}, 1, []int{1}},
		"not after a failure of another":            {[]facility{failed, let, waits}, 3, nil},
		"who refuses keeps its entry":               {[]facility{as(let, func(f *facility) { f.stalled = true }), let, waits}, 3, []int{0}},
		"not when put to sleep":                     {[]facility{as(let, func(f *facility) { f.asleep = true }), waits}, 1, []int{1}},
		"pilots that come later wait":               {[]facility{pilot, let}, 1, []int{1}},
		"on the way elsewhere counts too":           {[]facility{waits, astray, waits}, 1, []int{1}},
		"and turns to the release":                  {[]facility{waits, astray, waits}, 2, []int{0, 1}},
		"also before a pilot, whose place it holds": {[]facility{pilot, astray, waits}, 1, []int{1}},
		"who sleeps is passed over":                 {[]facility{asleep, waits}, 1, []int{1}},
		"a pilot that sleeps holds nobody up":       {[]facility{pilotOf(asleep), waits}, 1, []int{1}},
		"a new pilot holds nobody up":               {[]facility{pilotOf(as(fresh, func(f *facility) { f.given = true })), waits}, 1, []int{1}},
		"done":                                      {[]facility{done, done}, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := turns(c.facilities, c.limit); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// TestTurnsComeToAnEnd plays random districts and looks at what must hold at every step.
func TestTurnsComeToAnEnd(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // reproducible on purpose
		facilities := make([]facility, random.IntN(25))
		for i := range facilities {
			facilities[i] = facility{pilot: random.IntN(4) == 0, fresh: random.IntN(8) == 0, asleep: random.IntN(10) == 0}
		}
		slices.SortStableFunc(facilities, func(a, b facility) int {
			switch {
			case a.pilot == b.pilot:
				return 0
			case a.pilot:
				return -1
			}
			return 1
		})
		limit, broken := 1+random.IntN(4), random.IntN(3) == 0
		// Some are on their way elsewhere, and never get there.
		astray := make([]bool, len(facilities))
		for i := max(0, len(facilities)-limit); i < len(facilities); i++ {
			astray[i] = !facilities[i].fresh && random.IntN(2) == 0
			facilities[i].elsewhere = astray[i]
		}
		for range 200 {
			now := turns(facilities, limit)
			for i := range facilities {
				f := &facilities[i]
				switch let := slices.Contains(now, i); {
				case let && failed(facilities):
					t.Fatalf("seed %d: %d was begun although one has failed", seed, i)
				case f.admitted && !let && !failed(facilities):
					t.Fatalf("seed %d: %d may go no more", seed, i)
				case f.fresh:
					f.given = true
				default:
					f.admitted = let
				}
				if f.admitted && random.IntN(2) == 0 {
					f.given, f.admitted, f.elsewhere = true, false, false
				}
			}
			busy, pilots, others := 0, false, false
			for i, f := range facilities {
				moving := (f.given || f.admitted) && !f.stands && !f.fresh
				if moving || (f.elsewhere && !f.asleep) {
					busy++
				}
				pilots = pilots || (f.pilot && !f.stands && !f.fresh && !f.asleep)
				others = others || (!f.pilot && moving && !astray[i])
			}
			if busy > limit {
				t.Fatalf("seed %d: %d at once, %d allowed", seed, busy, limit)
			}
			if pilots && others {
				t.Fatalf("seed %d: others were begun before the pilots' end", seed)
			}
			for i := range facilities {
				if f := &facilities[i]; f.given && !f.stands && !f.stalled && random.IntN(3) == 0 {
					f.stalled = broken && !f.fresh && random.IntN(4) == 0
					f.stands = !f.stalled
				}
			}
		}
		for i, f := range facilities {
			if !f.stands && !f.asleep && !failed(facilities) {
				t.Fatalf("seed %d: %d was left behind", seed, i)
			}
		}
	}
}

func failed(facilities []facility) bool {
	return slices.ContainsFunc(facilities, func(f facility) bool { return f.stalled })
}
