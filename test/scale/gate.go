package main

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// The gate's budgets are for a small fleet, in which what a start costs weighs
// more. They are what is, and a little: whoever makes it cheaper lowers them.
const (
	gateDistricts = 2
	gatePuskesmas = 5
	// gateRequests is what the operator may ask for, for each object.
	gateRequests = 1.7
	// gateAllocated is what the API server may allocate for the operator, as a
	// multiple of what it allocates for the bare client.
	gateAllocated = 2.15
)

// gated is what a change must not make dearer: requests and the API server's
// allocations, which no busy machine changes. Seconds are never gated.
type gated struct {
	About          about
	Operator, Bare outcome
	Aims           []aim
}

// gate brings a small fleet up, by the operator and by the bare client.
func (b *bench) gate() (report, error) {
	b.wave = newWave(fleet{districts: gateDistricts, puskesmas: gatePuskesmas, desa: desaEach})
	b.about.Districts, b.about.Puskesmas = gateDistricts, gateDistricts*gatePuskesmas
	r := &gated{About: b.about}
	var err error
	kept := contestant{name: theOperator, what: "this operator", bring: bringByOperator, then: func(ctx context.Context, a *attempt) error { return b.keep(ctx, a.cluster) }}
	if r.Operator, err = b.attempt(1, kept); err != nil {
		return nil, err
	}
	if r.Bare, err = b.attempt(1, limit(limitApply, "server-side apply", (*bench).bareApply)); err != nil {
		return nil, err
	}
	r.Aims = []aim{
		atMost("requests per object, with bookkeeping", gateRequests, asked(&r.Operator)/float64(r.Operator.Objects), ""),
		atMost("allocated in the API server ÷ bare", gateAllocated, r.Operator.Allocated/r.Bare.Allocated, ""),
	}
	return r, nil
}

func (r *gated) print(w io.Writer) {
	t := printer(w)
	t.head(r.About)
	t.linef("")
	t.linef("%d objects; the operator asked for", r.Operator.Objects)
	t.requests(r.Operator.Requests)
	t.aims(r.Aims)
}

func (r *gated) missed() error {
	var errs []error
	for _, a := range r.Aims {
		if !a.Met {
			errs = append(errs, fmt.Errorf("%s is %s, and must be at most %s: find what became dearer, or say in test/scale/gate.go why it has to be", a.What, a.Is, a.bound()))
		}
	}
	return errors.Join(errs...)
}
