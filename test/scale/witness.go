package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/watch"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// witness watches a roll-out from outside and notes every step out of order.
type witness struct {
	mu sync.Mutex
	// release is the one that is rolled out, if that has begun.
	release string
	// stages and their districts are in the order in which they go.
	stages    []*stageSeen
	districts map[string]*districtSeen
	// namespaces finds the district of a Puskesmas.
	namespaces map[string]*districtSeen
	wave       *v1alpha1.Wave
	waveAt     time.Time
	broken     []string
}

// stageSeen is what becomes of a stage.
type stageSeen struct {
	name      string
	limit     int
	districts []*districtSeen
	// peak is the most that were in flight at once.
	peak int
}

// districtSeen is how far a district is.
type districtSeen struct {
	way
	name, namespace string
	stage           *stageSeen
	puskesmas       map[string]*facilitySeen
}

// facilitySeen is how far a Puskesmas is.
type facilitySeen struct {
	way
	pilot bool
}

// way is that of anything from being given a release to standing on it.
type way struct {
	givenAt, doneAt           time.Time
	givenVersion, doneVersion string
	failed                    bool
}

func (w *way) given() bool    { return w.givenVersion != "" }
func (w *way) done() bool     { return w.doneVersion != "" }
func (w *way) inFlight() bool { return w.given() && !w.done() }

// expect begins to watch the way to a release.
func (w *witness) expect(release string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.release = release
	for _, s := range w.stages {
		s.peak = 0
	}
	for _, d := range w.districts {
		d.way = way{}
		for _, p := range d.puskesmas {
			p.way = way{}
		}
	}
}

// start watches from now on until the context ends. No event is left out, so
// that the order of what is seen is the order in which it happened; only
// between kinds it has to be told by resource versions.
func (w *witness) start(ctx context.Context, c client.WithWatch) error {
	for _, list := range []client.ObjectList{&v1alpha1.WaveList{}, &v1alpha1.DistrictList{}, &v1alpha1.PuskesmasList{}} {
		if err := c.List(ctx, list); err != nil {
			return fmt.Errorf("begin to watch the roll-out: %w", err)
		}
		watcher, err := watchtools.NewRetryWatcherWithContext(ctx, list.GetResourceVersion(), opener{c, list})
		if err != nil {
			return fmt.Errorf("watch the roll-out: %w", err)
		}
		go func() {
			for event := range watcher.ResultChan() {
				w.see(event)
			}
		}()
	}
	return nil
}

// opener opens watches of a kind.
type opener struct {
	client client.WithWatch
	list   client.ObjectList
}

func (o opener) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return o.client.Watch(ctx, o.list, &client.ListOptions{Raw: &options})
}

func (w *witness) see(event watch.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch o := event.Object.(type) {
	case *v1alpha1.Wave:
		w.wave, w.waveAt = o, time.Now()
	case *v1alpha1.District:
		w.seeDistrict(o)
	case *v1alpha1.Puskesmas:
		w.seePuskesmas(o)
	case *metav1.Status:
		w.violatedf("events were lost, so nobody knows whether the order was kept: %s", o.Message)
	}
}

func (w *witness) seeDistrict(d *v1alpha1.District) {
	seen := w.districts[d.Name]
	if seen == nil || w.release == "" {
		return
	}
	observed := d.Status.ObservedGeneration == d.Generation
	if seen.follow(d, d.Status.Release.Target == w.release, observed && d.Status.Release.Current == w.release, d.Status.Conditions) {
		w.checkStart(seen)
	}
}

func (w *witness) seePuskesmas(p *v1alpha1.Puskesmas) {
	district := w.namespaces[p.Namespace]
	if district == nil || w.release == "" {
		return
	}
	seen := district.puskesmas[p.Name]
	if seen == nil {
		seen = &facilitySeen{pilot: p.Spec.ILP.Stage == "Pilot"}
		district.puskesmas[p.Name] = seen
	}
	fresh := p.Status.Release.Current == ""
	observed := p.Status.ObservedGeneration == p.Generation
	if seen.follow(p, p.Status.Release.Target == w.release, observed && p.Status.Release.Current == w.release, p.Status.Conditions) && !fresh {
		w.checkTurn(district, p.Name, seen)
	}
}

// follow notes how far something is, and tells whether it has just been given
// the release. What has once been done stays so.
func (w *way) follow(o client.Object, given, stands bool, conditions []metav1.Condition) (begun bool) {
	if given && !w.given() {
		w.givenAt, w.givenVersion, begun = time.Now(), o.GetResourceVersion(), true
	}
	if given && stands && !w.done() && isReady(conditions) {
		w.doneAt, w.doneVersion = time.Now(), o.GetResourceVersion()
	}
	w.failed = given && !w.done() && meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionStalled)
	return begun
}

// checkStart holds the wave to its stages when a district is given the release.
func (w *witness) checkStart(d *districtSeen) {
	for _, earlier := range w.stages {
		if earlier == d.stage {
			break
		}
		for _, other := range earlier.districts {
			if !other.done() {
				w.violatedf("District %s of stage %s is given %s before %s of stage %s is done", d.name, d.stage.name, w.release, other.name, earlier.name)
				break
			}
		}
	}
	flying := 0
	for _, other := range d.stage.districts {
		if other.inFlight() && !other.failed {
			flying++
		}
	}
	d.stage.peak = max(d.stage.peak, flying)
	if flying > d.stage.limit {
		w.violatedf("District %s makes %d in flight in stage %s, %d may be", d.name, flying, d.stage.name, d.stage.limit)
	}
}

// checkTurn holds a district to its turns when one of its Puskesmas that serves
// already is given the next release.
func (w *witness) checkTurn(d *districtSeen, name string, p *facilitySeen) {
	flying := 0
	for otherName, other := range d.puskesmas {
		if other.inFlight() {
			flying++
		}
		if other.pilot && !p.pilot && !other.done() {
			w.violatedf("Puskesmas %s/%s is given %s before the pilot %s is done", d.namespace, name, w.release, otherName)
		}
	}
	if limit := quarter(len(d.puskesmas)); flying > limit {
		w.violatedf("Puskesmas %s/%s makes %d in flight, %d may be", d.namespace, name, flying, limit)
	}
}

// quarter is 25%, but one at least: what districts allow if they say nothing.
func quarter(n int) int { return max(n/4, 1) }

// checkDistricts compares, after the fact, what was seen of Puskesmas with what
// was seen of their districts.
func (w *witness) checkDistricts() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.districts {
		for name, p := range d.puskesmas {
			if p.given() && (!d.given() || older(p.givenVersion, d.givenVersion)) {
				w.violatedf("Puskesmas %s/%s is given %s before its District %s", d.namespace, name, w.release, d.name)
			}
			if d.done() && (!p.done() || older(d.doneVersion, p.doneVersion)) {
				w.violatedf("District %s says that it stands on %s before its Puskesmas %s does", d.name, w.release, name)
			}
		}
	}
}

func older(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}

// keptViolations bounds what is said of an operator that has lost all order.
const keptViolations = 10

func (w *witness) violatedf(format string, args ...any) {
	if len(w.broken) < keptViolations {
		w.broken = append(w.broken, fmt.Sprintf(format, args...))
	}
}

// newWitness knows the stages by their districts, in order of code.
func newWitness(fleet wave, stages []v1alpha1.Stage) *witness {
	w := &witness{districts: map[string]*districtSeen{}, namespaces: map[string]*districtSeen{}}
	left := slices.SortedFunc(slices.Values(fleet.districts), func(a, b *v1alpha1.District) int { return cmp.Compare(a.Spec.Code, b.Spec.Code) })
	for _, stage := range stages {
		n := len(left)
		if stage.Count > 0 {
			n = int(stage.Count)
		}
		s := &stageSeen{name: string(stage.Name), limit: 1}
		if n > 0 && stage.MaxConcurrent.String() == aQuarter.String() {
			s.limit = quarter(n)
		}
		w.stages = append(w.stages, s)
		for _, d := range left[:n] {
			seen := &districtSeen{name: d.Name, namespace: v1alpha1.NamespaceFor(d.Spec.Code), stage: s, puskesmas: map[string]*facilitySeen{}}
			s.districts = append(s.districts, seen)
			w.districts[seen.name], w.namespaces[seen.namespace] = seen, seen
		}
		left = left[n:]
	}
	return w
}
