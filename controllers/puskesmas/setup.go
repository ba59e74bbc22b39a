package puskesmas

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/resolve"
	"ilp.health/operator/controllers/stack/watch"
)

// SetupWithManager indexes and watches what facilities are made of.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, workers int) error {
	for field, values := range map[string]func(*v1alpha1.Puskesmas) []string{
		IndexCode:    func(p *v1alpha1.Puskesmas) []string { return []string{p.Spec.Code} },
		IndexRelease: needs,
	} {
		err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.Puskesmas{}, field, func(o client.Object) []string {
			return values(o.(*v1alpha1.Puskesmas))
		})
		if err != nil {
			return err
		}
	}
	built, err := ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Puskesmas{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, watch.LostFinalizer(), watch.LostStatus()))).
		Watches(&v1alpha1.District{}, handler.EnqueueRequestsFromMapFunc(r.ofDistrict), builder.WithPredicates(districtTurns())).
		Watches(&v1alpha1.District{}, handler.Funcs{UpdateFunc: r.admitted}).
		// Its counts, which change with everybody who takes it, concern nobody here.
		Watches(&v1alpha1.StackRelease{}, handler.EnqueueRequestsFromMapFunc(r.ofRelease), builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Watches(&v1alpha1.Puskesmas{}, r.whenGone()).
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
		Owner:      ofObject,
	}
	if err := r.owned.Ensure(live.BuiltinKinds...); err != nil {
		return err
	}
	return r.owned.EnsureInstalled(append(slices.Clone(cnpg.Kinds), live.RouteKind)...)
}

// needs are the releases that a facility asks for, runs or is brought to; one that
// has none yet needs "".
func needs(p *v1alpha1.Puskesmas) []string {
	released := p.Status.Release
	names := []string{string(p.Spec.Release), released.Current, released.Target, released.Schema}
	slices.Sort(names)
	names = slices.Compact(names)
	if released.Target != "" {
		names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	}
	return names
}

// districtTurns lets through what all facilities take from their district. Its
// counts, which change with every facility, are not among that.
func districtTurns() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.District)
		if !ok {
			return true
		}
		after := e.ObjectNew.(*v1alpha1.District)
		return before.Generation != after.Generation ||
			!before.DeletionTimestamp.Equal(after.DeletionTimestamp) ||
			before.Status.Namespace != after.Status.Namespace ||
			before.Annotations[v1alpha1.AnnotationRetryRequestedAt] != after.Annotations[v1alpha1.AnnotationRetryRequestedAt] ||
			opened(before) != opened(after)
	}}
}

// opened tells which gates of the district are open, and whether its data is missing.
func opened(d *v1alpha1.District) [3]bool {
	database := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionDatabaseReady)
	return [3]bool{
		database != nil && database.Reason == v1alpha1.ReasonDataMissing,
		meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionIsolationReady),
		meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionDatabaseReady),
	}
}

// admitted wakes the facilities whose admission has changed, and those that have
// no release yet where the district takes another.
func (r *Reconciler) admitted(ctx context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	before, after := e.ObjectOld.(*v1alpha1.District), e.ObjectNew.(*v1alpha1.District)
	namespace := client.InNamespace(v1alpha1.NamespaceFor(after.Spec.Code))
	var requests []reconcile.Request
	for _, code := range resolve.Changed(before.Status.Admitted, after.Status.Admitted) {
		requests = append(requests, r.list(ctx, namespace, client.MatchingFields{IndexCode: code})...)
	}
	if before.Status.Release.Target != after.Status.Release.Target {
		requests = append(requests, r.list(ctx, namespace, client.MatchingFields{IndexRelease: ""})...)
	}
	for _, request := range requests {
		q.Add(request)
	}
}

func (r *Reconciler) ofDistrict(ctx context.Context, obj client.Object) []reconcile.Request {
	return r.list(ctx, client.InNamespace(v1alpha1.NamespaceFor(obj.(*v1alpha1.District).Spec.Code)))
}

func (r *Reconciler) ofRelease(ctx context.Context, obj client.Object) []reconcile.Request {
	return r.list(ctx, client.MatchingFields{IndexRelease: obj.GetName()})
}

func ofObject(_ context.Context, obj client.Object) []reconcile.Request {
	name := obj.GetLabels()[v1alpha1.LabelPuskesmas]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: obj.GetNamespace(), Name: name}}}
}

func (r *Reconciler) list(ctx context.Context, opts ...client.ListOption) []reconcile.Request {
	var list v1alpha1.PuskesmasList
	if err := r.Client.List(ctx, &list, opts...); err != nil {
		return nil // only possible while the cache is being shut down
	}
	requests := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		requests[i].NamespacedName = client.ObjectKeyFromObject(&list.Items[i])
	}
	return requests
}
