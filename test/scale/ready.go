package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// turns notes which Districts and Puskesmas are Ready, and when the last one
// became so.
type turns struct {
	mu      sync.Mutex
	ready   map[types.UID]bool
	last    time.Time
	changed chan struct{}
}

// watchReady follows the statuses until the context ends.
func watchReady(ctx context.Context, c *cluster) (*turns, error) {
	t := &turns{ready: map[types.UID]bool{}, changed: make(chan struct{}, 1)}
	for _, list := range []client.ObjectList{&v1alpha1.DistrictList{}, &v1alpha1.PuskesmasList{}} {
		open := func() (watch.Interface, error) { return c.Client.Watch(ctx, list) }
		if err := follow(ctx, open, t.note); err != nil {
			return nil, fmt.Errorf("watch readiness: %w", err)
		}
	}
	return t, nil
}

func (t *turns) note(event watch.Event) {
	var uid types.UID
	ready := false
	switch o := event.Object.(type) {
	case *v1alpha1.District:
		uid, ready = o.UID, isReady(o.Status.Conditions) && o.Status.ObservedGeneration == o.Generation
	case *v1alpha1.Puskesmas:
		uid, ready = o.UID, isReady(o.Status.Conditions) && o.Status.ObservedGeneration == o.Generation
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready[uid] == ready {
		return
	}
	t.ready[uid], t.last = ready, time.Now()
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

func isReady(conditions []metav1.Condition) bool {
	return meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady)
}

// all waits until so many are Ready, and says since when.
func (t *turns) all(ctx context.Context, want int, check func() error) (time.Time, error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		n := 0
		t.mu.Lock()
		for _, ready := range t.ready {
			if ready {
				n++
			}
		}
		last := t.last
		t.mu.Unlock()
		if n == want {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return last, fmt.Errorf("%d of %d are ready: %w", n, want, context.Cause(ctx))
		case <-t.changed:
		case <-tick.C:
			if err := check(); err != nil {
				return last, err
			}
		}
	}
}

// one waits until a resource is Ready.
func (t *turns) one(ctx context.Context, uid types.UID) error {
	for {
		t.mu.Lock()
		ready := t.ready[uid]
		t.mu.Unlock()
		if ready {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.changed:
		case <-time.After(time.Second):
		}
	}
}

// lease is that by which operators agree who works; empty if there was none yet.
func (c *cluster) lease(ctx context.Context) (coordinationv1.LeaseSpec, error) {
	var lease coordinationv1.Lease
	err := c.Client.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: "operator.ilp.health"}, &lease)
	return lease.Spec, client.IgnoreNotFound(err)
}

func leads(lease coordinationv1.LeaseSpec) bool {
	return lease.HolderIdentity != nil && *lease.HolderIdentity != "" && lease.AcquireTime != nil
}

// awaitLeader waits until the operator has taken its lease and so begins to work.
func (b *bench) awaitLeader(ctx context.Context, c *cluster) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		lease, err := c.lease(ctx)
		if err != nil {
			return err
		}
		if leads(lease) {
			// Its informers are filled by now or in a moment.
			return b.sleep(2 * time.Second)
		}
		if err := b.sleep(50 * time.Millisecond); err != nil {
			return err
		}
	}
	return errors.New("the operator has not become leader within a minute")
}

// apply applies the wave as GitOps would: Namespaces, then everything else.
func (w wave) apply(ctx context.Context, c *cluster) error {
	if err := w.applyNamespaces(ctx, c); err != nil {
		return err
	}
	return applyObjects(ctx, c, w.resources())
}

func (w wave) applyNamespaces(ctx context.Context, c *cluster) error {
	objects := make([]client.Object, len(w.namespaces))
	for i, namespace := range w.namespaces {
		objects[i] = namespace
	}
	return applyObjects(ctx, c, objects)
}

// resources are the Districts and Puskesmas.
func (w wave) resources() []client.Object {
	var out []client.Object
	for _, district := range w.districts {
		out = append(out, district)
	}
	for _, puskesmas := range w.puskesmas {
		out = append(out, puskesmas)
	}
	return out
}

func applyObjects(ctx context.Context, c *cluster, objects []client.Object) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(bareInFlight)
	for _, object := range objects {
		group.Go(func() error {
			// Apply writes the answer into what it is given; rounds share the wave.
			sent := object.DeepCopyObject().(client.Object)
			err := c.Client.Patch(ctx, sent, client.Apply, client.FieldOwner("gitops"), client.ForceOwnership) //nolint:staticcheck // the typed form needs generated configurations
			if err != nil {
				return fmt.Errorf("apply %s: %w", object.GetName(), err)
			}
			return nil
		})
	}
	return group.Wait()
}
