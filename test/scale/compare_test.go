package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOrderOfRounds(t *testing.T) {
	var first []int
	for round := range 4 {
		o := order(3, round)
		if sorted := slices.Sorted(slices.Values(o)); !cmp.Equal(sorted, []int{0, 1, 2}) {
			t.Errorf("round %d leaves somebody out: %v", round, o)
		}
		first = append(first, o[0])
	}
	if want := []int{0, 2, 1, 0}; !cmp.Equal(first, want) {
		t.Errorf("%v go first, want %v", first, want)
	}
}

func took(round int, who string, seconds int) turn {
	return turn{Round: round, Who: who, outcome: outcome{Done: time.Duration(seconds) * time.Second}}
}

func TestRatioIsOfTheSameRounds(t *testing.T) {
	failed := took(3, limitApply, 1)
	failed.Failure = "it ended"
	r := comparison{Turns: []turn{
		took(1, theOperator, 4), took(1, limitApply, 2),
		took(2, limitApply, 8), took(2, theOperator, 24),
		took(3, theOperator, 100), failed,
	}}
	if e := r.ratio(theOperator, limitApply, wall); e.Median != 2.5 || e.N != 2 {
		t.Errorf("got %+v: the pairs are 4/2 and 24/8", e)
	}
	if e := r.ratio(theOperator, "helm", wall); e.N != 0 {
		t.Errorf("got %+v beside nobody", e)
	}
}

func TestAims(t *testing.T) {
	r := comparison{Objects: 100, About: about{Districts: 15}}
	for round := range 7 {
		operator := took(round, theOperator, 12)
		operator.Requests = requests{"apply deployments": 100, "patch districts/status": 11, "put leases": 50}
		operator.Client.PeakMiB = 90
		r.Turns = append(r.Turns, operator, took(round, limitApply, 10), took(round, limitResources, 10))
	}
	got := map[string]bool{}
	for _, a := range r.aims() {
		got[a.What] = a.Met
	}
	want := map[string]bool{
		"wall ÷ bare": true, "wall ÷ (bare + CRs + one status)": false,
		"requests per object, with bookkeeping": false, "peak memory": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
