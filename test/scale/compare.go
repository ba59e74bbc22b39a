package main

import (
	"fmt"
	"slices"

	"ilp.health/operator/test/scale/internal/stats"
)

// turn is a contestant's in a round.
type turn struct {
	Round int
	Who   string
	outcome
	// Failure is why there is no outcome.
	Failure string `json:",omitempty"`
}

// comparison is what bringing the same objects up took, by the operator and by
// others.
type comparison struct {
	About about
	// Objects and Digest are of what everybody has made.
	Objects int
	Digest  string
	// Asked is what the operator asked for, by the audit log of a round that is
	// not timed.
	Asked requests
	Turns []turn
	// LeftOut are contestants that could not take part, and why.
	LeftOut map[string]string `json:",omitempty"`
	Aims    []aim

	names []string
}

// compare lets the contestants take turns, each on a fresh API server.
func (b *bench) compare() (report, error) {
	in, out, err := b.chosen(b.contestants)
	if err != nil {
		return nil, err
	}
	r := &comparison{About: b.about, LeftOut: out}
	for _, who := range in {
		r.names = append(r.names, who.name)
	}
	if r.Asked, err = b.bringUpModel(); err != nil {
		return nil, fmt.Errorf("the objects: %w", err)
	}
	r.Objects, r.Digest = len(b.objects), b.contents.digest()
	for n := range b.rounds {
		for _, i := range order(len(in), n) {
			who := in[i]
			took, err := b.attempt(n+1, who)
			t := turn{Round: n + 1, Who: who.name, outcome: took}
			switch {
			case b.ctx.Err() != nil || (err != nil && who.name == theOperator):
				r.Aims = r.aims()
				return r, fmt.Errorf("round %d: %s: %w", n+1, who.name, err)
			case err != nil:
				say("round %d: %s: %v", n+1, who.name, err)
				t.Failure = err.Error()
			}
			r.Turns = append(r.Turns, t)
		}
	}
	r.Aims = r.aims()
	return r, nil
}

// order is who goes when in a round. The first moves on by one in every other
// round, and the rounds between are backwards, so that nobody is always after
// the same other.
func order(contestants, round int) []int {
	out := make([]int, contestants)
	for i := range out {
		out[i] = (i + round/2) % contestants
	}
	if round%2 == 1 {
		slices.Reverse(out)
	}
	return out
}

// of are the values of one contestant.
func (r *comparison) of(who string, value func(*outcome) float64) []float64 {
	var out []float64
	for i := range r.Turns {
		if t := &r.Turns[i]; t.Who == who && t.Failure == "" {
			out = append(out, value(&t.outcome))
		}
	}
	return out
}

// ratio is that of two contestants in the same rounds.
func (r *comparison) ratio(who, other string, value func(*outcome) float64) stats.Estimate {
	values := map[int]float64{}
	for i := range r.Turns {
		if t := &r.Turns[i]; t.Who == other && t.Failure == "" {
			values[t.Round] = value(&t.outcome)
		}
	}
	var ratios []float64
	for i := range r.Turns {
		t := &r.Turns[i]
		if against, both := values[t.Round]; t.Who == who && t.Failure == "" && both && against > 0 {
			ratios = append(ratios, value(&t.outcome)/against)
		}
	}
	return stats.Of(ratios)
}

// What is compared of outcomes.
func wall(o *outcome) float64      { return o.Done.Seconds() }
func allCPU(o *outcome) float64    { return o.cpu().Seconds() }
func allocated(o *outcome) float64 { return o.Allocated }
func peak(o *outcome) float64      { return o.Client.PeakMiB }
func benchCPU(o *outcome) float64  { return o.Bench.Seconds() }

func (r *comparison) perObject(value float64) float64 { return value / float64(max(r.Objects, 1)) }

// asked are requests, reads and writes, of whoever works.
func asked(o *outcome) float64 { return float64(o.Requests.sum(isBusy)) }

func (r *comparison) missed() error { return nil }
