package disruption_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "ilp.health/operator/test/harness"
)

// crashSample is how many of the requests of a bring-up fail in one run of the
// specs, each in two ways. ILP_CRASHPOINTS=all lets every one fail.
const crashSample = 12

// crash lets the k-th request about a district fail in a way.
type crash struct {
	point int
	how   Fault
}

var _ = Describe("A bring-up of which one request fails", func() {
	It("ends with the same objects, whichever request it is", func(ctx SpecContext) {
		plain := NewDistrict(admin)
		start := time.Now()
		plain.ApplyWithPuskesmas(ctx)
		plain.ExpectReady(ctx)
		theOperator.Quiet(300 * time.Millisecond)
		requests := len(theOperator.Traffic.Since(start, func(r Request) bool { return r.In(plain) }))
		want := plain.Made(ctx)
		plain.ExpectOwned(ctx)

		crashes := crashPoints(requests)
		AddReportEntry("crash points", fmt.Sprintf("a bring-up takes %d requests; %d of them fail: %v", requests, len(crashes), crashes))
		for batch := range slices.Chunk(crashes, 6) {
			districts := make([]*District, len(batch))
			count := newCrasher()
			theOperator.Traffic.SetFault(count.fate)
			for i, c := range batch {
				districts[i] = NewDistrict(admin)
				count.expect(districts[i], c)
				districts[i].ApplyWithPuskesmas(ctx)
			}
			for i, d := range districts {
				By(fmt.Sprintf("request %d failing, %v", batch[i].point, batch[i].how))
				d.ExpectReady(ctx)
				Expect(d.Made(ctx)).To(Equal(want))
				d.ExpectOwned(ctx)
			}
			theOperator.Traffic.SetFault(nil)
			for _, d := range districts {
				d.SuspendNow(ctx)
			}
		}
	})

	It("ends with the same objects when the operator dies at that moment", func(ctx SpecContext) {
		plain := NewDistrict(admin)
		plain.ApplyWithPuskesmas(ctx)
		plain.ExpectReady(ctx)
		want := plain.Made(ctx)

		for _, point := range []int{3, 9, 21, 33, 45} {
			d := NewDistrict(admin)
			died := make(chan struct{})
			var once sync.Once
			var mu sync.Mutex
			seen := 0
			theOperator.Traffic.SetFault(func(r Request) Fault {
				if !r.In(d) {
					return NoFault
				}
				mu.Lock()
				defer mu.Unlock()
				if seen++; seen < point {
					return NoFault
				}
				// From now on nothing gets through: for the API server the process is dead.
				once.Do(func() { close(died) })
				return Refused
			})
			d.ApplyWithPuskesmas(ctx)
			Eventually(died).Should(BeClosed(), "request %d", point)
			theOperator.Stop()
			theOperator.Traffic.SetFault(nil)
			theOperator.Start()
			d.ExpectReady(ctx)
			Expect(d.Made(ctx)).To(Equal(want))
			d.ExpectOwned(ctx)
			d.SuspendNow(ctx)
		}
	})
})

// crashPoints chooses which requests fail, and how: all, or a sample that is
// another one in each run and can be repeated by Ginkgo's seed.
func crashPoints(requests int) []crash {
	var all []crash
	for point := 1; point <= requests; point++ {
		all = append(all, crash{point, Refused}, crash{point, Lost})
	}
	if os.Getenv("ILP_CRASHPOINTS") == "all" {
		return all
	}
	seed := uint64(GinkgoRandomSeed()) //nolint:gosec // a seed is any number
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(crashSample, len(all))]
}

// crasher counts the requests of several districts, and lets one of each fail.
type crasher struct {
	mu     sync.Mutex
	counts map[string]int // by namespace
	plans  map[string]crash
	of     []*District
}

func newCrasher() *crasher { return &crasher{counts: map[string]int{}, plans: map[string]crash{}} }

func (c *crasher) expect(d *District, plan crash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plans[d.Namespace] = plan
	c.of = append(c.of, d)
}

func (c *crasher) fate(r Request) Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.of {
		if r.In(d) {
			c.counts[d.Namespace]++
			if c.counts[d.Namespace] == c.plans[d.Namespace].point {
				return c.plans[d.Namespace].how
			}
		}
	}
	return NoFault
}
