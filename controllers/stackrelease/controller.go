// Package stackrelease checks the entries of the catalogue and counts who runs them.
package stackrelease

import (
	"context"
	"fmt"

	"github.com/Masterminds/semver/v3"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/status"
)

// Reconciler checks StackReleases.
type Reconciler struct {
	Client   client.Client
	Statuses *status.Writer
	// Renderer knows which profiles there are.
	Renderer *render.Renderer
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// indexInUse finds Districts by the releases that they run or are brought to.
const indexInUse = "status.release"

// SetupWithManager indexes Districts and watches releases.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.District{}, indexInUse, func(o client.Object) []string {
		return inUse(o.(*v1alpha1.District))
	})
	if err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.StackRelease{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.District{}, handler.Funcs{
			CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { enqueue(q, e.Object) },
			UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
				if before, ok := e.ObjectOld.(*v1alpha1.District); ok && before.Status.Release != e.ObjectNew.(*v1alpha1.District).Status.Release {
					enqueue(q, e.ObjectOld)
					enqueue(q, e.ObjectNew)
				}
			},
			DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { enqueue(q, e.Object) },
		}).
		Complete(r)
}

func enqueue(q queue, obj client.Object) {
	for _, name := range inUse(obj.(*v1alpha1.District)) {
		q.Add(reconcile.Request{NamespacedName: client.ObjectKey{Name: name}})
	}
}

// inUse lists the releases that a district runs or is brought to.
func inUse(d *v1alpha1.District) []string {
	var names []string
	for _, name := range []string{d.Status.Release.Current, d.Status.Release.Target} {
		if name != "" && (len(names) == 0 || names[0] != name) {
			names = append(names, name)
		}
	}
	return names
}

// Reconcile checks one release.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	found := &v1alpha1.StackRelease{}
	if err := r.Client.Get(ctx, req.NamespacedName, found); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	release := found.DeepCopy()
	var users v1alpha1.DistrictList
	if err := r.Client.List(ctx, &users, client.MatchingFields{indexInUse: release.Name}); err != nil {
		return ctrl.Result{}, fmt.Errorf("count districts: %w", err)
	}
	count := int32(len(users.Items)) //nolint:gosec // there are 514 districts
	release.Status.Districts = &count
	release.Status.ObservedGeneration = release.Generation

	conditions := status.Conditions{List: &release.Status.Conditions, Generation: release.Generation}
	if problem := r.problem(release.Spec); problem != "" {
		conditions.Stalled(v1alpha1.ReasonReleaseInvalid, problem)
	} else {
		conditions.Ready(v1alpha1.ReasonSucceeded, "the catalogue entry is sound")
	}
	return status.Settle(ctrl.Result{}, client.IgnoreNotFound(r.Statuses.Patch(ctx, found, release)))
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
