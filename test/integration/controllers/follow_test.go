package controllers_test

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// follow calls see for everything that happens to the objects of a kind, from
// the first one on, until the context ends. It outlives the API server.
func follow(ctx context.Context, c client.WithWatch, gvk schema.GroupVersionKind, see func(watch.EventType, *unstructured.Unstructured), options ...client.ListOption) {
	for ctx.Err() == nil {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		w, err := c.Watch(ctx, list, options...)
		if err != nil {
			if meta.IsNoMatchError(err) {
				c.RESTMapper()
			}
			time.Sleep(200 * time.Millisecond)
			continue
		}
		for event := range w.ResultChan() {
			if object, ok := event.Object.(*unstructured.Unstructured); ok && event.Type != watch.Bookmark && event.Type != watch.Error {
				see(event.Type, object)
			}
		}
		w.Stop()
	}
}
