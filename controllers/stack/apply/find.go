package apply

import (
	"context"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
)

// Find lists the operator's objects of some kinds in a namespace that carry the
// labels of owner. It asks the API server, for what no inventory may name any
// more: a status can be lost, in a restore for instance. Kinds that the cluster
// does not have, have no objects.
func (a *Applier) Find(ctx context.Context, namespace string, owner map[string]string, kinds ...schema.GroupVersionKind) ([]v1alpha1.InventoryEntry, error) {
	labels := maps.Clone(owner)
	labels[v1alpha1.LabelManagedBy] = v1alpha1.ManagerName
	var found []*unstructured.Unstructured
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
			obj := &unstructured.Unstructured{}
			obj.SetGroupVersionKind(gvk)
			obj.SetNamespace(list.Items[i].Namespace)
			obj.SetName(list.Items[i].Name)
			found = append(found, obj)
		}
	}
	return inventory.Of(found), nil
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
