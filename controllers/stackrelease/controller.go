// Package stackrelease checks the entries of the catalogue and counts who runs them.
package stackrelease

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pace"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/upgrade"
	"ilp.health/operator/controllers/stack/watch"
)

// Reconciler checks StackReleases.
type Reconciler struct {
	Client   client.Client
	Statuses *status.Writer
	// Renderer knows which profiles there are.
	Renderer *render.Renderer
	Clock    clock.PassiveClock
	Pace     pace.Pace

	counted sync.Map // name → time of the last count
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// indexInUse finds Puskesmas by the releases that they run or are brought to.
const indexInUse = "status.release"

// SetupWithManager indexes who uses releases, and watches them.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.Puskesmas{}, indexInUse, inUse); err != nil {
		return err
	}
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(namespaceKind)
	if err := mgr.GetFieldIndexer().IndexField(ctx, namespace, indexRecorded, recorded); err != nil {
		return err
	}
	users := handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { enqueue(q, inUse(e.Object)) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			before, after := inUse(e.ObjectOld), inUse(e.ObjectNew)
			if !slices.Equal(before, after) {
				enqueue(q, before)
				enqueue(q, after)
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { enqueue(q, inUse(e.Object)) },
	}
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.StackRelease{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, watch.LostStatus()))).
		Watches(&v1alpha1.StackRelease{}, handler.EnqueueRequestsFromMapFunc(r.defaults), builder.WithPredicates(predicate.AnnotationChangedPredicate{})).
		Watches(&v1alpha1.District{}, users).
		Watches(&v1alpha1.Puskesmas{}, users).
		WatchesMetadata(&corev1.Namespace{}, recorders).
		Complete(r)
}

func enqueue(q queue, names []string) {
	for _, name := range names {
		q.Add(reconcile.Request{NamespacedName: client.ObjectKey{Name: name}})
	}
}

// defaults finds the releases that are marked as default, of which one is taken,
// and the one that has just changed.
func (r *Reconciler) defaults(ctx context.Context, changed client.Object) []reconcile.Request {
	requests := []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(changed)}}
	var releases v1alpha1.StackReleaseList
	if err := r.Client.List(ctx, &releases); err != nil {
		return nil // only possible while the cache is being shut down
	}
	for i := range releases.Items {
		if upgrade.MarkedDefault(&releases.Items[i]) && releases.Items[i].Name != changed.GetName() {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&releases.Items[i])})
		}
	}
	return requests
}

// inUse lists the releases that a district or a facility runs or is brought to.
func inUse(obj client.Object) []string {
	var names []string
	switch o := obj.(type) {
	case *v1alpha1.District:
		names = []string{o.Status.Release.Current, o.Status.Release.Target}
	case *v1alpha1.Puskesmas:
		names = []string{o.Status.Release.Current, o.Status.Release.Target, o.Status.Release.Schema}
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// Reconcile checks one release.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	found := &v1alpha1.StackRelease{}
	if err := r.Client.Get(ctx, req.NamespacedName, found); err != nil {
		if apierrors.IsNotFound(err) {
			r.Statuses.Forget(found, req.NamespacedName)
			r.counted.Delete(req.Name)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	release := found.DeepCopy()
	release.Status.ObservedGeneration = release.Generation
	conditions := status.Conditions{List: &release.Status.Conditions, Generation: release.Generation}
	if problem := r.problem(release.Spec); problem != "" {
		conditions.Stalled(v1alpha1.ReasonReleaseInvalid, problem)
	} else {
		message, err := r.soundness(ctx, release)
		if err != nil {
			return ctrl.Result{}, err
		}
		conditions.Ready(v1alpha1.ReasonSucceeded, message)
	}
	if wait := r.later(found, release); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	districts, puskesmas, err := r.users(ctx, release.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	r.counted.Store(release.Name, r.Clock.Now())
	release.Status.Districts, release.Status.Puskesmas = count(districts), count(puskesmas)
	return r.Statuses.Settle(ctrl.Result{}, client.IgnoreNotFound(r.Statuses.Patch(ctx, found, release)))
}

func count(users map[types.UID]bool) *int32 {
	n := int32(len(users)) //nolint:gosec // there are 514 districts and 10,268 Puskesmas
	return &n
}

// later is how long it may wait until somebody counts who uses a release that is
// in use, and whose conditions stay as they are: while a wave goes through, that
// changes all the time, and counting looks at every record.
func (r *Reconciler) later(before, after *v1alpha1.StackRelease) time.Duration {
	last, ok := r.counted.Load(after.Name)
	if !ok || !equality.Semantic.DeepEqual(before.Status.Conditions, after.Status.Conditions) || !used(before) {
		return 0
	}
	return max(0, r.Pace.Counts-r.Clock.Since(last.(time.Time)))
}

func used(r *v1alpha1.StackRelease) bool {
	return ptr.Deref(r.Status.Districts, 0)+ptr.Deref(r.Status.Puskesmas, 0) > 0
}

// soundness says that an entry can be used, and of one that is marked as default
// whether it is the one that is taken.
func (r *Reconciler) soundness(ctx context.Context, release *v1alpha1.StackRelease) (string, error) {
	if !upgrade.MarkedDefault(release) {
		return "the catalogue entry is sound", nil
	}
	var all v1alpha1.StackReleaseList
	if err := r.Client.List(ctx, &all); err != nil {
		return "", fmt.Errorf("list StackReleases: %w", err)
	}
	if taken := upgrade.Default(all.Items); taken != nil && taken.Name != release.Name {
		return fmt.Sprintf("the catalogue entry is sound. It is marked as default and so is %s, which is newer and is the one that is taken: take the annotation %s off one of them",
			taken.Name, v1alpha1.DefaultReleaseAnnotation), nil
	}
	return "the catalogue entry is sound and is the default", nil
}

// problem says what contradicts itself in a release, or nothing. Its spec cannot
// change, so the way out is always a new one.
func (r *Reconciler) problem(spec v1alpha1.StackReleaseSpec) string {
	version, err := semver.StrictNewVersion(string(spec.Version))
	if err != nil {
		return fmt.Sprintf("spec.version %q is not a semantic version: create another StackRelease with a version such as 1.4.0", spec.Version)
	}
	if spec.UpgradeFrom != "" {
		paths, err := semver.NewConstraint(spec.UpgradeFrom)
		if err != nil {
			return fmt.Sprintf("spec.upgradeFrom %q is not a range of versions (%v): create another StackRelease with a range such as \">=1.0.0 <2.0.0\"", spec.UpgradeFrom, err)
		}
		if paths.Check(version) {
			return fmt.Sprintf("spec.upgradeFrom %q includes the release's own version %s: create another StackRelease whose range ends below it", spec.UpgradeFrom, version)
		}
	}
	for _, rme := range spec.RME {
		if !r.Renderer.Has("rme/" + string(rme.Profile)) {
			return fmt.Sprintf("spec.rme has profile %s, which this version of the operator cannot render: update the operator", rme.Profile)
		}
	}
	if !r.Renderer.Has("dashboard/" + string(spec.Dashboard.Profile)) {
		return fmt.Sprintf("spec.dashboard has profile %s, which this version of the operator cannot render: update the operator", spec.Dashboard.Profile)
	}
	return ""
}
