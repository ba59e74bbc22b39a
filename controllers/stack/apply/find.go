package apply

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
)

// Find lists the operator's objects of some kinds in a namespace that carry
// labels. It asks the API server, where something is deleted for good. Kinds that
// the cluster does not have, have no objects.
func (a *Applier) Find(ctx context.Context, namespace string, owner map[string]string, kinds ...schema.GroupVersionKind) ([]inventory.Ref, error) {
	labels := maps.Clone(owner)
	labels[v1alpha1.LabelManagedBy] = v1alpha1.ManagerName
	var found []inventory.Ref
	for _, gvk := range kinds {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		err := a.apiReader.List(ctx, list, client.InNamespace(namespace), client.MatchingLabels(labels))
		if meta.IsNoMatchError(err) || client.IgnoreNotFound(err) == nil && err != nil {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", gvk.Kind, err)
		}
		for i := range list.Items {
			found = append(found, inventory.Ref{GVK: gvk, Key: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return sorted(found), nil
}

// Stale lists what an owner has in a namespace and does not ask for any more. It
// costs no request: kinds are those that are watched, whichever of them a version
// of the operator ever made. An object that was just made may not be in the cache
// yet, and counts too.
func (a *Applier) Stale(ctx context.Context, namespace string, owner Owner, kinds []schema.GroupVersionKind, wanted []*unstructured.Unstructured) ([]inventory.Ref, error) {
	asked := make(map[inventory.Ref]bool, len(wanted))
	for _, obj := range wanted {
		asked[inventory.RefOf(obj)] = true
	}
	stale := map[inventory.Ref]bool{}
	err := live.Each(ctx, a.cache, namespace, kinds, func(ref inventory.Ref, cached client.Object) {
		if !asked[ref] && owner.ownsCached(cached) {
			stale[ref] = true
		}
	})
	if err != nil {
		return nil, err
	}
	for _, ref := range a.unseenOf(owner.Labels) {
		if !asked[ref] {
			stale[ref] = true
		}
	}
	return sorted(slices.Collect(maps.Keys(stale))), nil
}

// Stands lists what the cache shows of an owner's and does not go.
func (a *Applier) Stands(ctx context.Context, namespace string, owner Owner, kinds []schema.GroupVersionKind) ([]inventory.Ref, error) {
	var stands []inventory.Ref
	err := live.Each(ctx, a.cache, namespace, kinds, func(ref inventory.Ref, cached client.Object) {
		if owner.ownsCached(cached) && cached.GetDeletionTimestamp() == nil {
			stands = append(stands, ref)
		}
	})
	return sorted(stands), err
}

// Left lists the isolation that an owner which is gone has left in a namespace,
// and nothing as long as something is there that it had running.
func (a *Applier) Left(ctx context.Context, namespace string, owner Owner, kinds []schema.GroupVersionKind) ([]inventory.Ref, error) {
	var left []inventory.Ref
	runs := false
	err := live.Each(ctx, a.cache, namespace, kinds, func(ref inventory.Ref, cached client.Object) {
		switch {
		case !owner.labels(cached) || live.Fields(cached) == "":
		case !outlives(ref.GVK.Kind, cached):
			runs = true
		case !stateful(ref.GVK.Kind, cached):
			left = append(left, ref)
		}
	})
	if err != nil || runs {
		return nil, err
	}
	return sorted(left), nil
}

// Refers reports whether an object in a namespace has a reference to an owner.
func (a *Applier) Refers(ctx context.Context, namespace string, owner Owner, kinds []schema.GroupVersionKind) (bool, error) {
	refers := false
	err := live.Each(ctx, a.cache, namespace, kinds, func(_ inventory.Ref, cached client.Object) {
		refers = refers || controllerOf(cached) == owner.UID
	})
	return refers, err
}

// Orphaned reports whether objects that had an owner have none any more: a
// deletion with --cascade=orphan, after which everything runs on.
func (a *Applier) Orphaned(ctx context.Context, namespace string, owner Owner, kinds []schema.GroupVersionKind) (bool, error) {
	orphaned := false
	err := live.Each(ctx, a.cache, namespace, kinds, func(_ inventory.Ref, cached client.Object) {
		if owner.labels(cached) && live.Fields(cached) != "" && live.HadOwner(cached) && len(cached.GetOwnerReferences()) == 0 {
			orphaned = true
		}
	})
	return orphaned, err
}

// Cached returns the copy of an object that the cache has, even one from before
// the operator's last write, or nil.
func (a *Applier) Cached(ctx context.Context, ref inventory.Ref) (client.Object, error) {
	cached, err := live.Get(ctx, a.cache, ref)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return cached, nil
}

// IsCurrent reports whether an object is as it is asked for, and needs no apply.
func (a *Applier) IsCurrent(ctx context.Context, obj *unstructured.Unstructured) (bool, error) {
	send, err := a.plan(ctx, obj, Options{})
	return err == nil && send == nil, err
}

func sorted(refs []inventory.Ref) []inventory.Ref {
	slices.SortFunc(refs, func(a, b inventory.Ref) int {
		return cmp.Or(strings.Compare(a.GVK.Kind, b.GVK.Kind), strings.Compare(a.Key.String(), b.Key.String()))
	})
	return refs
}
