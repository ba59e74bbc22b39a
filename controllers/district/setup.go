package district

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/watch"
)

// SetupWithManager indexes and watches what districts are made of.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, workers int) error {
	if err := index(ctx, mgr, &v1alpha1.District{}); err != nil {
		return err
	}
	built, err := ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.District{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, watch.LostFinalizer()))).
		Watches(&v1alpha1.Puskesmas{}, handler.EnqueueRequestsFromMapFunc(r.ofPuskesmas), builder.WithPredicates(puskesmasTurns())).
		// Its counts, which change with everybody who takes it, concern nobody here.
		Watches(&v1alpha1.StackRelease{}, handler.EnqueueRequestsFromMapFunc(r.ofRelease), builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Watches(&v1alpha1.District{}, handler.EnqueueRequestsFromMapFunc(r.ofSameCode), builder.WithPredicates(predicate.Funcs{
			CreateFunc:  func(event.CreateEvent) bool { return false },
			UpdateFunc:  func(event.UpdateEvent) bool { return false },
			GenericFunc: func(event.GenericEvent) bool { return false },
		})).
		WatchesRawSource(source.Kind(r.Registry, &corev1.ConfigMap{}, handler.TypedEnqueueRequestsFromMapFunc(r.ofRegistry))).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Build(r)
	if err != nil {
		return err
	}
	r.owned = &watch.Owned{
		Cache:      mgr.GetCache(),
		Mapper:     mgr.GetRESTMapper(),
		Controller: built,
		Applier:    r.Applier,
		Owner:      r.ofObject,
	}
	if err := r.owned.Ensure(live.BuiltinKinds...); err != nil {
		return err
	}
	return r.owned.EnsureInstalled(append(slices.Clone(live.DatabaseKinds), live.RouteKind)...)
}

func index(ctx context.Context, mgr ctrl.Manager, obj client.Object) error {
	for field, value := range map[string]func(*v1alpha1.District) string{
		IndexCode:    func(d *v1alpha1.District) string { return string(d.Spec.Code) },
		IndexRelease: func(d *v1alpha1.District) string { return string(d.Spec.Release) },
	} {
		err := mgr.GetFieldIndexer().IndexField(ctx, obj, field, func(o client.Object) []string {
			return []string{value(o.(*v1alpha1.District))}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// puskesmasTurns lets through what a district counts or loads: facilities that
// come, go, change their spec or take a turn in Ready.
func puskesmasTurns() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.Puskesmas)
		if !ok {
			return true
		}
		after := e.ObjectNew.(*v1alpha1.Puskesmas)
		return before.Generation != after.Generation ||
			!before.DeletionTimestamp.Equal(after.DeletionTimestamp) ||
			isReady(before) != isReady(after) ||
			readyReason(before) != readyReason(after) ||
			gaveUp(before, after)
	}}
}

// gaveUp tells of a change that is to be seen in neither spec nor status: it may
// be of the owners of spec.release, which the cache does not keep.
func gaveUp(before, after *v1alpha1.Puskesmas) bool {
	return before.ResourceVersion != after.ResourceVersion && equality.Semantic.DeepEqual(before.Status, after.Status)
}

func readyReason(p *v1alpha1.Puskesmas) string {
	if c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Reason
	}
	return ""
}

func (r *Reconciler) ofPuskesmas(ctx context.Context, obj client.Object) []reconcile.Request {
	code, ok := v1alpha1.CodeForNamespace(obj.GetNamespace())
	if !ok {
		return nil
	}
	return r.withField(ctx, IndexCode, string(code))
}

// ofRelease finds the districts that name a release, and those that wait for or
// take the default.
func (r *Reconciler) ofRelease(ctx context.Context, obj client.Object) []reconcile.Request {
	return append(r.withField(ctx, IndexRelease, obj.GetName()), r.withField(ctx, IndexRelease, "")...)
}

// ofSameCode finds the districts that a deleted one stood in the way of, and drops
// what is remembered for that one.
func (r *Reconciler) ofSameCode(ctx context.Context, obj client.Object) []reconcile.Request {
	gone := newScope(obj.(*v1alpha1.District))
	r.Applier.ForgetOwner(gone.ownerLabels())
	r.Records.Forget(gone.namespace)
	return r.withField(ctx, IndexCode, string(obj.(*v1alpha1.District).Spec.Code))
}

// ofObject finds the district that an object was made for, unless it was made
// for one of its Puskesmas.
func (r *Reconciler) ofObject(ctx context.Context, obj client.Object) []reconcile.Request {
	if obj.GetLabels()[v1alpha1.LabelPuskesmas] != "" {
		return nil
	}
	return r.withField(ctx, IndexCode, obj.GetLabels()[v1alpha1.LabelDistrict])
}

func (r *Reconciler) withField(ctx context.Context, field, value string) []reconcile.Request {
	var districts v1alpha1.DistrictList
	if err := r.Client.List(ctx, &districts, client.MatchingFields{field: value}); err != nil {
		return nil // only possible while the cache is being shut down
	}
	return requestsFor(districts.Items)
}

func requestsFor(districts []v1alpha1.District) []reconcile.Request {
	requests := make([]reconcile.Request, len(districts))
	for i := range districts {
		requests[i].Name = districts[i].Name
	}
	return requests
}
