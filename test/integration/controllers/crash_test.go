package controllers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/live"
)

// crashSample is how many of the requests of a bring-up fail in one run of the
// specs, each in two ways. ILP_CRASHPOINTS=all lets every one fail.
const crashSample = 12

// crash lets the k-th request about a district fail in a way.
type crash struct {
	point int
	how   fault
}

var _ = Describe("A bring-up of which one request fails", func() {
	It("ends with the same objects, whichever request it is", func(ctx SpecContext) {
		plain := newDistrict(admin)
		start := time.Now()
		plain.applyWithPuskesmas(ctx)
		plain.expectReady(ctx)
		theOperator.quiet(300 * time.Millisecond)
		requests := len(theOperator.traffic.since(start, func(r request) bool { return r.in(plain) }))
		want := plain.made(ctx)
		plain.expectOwned(ctx)

		crashes := crashPoints(requests)
		AddReportEntry("crash points", fmt.Sprintf("a bring-up takes %d requests; %d of them fail: %v", requests, len(crashes), crashes))
		for batch := range slices.Chunk(crashes, 6) {
			districts := make([]*district, len(batch))
			count := newCrasher()
			theOperator.traffic.setFault(count.fate)
			for i, c := range batch {
				districts[i] = newDistrict(admin)
				count.expect(districts[i], c)
				districts[i].applyWithPuskesmas(ctx)
			}
			for i, d := range districts {
				By(fmt.Sprintf("request %d failing, %v", batch[i].point, batch[i].how))
				d.expectReady(ctx)
				Expect(d.made(ctx)).To(Equal(want))
				d.expectOwned(ctx)
			}
			theOperator.traffic.setFault(nil)
			for _, d := range districts {
				d.suspendNow(ctx)
			}
		}
	})

	It("ends with the same objects when the operator dies at that moment", func(ctx SpecContext) {
		plain := newDistrict(admin)
		plain.applyWithPuskesmas(ctx)
		plain.expectReady(ctx)
		want := plain.made(ctx)

		for _, point := range []int{3, 9, 21, 33, 45} {
			d := newDistrict(admin)
			died := make(chan struct{})
			var once sync.Once
			var mu sync.Mutex
			seen := 0
			theOperator.traffic.setFault(func(r request) fault {
				if !r.in(d) {
					return noFault
				}
				mu.Lock()
				defer mu.Unlock()
				if seen++; seen < point {
					return noFault
				}
				// From now on nothing gets through: for the API server the process is dead.
				once.Do(func() { close(died) })
				return refused
			})
			d.applyWithPuskesmas(ctx)
			Eventually(died).Should(BeClosed(), "request %d", point)
			theOperator.stop()
			theOperator.traffic.setFault(nil)
			theOperator.start()
			d.expectReady(ctx)
			Expect(d.made(ctx)).To(Equal(want))
			d.expectOwned(ctx)
			d.suspendNow(ctx)
		}
	})
})

// crashPoints chooses which requests fail, and how: all, or a sample that is
// another one in each run and can be repeated by Ginkgo's seed.
func crashPoints(requests int) []crash {
	var all []crash
	for point := 1; point <= requests; point++ {
		all = append(all, crash{point, refused}, crash{point, lost})
	}
	if os.Getenv("ILP_CRASHPOINTS") == "all" {
		return all
	}
	seed := uint64(GinkgoRandomSeed()) //nolint:gosec // a seed is any number
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(crashSample, len(all))]
}

func (f fault) String() string {
	return map[fault]string{noFault: "let through", refused: "refused", lost: "done but its answer lost"}[f]
}

// crasher counts the requests of several districts, and lets one of each fail.
type crasher struct {
	mu     sync.Mutex
	counts map[string]int // by namespace
	plans  map[string]crash
	of     []*district
}

func newCrasher() *crasher { return &crasher{counts: map[string]int{}, plans: map[string]crash{}} }

func (c *crasher) expect(d *district, plan crash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plans[d.namespace] = plan
	c.of = append(c.of, d)
}

func (c *crasher) fate(r request) fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.of {
		if r.in(d) {
			c.counts[d.namespace]++
			if c.counts[d.namespace] == c.plans[d.namespace].point {
				return c.plans[d.namespace].how
			}
		}
	}
	return noFault
}

func (d *district) applyWithPuskesmas(ctx context.Context) {
	GinkgoHelper()
	d.apply(ctx, func(r *v1alpha1.District) { r.Spec.Exposure.Domain = "example.test" })
	d.addPuskesmas(ctx, "tebidah")
}

// hashed are names that end in a hash of what is in the object, which differs
// from district to district.
var hashed = regexp.MustCompile(`-[0-9a-z]{8,10}$`)

// made lists what the operator has made and exists, without what differs from
// district to district.
func (d *district) made(ctx context.Context) []string {
	GinkgoHelper()
	var out []string
	for _, gvk := range slices.Concat(live.BuiltinKinds, live.DatabaseKinds, []schema.GroupVersionKind{core("Secret")}) {
		if gvk.Kind == "Namespace" {
			continue
		}
		for _, object := range d.objects(ctx, gvk) {
			out = append(out, gvk.Kind+" "+hashed.ReplaceAllString(object.GetName(), ""))
		}
	}
	slices.Sort(out)
	return out
}

// expectOwned wants everything that the operator made to have the owner that it
// was made for, or none if it outlives it.
func (d *district) expectOwned(ctx context.Context) {
	GinkgoHelper()
	of := map[string]types.UID{"": d.get(ctx).UID}
	for _, p := range d.every(ctx, puskesmasKind) {
		of[p.GetName()] = p.GetUID()
	}
	for _, gvk := range slices.Concat(live.BuiltinKinds, live.DatabaseKinds, []schema.GroupVersionKind{core("Secret")}) {
		if gvk.Kind == "Namespace" {
			continue
		}
		for _, object := range d.objects(ctx, gvk) {
			if apply.Outlives(&object) {
				Expect(object.GetOwnerReferences()).To(BeEmpty(), "%s %s", gvk.Kind, object.GetName())
				continue
			}
			Expect(object.GetOwnerReferences()).To(HaveExactElements(And(
				HaveField("UID", of[object.GetLabels()[v1alpha1.LabelPuskesmas]]),
				HaveField("Controller", HaveValue(BeTrue())),
				HaveField("BlockOwnerDeletion", HaveValue(BeFalse())),
			)), "%s %s", gvk.Kind, object.GetName())
		}
	}
}
