package harness

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Follow calls see for everything that happens to the objects of a kind from
// now on, until the context ends. It outlives the API server.
func Follow(ctx context.Context, c client.WithWatch, gvk schema.GroupVersionKind, see func(watch.EventType, *unstructured.Unstructured), options ...client.ListOption) {
	GinkgoHelper()
	open := func() (watch.Interface, error) {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		return c.Watch(ctx, list, options...)
	}
	w, err := open()
	Expect(err).NotTo(HaveOccurred(), "watch %s", gvk.Kind)
	go func() {
		for ctx.Err() == nil {
			if err != nil {
				time.Sleep(100 * time.Millisecond)
			} else {
				drain(w, see)
			}
			w, err = open()
		}
	}()
}

func drain(w watch.Interface, see func(watch.EventType, *unstructured.Unstructured)) {
	defer w.Stop()
	for event := range w.ResultChan() {
		if event.Type == watch.Bookmark || event.Type == watch.Error {
			continue
		}
		see(event.Type, event.Object.(*unstructured.Unstructured))
	}
}
