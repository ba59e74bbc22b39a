package wave

import (
	"context"
	"maps"

	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/watch"
)

// IndexWave finds Districts by the Wave that they name.
const IndexWave = "spec.waveRef.name"

// SetupWithManager indexes Districts and watches what a wave is made of.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.District{}, IndexWave, func(o client.Object) []string {
		return []string{string(o.(*v1alpha1.District).Spec.WaveRef.Name)}
	})
	if err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Wave{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, watch.LostStatus()))).
		// Of a changed District both are asked: the wave it names, and the one it named.
		Watches(&v1alpha1.District{}, handler.EnqueueRequestsFromMapFunc(ofDistrict), builder.WithPredicates(districtTurns())).
		Watches(&v1alpha1.StackRelease{}, handler.EnqueueRequestsFromMapFunc(r.all), builder.WithPredicates(releaseTurns())).
		Complete(r)
}

func ofDistrict(_ context.Context, obj client.Object) []reconcile.Request {
	name := string(obj.(*v1alpha1.District).Spec.WaveRef.Name)
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: name}}}
}

// districtTurns lets through what the planner looks at.
func districtTurns() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.District)
		if !ok {
			return true
		}
		after := e.ObjectNew.(*v1alpha1.District)
		return before.Generation != after.Generation ||
			before.Status.ObservedGeneration != after.Status.ObservedGeneration ||
			before.Status.Release != after.Status.Release ||
			is(before, v1alpha1.ConditionReady) != is(after, v1alpha1.ConditionReady) ||
			readyReason(before) != readyReason(after) ||
			is(before, v1alpha1.ConditionStalled) != is(after, v1alpha1.ConditionStalled) ||
			!before.DeletionTimestamp.Equal(after.DeletionTimestamp) ||
			!maps.Equal(before.Labels, after.Labels) ||
			// A release that was handed out turns into a pin when Git takes it over.
			pin.Of(before, before.Spec.Release) != pin.Of(after, after.Spec.Release)
	}}
}

// releaseTurns lets through releases that come, go, or turn out to be unusable.
func releaseTurns() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.StackRelease)
		return !ok || meta.IsStatusConditionTrue(before.Status.Conditions, v1alpha1.ConditionStalled) !=
			meta.IsStatusConditionTrue(e.ObjectNew.(*v1alpha1.StackRelease).Status.Conditions, v1alpha1.ConditionStalled)
	}}
}

func is(d *v1alpha1.District, conditionType string) bool {
	return meta.IsStatusConditionTrue(d.Status.Conditions, conditionType)
}

// readyReason tells the cause of a failure, which may turn out to be another one
// while the district stays Stalled.
func readyReason(d *v1alpha1.District) string {
	if ready := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Reason
	}
	return ""
}

// all asks every wave: a release may be the one that it names, or one that a
// district of it comes from.
func (r *Reconciler) all(ctx context.Context, _ client.Object) []reconcile.Request {
	var waves v1alpha1.WaveList
	if err := r.Client.List(ctx, &waves); err != nil {
		return nil // only possible while the cache is being shut down
	}
	requests := make([]reconcile.Request, len(waves.Items))
	for i := range waves.Items {
		requests[i].Name = waves.Items[i].Name
	}
	return requests
}
