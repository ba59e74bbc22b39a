package live

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/inventory"
)

// Each calls a function for every cached object of some kinds in a namespace.
// The objects are the cache's own and must not be changed.
func Each(ctx context.Context, cache client.Reader, namespace string, kinds []schema.GroupVersionKind, see func(inventory.Ref, client.Object)) error {
	for _, gvk := range kinds {
		list := listOf(gvk)
		if err := cache.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("list every %s: %w", gvk.Kind, err)
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			obj, ok := item.(client.Object)
			if !ok {
				return fmt.Errorf("list every %s: %T is no object", gvk.Kind, item)
			}
			see(inventory.Ref{GVK: gvk, Key: client.ObjectKeyFromObject(obj)}, obj)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// listOf is an empty list of the form in which a kind is cached.
func listOf(gvk schema.GroupVersionKind) client.ObjectList {
	kind := gvk.GroupVersion().WithKind(gvk.Kind + "List")
	switch {
	case gvk == Deployments:
		return &appsv1.DeploymentList{}
	case gvk == Jobs:
		return &batchv1.JobList{}
	case gvk.Group == cnpg.Group:
		u := &unstructured.UnstructuredList{}
		u.SetGroupVersionKind(kind)
		return u
	default:
		m := &metav1.PartialObjectMetadataList{}
		m.SetGroupVersionKind(kind)
		return m
	}
}

// Get reads an object from the cache, in the form of Prototype.
func Get(ctx context.Context, cache client.Reader, ref inventory.Ref) (client.Object, error) {
	obj := Prototype(ref.GVK)
	if err := cache.Get(ctx, ref.Key, obj); err != nil {
		return nil, err
	}
	return obj, nil
}
