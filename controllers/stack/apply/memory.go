package apply

import (
	"context"
	"maps"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
)

// Live returns the cached copy of an object as it is after the operator's last
// write, or nil while the cache has not caught up or the object is gone.
func (a *Applier) Live(ctx context.Context, ref inventory.Ref) (client.Object, error) {
	cached, err := live.Get(ctx, a.cache, ref)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.written[ref]; known != nil && known.lagging(cached) {
		return nil, nil
	}
	return cached, nil
}

// Observe takes note of an object that the cache shows, and reports whether it
// is as the operator left it. Watches call it to drop the operator's own echo.
func (a *Applier) Observe(ref inventory.Ref, cached client.Object) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.written[ref]
	if known == nil {
		return false
	}
	if known.lagging(cached) {
		return true
	}
	known.observed = true
	delete(a.unseen, ref)
	return known.matches(cached)
}

// Deleted takes note of an object whose deletion a watch shows.
func (a *Applier) Deleted(ref inventory.Ref, last client.Object) {
	a.Forget(ref)
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.sending[ref]; ok {
		a.sending[ref] = last.GetResourceVersion()
	}
}

// Forget drops what is known of an object that is gone, or gone from the cache.
// Whether one of its name is somebody else's is for the next look to tell.
func (a *Applier) Forget(ref inventory.Ref) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.written, ref)
	delete(a.unseen, ref)
	delete(a.secrets, ref)
}

// ForgetOwner drops what is remembered for a District or Puskesmas that is gone.
// What it had is dropped when that goes.
func (a *Applier) ForgetOwner(owner map[string]string) {
	gone := ownerKeyOf(owner)
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.secrets, func(_ inventory.Ref, s seenSecret) bool { return s.owner == gone })
	maps.DeleteFunc(a.foreign, func(_ inventory.Ref, o ownerKey) bool { return o == gone })
	for ref, o := range a.unseen {
		if o == gone {
			delete(a.unseen, ref)
			delete(a.written, ref)
		}
	}
}

// unseenOf lists the objects of an owner that the cache has not shown yet.
func (a *Applier) unseenOf(owner map[string]string) []inventory.Ref {
	a.mu.Lock()
	defer a.mu.Unlock()
	var refs []inventory.Ref
	for ref, o := range a.unseen {
		if o == ownerKeyOf(owner) {
			refs = append(refs, ref)
		}
	}
	return refs
}

func (a *Applier) isForeign(ref inventory.Ref) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, foreign := a.foreign[ref]
	return foreign
}

// setForeign remembers an object of somebody else, which is looked at before it
// is applied again.
func (a *Applier) setForeign(ref inventory.Ref, desired client.Object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.foreign[ref] = ownerKeyOf(desired.GetLabels())
}

func (a *Applier) unsetForeign(ref inventory.Ref) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.foreign, ref)
}
