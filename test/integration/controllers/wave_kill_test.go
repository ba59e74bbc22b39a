package controllers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// kills is how often the operator dies in one wave.
const kills = 12

var _ = Describe("A wave whose operator is killed again and again", func() {
	It("keeps its order and comes to its end", func(ctx SpecContext) {
		random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 7)) //nolint:gosec // repeatable by Ginkgo's seed
		release := safeRelease(ctx, "ilp-1.4.0", "1.4.0")
		var members []*district
		for range 4 {
			members = append(members, newDistrict(admin))
		}
		wave := newWave(ctx, members[0])
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) {
			s.ApprovedStages = []v1alpha1.ObjectName{"others"}
			s.Rollout.Stages[1].MaxConcurrent = ptr.To(intstr.FromInt32(2))
		})
		for _, d := range members {
			d.apply(ctx, inWave(wave), func(r *v1alpha1.District) { r.Spec.Upgrade.MaxConcurrent = ptr.To(intstr.FromInt32(1)) })
			d.addPuskesmas(ctx, "aman")
			d.addPuskesmas(ctx, "darit", pilot)
		}
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "4/4")

		watching, stop := context.WithCancel(ctx)
		defer stop()
		seen := newWitness(watching, members, release)
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Release = v1alpha1.ObjectName(release) })
		for range kills {
			time.Sleep(time.Duration(20+random.IntN(400)) * time.Millisecond)
			theOperator.die()
			theOperator.start()
		}
		Eventually(ctx, func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(wave), wave)).To(Succeed())
			g.Expect(wave.Status.Progress.Summary).To(Equal("4/4"))
		}).WithTimeout(time.Minute).Should(Succeed())
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "4/4 districts run release "+release)
		Expect(seen.broken()).To(BeEmpty())
		for _, d := range members {
			d.expectReady(ctx, "aman", "darit")
			Expect(d.get(ctx).Status.Release.Current).To(Equal(release))
		}
	})
})

// die ends the operator as kill -9 does, as far as the API server can tell:
// nothing that it has begun gets through any more.
func (o *operator) die() {
	GinkgoHelper()
	o.traffic.setFault(func(request) fault { return refused })
	o.stop()
	o.traffic.setFault(nil)
}

// witness watches districts and Puskesmas on their way to a release, and notes
// every step out of order.
type witness struct {
	release string
	canary  *district

	mu       sync.Mutex
	given    map[string]string // resourceVersion since which the release is the target of a District, or District/Puskesmas
	done     map[string]bool   // those that are ready on it
	problems []string
}

func newWitness(ctx context.Context, members []*district, release string) *witness {
	GinkgoHelper()
	w := &witness{release: release, canary: members[0], given: map[string]string{}, done: map[string]bool{}}
	names := map[string]string{}
	for _, d := range members {
		names[d.name], names[d.namespace] = d.name, d.name
	}
	follow(ctx, admin, districtKind, func(_ watch.EventType, object *unstructured.Unstructured) {
		if names[object.GetName()] != "" {
			w.see(object.GetName(), object, w.districtMay)
		}
	})
	follow(ctx, admin, puskesmasKind, func(_ watch.EventType, object *unstructured.Unstructured) {
		if name := names[object.GetNamespace()]; name != "" {
			w.see(name+"/"+object.GetName(), object, func(string) string { return w.puskesmasMay(name, object.GetName()) })
		}
	})
	return w
}

// see notes how far a resource is; may says what is wrong with its having begun.
func (w *witness) see(name string, object *unstructured.Unstructured, may func(string) string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	target, _, _ := unstructured.NestedString(object.Object, "status", "release", "target")
	current, _, _ := unstructured.NestedString(object.Object, "status", "release", "current")
	if target == w.release && w.given[name] == "" {
		w.given[name] = object.GetResourceVersion()
		if problem := may(name); problem != "" {
			w.problems = append(w.problems, fmt.Sprintf("%s was begun %s", name, problem))
		}
	}
	if current == w.release && conditionOf(object, v1alpha1.ConditionReady) == "True" {
		w.done[name] = true
	}
}

// districtMay checks the stages: the canary alone, then two at once.
func (w *witness) districtMay(name string) string {
	if name == w.canary.name {
		return ""
	}
	if !w.done[w.canary.name] {
		return "before the canary was ready"
	}
	inFlight := 0
	for other := range w.given {
		if !strings.Contains(other, "/") && !w.done[other] {
			inFlight++
		}
	}
	if inFlight > 2 {
		return fmt.Sprintf("as number %d at once", inFlight)
	}
	return ""
}

// puskesmasMay checks the order in a district: the pilot alone, then the other.
func (w *witness) puskesmasMay(district, name string) string {
	if name != "darit" && !w.done[district+"/darit"] {
		return "before the pilot was ready"
	}
	return ""
}

// broken lists what was out of order.
func (w *witness) broken() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	problems := w.problems
	// Two watches tell this in any order; the API server's versions do not lie.
	for name, version := range w.given {
		if district, _, ok := strings.Cut(name, "/"); ok && !earlier(w.given[district], version) {
			problems = append(problems, name+" was begun before its district")
		}
	}
	return problems
}

func earlier(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}
