// Package stats says what a handful of measurements can tell, and how surely.
package stats

import (
	"math/rand/v2"
	"slices"
)

// resamples are enough for an interval that no longer moves in its second digit.
const resamples = 10000

// Estimate is a median with its 95% interval.
type Estimate struct {
	Median, Low, High float64
	// N is how many values it is made of.
	N int
}

// Median is the middle value; of two middle ones their mean.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Of estimates the median of what the values are drawn from, by the bootstrap:
// the medians of samples drawn from the values themselves, without the outer
// twentieth. The seed is fixed, so the same values have the same interval.
func Of(values []float64) Estimate {
	if len(values) == 0 {
		return Estimate{}
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not for secrets
	medians := make([]float64, resamples)
	sample := make([]float64, len(values))
	for i := range medians {
		for j := range sample {
			sample[j] = values[random.IntN(len(values))]
		}
		medians[i] = Median(sample)
	}
	slices.Sort(medians)
	return Estimate{Median: Median(values), Low: medians[resamples*25/1000], High: medians[resamples*975/1000], N: len(values)}
}
