// Package watch leads from the objects that the operator made back to the
// resource they were made for, by their labels, and drops what the operator
// itself has just caused.
package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/health"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
)

// begun is the priority of resources whose objects change: those that are half
// way up come before those that wait for their turn, so that a large wave is
// brought up one after the other and drift does not wait for it.
const begun = 1

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Owned watches the objects of one controller.
type Owned struct {
	Cache      cache.Cache
	Mapper     meta.RESTMapper
	Controller controller.Controller
	Applier    *apply.Applier
	// Owner names the resource that an object was made for, or nothing if it is
	// another controller's.
	Owner func(ctx context.Context, obj client.Object) []reconcile.Request

	mu      sync.Mutex
	watched map[schema.GroupVersionKind]bool
}

// Ensure watches kinds from now on. It returns the API's no-match error for a
// kind that the cluster does not have; call again when it may have been installed.
func (o *Owned) Ensure(kinds ...schema.GroupVersionKind) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, gvk := range kinds {
		if o.watched[gvk] {
			continue
		}
		if _, err := o.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version); err != nil {
			return err
		}
		if err := o.Controller.Watch(source.Kind(o.Cache, live.Prototype(gvk), o.handler(gvk))); err != nil {
			return fmt.Errorf("watch %s: %w", gvk.Kind, err)
		}
		if o.watched == nil {
			o.watched = map[schema.GroupVersionKind]bool{}
		}
		o.watched[gvk] = true
	}
	return nil
}

// EnsureInstalled watches those of the kinds that the cluster has.
func (o *Owned) EnsureInstalled(kinds ...schema.GroupVersionKind) error {
	for _, gvk := range kinds {
		if err := o.Ensure(gvk); err != nil && !meta.IsNoMatchError(err) {
			return err
		}
	}
	return nil
}

// Kinds are those that are watched by now. Of any other kind there is nothing that
// the operator made: it watches a kind before it makes anything of it, and at its
// start all that an earlier one may have made.
func (o *Owned) Kinds() []schema.GroupVersionKind {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.watched))
}

func (o *Owned) handler(gvk schema.GroupVersionKind) handler.EventHandler {
	refOf := func(obj client.Object) inventory.Ref {
		return inventory.Ref{GVK: gvk, Key: client.ObjectKeyFromObject(obj)}
	}
	enqueue := func(ctx context.Context, obj client.Object, q queue) {
		for _, request := range o.Owner(ctx, obj) {
			q.Add(request)
		}
	}
	enqueueFirst := func(ctx context.Context, obj client.Object, q queue) {
		prioritized, ok := q.(priorityqueue.PriorityQueue[reconcile.Request])
		if !ok {
			enqueue(ctx, obj, q)
			return
		}
		prioritized.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(begun)}, o.Owner(ctx, obj)...)
	}
	return handler.WithLowPriorityWhenUnchanged(handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			if !o.Applier.Observe(refOf(e.Object), e.Object) || health.Check(e.Object).State == health.Ready {
				enqueue(ctx, e.Object, q)
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			asLeft := o.Applier.Observe(refOf(e.ObjectNew), e.ObjectNew)
			if !asLeft || health.Check(e.ObjectOld) != health.Check(e.ObjectNew) ||
				cnpg.SystemID(e.ObjectOld) != cnpg.SystemID(e.ObjectNew) {
				// The new labels may no longer lead to the owner; the old ones do.
				enqueueFirst(ctx, e.ObjectOld, q)
				enqueueFirst(ctx, e.ObjectNew, q)
			}
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) {
			o.Applier.Deleted(refOf(e.Object), e.Object)
			enqueue(ctx, e.Object, q)
		},
	})
}

// LostStatus lets through a resource whose status has just been taken away, as a
// tool that restores it does: it must get it back. Only the API server's default
// says that nobody has looked yet.
func LostStatus() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return seenGeneration(e.ObjectOld) > 0 && seenGeneration(e.ObjectNew) <= 0
		},
	}
}

func seenGeneration(obj client.Object) int64 {
	switch o := obj.(type) {
	case *v1alpha1.District:
		return o.Status.ObservedGeneration
	case *v1alpha1.Puskesmas:
		return o.Status.ObservedGeneration
	case *v1alpha1.Wave:
		return o.Status.ObservedGeneration
	case *v1alpha1.StackRelease:
		return o.Status.ObservedGeneration
	default:
		return 0
	}
}

// LostFinalizer lets through a resource that has just lost the operator's
// finalizer although it is not being deleted: it must get it back.
func LostFinalizer() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectNew.GetDeletionTimestamp() == nil &&
				controllerutil.ContainsFinalizer(e.ObjectOld, v1alpha1.Finalizer) &&
				!controllerutil.ContainsFinalizer(e.ObjectNew, v1alpha1.Finalizer)
		},
	}
}
