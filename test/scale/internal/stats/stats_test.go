package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"ilp.health/operator/test/scale/internal/stats"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := stats.Median(test.values); got != test.want {
			t.Errorf("Median(%v) = %v, want %v", test.values, got, test.want)
		}
	}
}

func TestIntervalOfEqualValuesIsThatValue(t *testing.T) {
	got := stats.Of([]float64{1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5})
	if want := (stats.Estimate{Median: 1.5, Low: 1.5, High: 1.5, N: 7}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Of samples of seven, about 95 in 100 intervals should hold the true median. A
// bootstrap of so few is a little too narrow, never far.
func TestIntervalHoldsTheMedian(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	const trials = 200
	held := 0
	for range trials {
		values := make([]float64, 7)
		for i := range values {
			values[i] = math.Exp(0.3 * random.NormFloat64())
		}
		if e := stats.Of(values); e.Low <= 1 && 1 <= e.High {
			held++
		}
	}
	if held < trials*85/100 || held == trials {
		t.Errorf("%d of %d intervals hold the median", held, trials)
	}
}
