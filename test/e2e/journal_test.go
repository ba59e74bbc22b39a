package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// journal notes, as the API server tells of it, which District and which
// Puskesmas is given a release, and when it stands on it.
type journal struct {
	mu      sync.Mutex
	entries []entry
}

type entry struct {
	at   time.Time
	text string
}

// keepJournal watches until the spec ends, whose report tells the story.
func keepJournal() *journal {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	j := &journal{}
	DeferCleanup(func() {
		cancel()
		AddReportEntry("journal", j.String())
	})
	informers, err := cache.New(restConfig, cache.Options{Scheme: cluster.Scheme()})
	Expect(err).NotTo(HaveOccurred())
	for _, kind := range []client.Object{&v1alpha1.District{}, &v1alpha1.Puskesmas{}} {
		informer, err := informers.GetInformer(ctx, kind)
		Expect(err).NotTo(HaveOccurred())
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{UpdateFunc: j.update})
		Expect(err).NotTo(HaveOccurred())
	}
	go func() {
		defer GinkgoRecover()
		Expect(informers.Start(ctx)).To(Succeed())
	}()
	Expect(informers.WaitForCacheSync(ctx)).To(BeTrue())
	return j
}

// progress is how far a District or Puskesmas is with a release.
type progress struct {
	name, release string
	stands        bool
}

func progressOf(obj any) progress {
	stands := func(o client.Object, observed int64, current, target string, ready bool) bool {
		return ready && observed == o.GetGeneration() && current == target
	}
	switch o := obj.(type) {
	case *v1alpha1.District:
		return progress{o.Name, o.Status.Release.Target, stands(o, o.Status.ObservedGeneration, o.Status.Release.Current, o.Status.Release.Target,
			meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady))}
	case *v1alpha1.Puskesmas:
		return progress{o.Name, o.Status.Release.Target, stands(o, o.Status.ObservedGeneration, o.Status.Release.Current, o.Status.Release.Target,
			meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady))}
	}
	return progress{}
}

func (j *journal) update(before, after any) {
	old, now := progressOf(before), progressOf(after)
	if old.release != now.release {
		j.note(given(now.name, now.release))
	}
	if now.stands && (!old.stands || old.release != now.release) {
		j.note(stands(now.name, now.release))
	}
}

func (j *journal) note(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry{time.Now(), text})
}

// given and stands are what the journal says.
func given(name, release string) string  { return fmt.Sprintf("%s is given %s", name, release) }
func stands(name, release string) string { return fmt.Sprintf("%s stands on %s", name, release) }

// texts are the entries in their order.
func (j *journal) texts() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []string
	for _, e := range j.entries {
		out = append(out, e.text)
	}
	return out
}

// when something was noted first; the spec fails if it never was.
func (j *journal) when(text string) time.Time {
	GinkgoHelper()
	Expect(j.texts()).To(ContainElement(text))
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.entries[slices.IndexFunc(j.entries, func(e entry) bool { return e.text == text })].at
}

// String tells the story with the seconds since its beginning.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out strings.Builder
	for _, e := range j.entries {
		fmt.Fprintf(&out, "%4.0f s  %s\n", e.at.Sub(j.entries[0].at).Seconds(), e.text)
	}
	return out.String()
}
