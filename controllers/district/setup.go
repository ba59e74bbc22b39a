package district

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
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
	"sigs.k8s.io/controller-runtime/pkg/source"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/resolve"
	"ilp.health/operator/controllers/stack/watch"
)

// SetupWithManager indexes and watches what districts are made of.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, workers int) error {
	if err := index(ctx, mgr, &v1alpha1.District{}); err != nil {
		return err
	}
	built, err := ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.District{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, watch.LostFinalizer(), watch.LostStatus()))).
		Watches(&v1alpha1.Puskesmas{}, handler.EnqueueRequestsFromMapFunc(r.ofPuskesmas), builder.WithPredicates(puskesmasTurns())).
		// Its counts, which change with everybody who takes it, concern nobody here.
		Watches(&v1alpha1.StackRelease{}, handler.EnqueueRequestsFromMapFunc(r.ofRelease), builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Watches(&v1alpha1.District{}, handler.EnqueueRequestsFromMapFunc(r.ofSameCode), builder.WithPredicates(predicate.Funcs{
			CreateFunc:  func(event.CreateEvent) bool { return false },
			UpdateFunc:  func(event.UpdateEvent) bool { return false },
			GenericFunc: func(event.GenericEvent) bool { return false },
		})).
		Watches(&v1alpha1.Wave{}, r.waveTurns()).
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
	return r.owned.EnsureInstalled(append(slices.Clone(cnpg.Kinds), live.RouteKind)...)
}

func index(ctx context.Context, mgr ctrl.Manager, obj client.Object) error {
	for field, values := range map[string]func(*v1alpha1.District) []string{
		IndexCode:    func(d *v1alpha1.District) []string { return []string{string(d.Spec.Code)} },
		IndexRelease: needs,
	} {
		err := mgr.GetFieldIndexer().IndexField(ctx, obj, field, func(o client.Object) []string {
			return values(o.(*v1alpha1.District))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// needs are the StackReleases without which a district cannot go on: its pin, and
// those that it runs or is brought to. One that has none may wait for the default.
func needs(d *v1alpha1.District) []string {
	names := []string{string(d.Spec.Release), d.Status.Release.Target, d.Status.Release.Current, d.Status.Release.Dashboard}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

// puskesmasTurns lets through what a district counts or loads: facilities that
// come, go, change their spec, go to another release or take a turn in Ready.
func puskesmasTurns() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.Puskesmas)
		if !ok {
			return true
		}
		after := e.ObjectNew.(*v1alpha1.Puskesmas)
		return before.Generation != after.Generation ||
			!before.DeletionTimestamp.Equal(after.DeletionTimestamp) ||
			before.Status.Release.Target != after.Status.Release.Target ||
			before.Status.Release.Current != after.Status.Release.Current ||
			isReady(before) != isReady(after) ||
			readyReason(before) != readyReason(after)
	}}
}

func isReady(p *v1alpha1.Puskesmas) bool {
	return p.Status.ObservedGeneration == p.Generation && meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionReady)
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

// ofRelease finds the districts that need a release, and those that may wait for
// the default.
func (r *Reconciler) ofRelease(ctx context.Context, obj client.Object) []reconcile.Request {
	return append(r.withField(ctx, IndexRelease, obj.GetName()), r.withField(ctx, IndexRelease, "")...)
}

// waveTurns wakes the districts whose admission has changed, and all that name a
// wave which has come or gone. Nothing else of a wave concerns a district.
func (r *Reconciler) waveTurns() handler.EventHandler {
	comesOrGoes := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, wave client.Object) []reconcile.Request {
		return r.withField(ctx, IndexWave, wave.GetName())
	})
	return handler.Funcs{
		CreateFunc: comesOrGoes.Create,
		DeleteFunc: comesOrGoes.Delete,
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			for _, code := range resolve.Changed(e.ObjectOld.(*v1alpha1.Wave).Status.Admitted, e.ObjectNew.(*v1alpha1.Wave).Status.Admitted) {
				for _, request := range r.withField(ctx, IndexCode, code) {
					queue.Add(request)
				}
			}
		},
	}
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
