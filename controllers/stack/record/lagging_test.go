package record

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// lagging reads what was there when it was held.
type lagging struct {
	client.Client
	held *metav1.PartialObjectMetadata
}

func (l *lagging) hold(t *testing.T) {
	t.Helper()
	held := &metav1.PartialObjectMetadata{}
	held.SetGroupVersionKind(namespaceKind)
	if err := l.Client.Get(t.Context(), client.ObjectKey{Name: "ilp-6105"}, held); err != nil {
		t.Fatal(err)
	}
	l.held = held
}

func (l *lagging) Get(ctx context.Context, key client.ObjectKey, obj client.Object, options ...client.GetOption) error {
	if into, ok := obj.(*metav1.PartialObjectMetadata); ok && l.held != nil {
		l.held.DeepCopyInto(into)
		return nil
	}
	return l.Client.Get(ctx, key, obj, options...)
}
