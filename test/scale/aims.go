package main

import (
	"fmt"

	"ilp.health/operator/test/scale/internal/stats"
)

// aim is what ought to be, beside what is.
type aim struct {
	What string
	// AtMost is the bound; the value may be as large as it unless Below is set.
	AtMost float64
	Below  bool
	Unit   string
	Is     string
	Met    bool
}

func (a *aim) bound() string {
	text := fmt.Sprintf("%.4g%s", a.AtMost, a.Unit)
	if a.Below {
		return "below " + text
	}
	return text
}

// atMost sets a value beside its bound.
func atMost(what string, bound, value float64, unit string) aim {
	return aim{What: what, AtMost: bound, Unit: unit, Is: fmt.Sprintf("%.4g%s", value, unit), Met: value <= bound}
}

// below is atMost for bounds that must not be reached.
func below(what string, bound, value float64, unit string) aim {
	a := atMost(what, bound, value, unit)
	a.Below, a.Met = true, value < bound
	return a
}

// The country is a fleet of its own: it may take more memory, and has to be
// nearer to the bare client.
const country = 500

// aims of a comparison are about medians, but for kro: all of the interval has
// to be below it.
func (r *comparison) aims() []aim {
	if len(r.of(theOperator, wall)) == 0 {
		return nil
	}
	var out []aim
	ratio := func(bound float64, other string, value func(*outcome) float64, what string) {
		if e := r.ratio(theOperator, other, value); e.N > 0 {
			a := atMost(what, bound, e.Median, "")
			a.Is = estimate(e)
			out = append(out, a)
		}
	}
	memory, plain := 90.0, 1.25
	if r.About.Districts >= country {
		memory, plain = 300, 1.15
	}
	ratio(1.1, limitResources, wall, "wall ÷ (bare + CRs + one status)")
	ratio(plain, limitApply, wall, "wall ÷ bare")
	for _, who := range []string{"kro-district", "kro-puskesmas"} {
		if e := r.ratio(theOperator, who, wall); e.N > 0 {
			a := below("wall ÷ "+who+", end of the interval", 1, e.High, "")
			a.Is = estimate(e)
			out = append(out, a)
		}
	}
	ratio(1.2, limitApply, allocated, "allocated in the API server ÷ bare")
	return append(out,
		atMost("requests per object, with bookkeeping", 1.1, r.perObject(stats.Median(r.of(theOperator, asked))), ""),
		below("peak memory", memory, stats.Median(r.of(theOperator, peak)), " MiB"))
}
