package status

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"ilp.health/operator/api/v1alpha1"
)

func newServer(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(objects...).Build()
}

func TestPatch(t *testing.T) {
	server := newServer(t, &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: "sintang", UID: "sintang"}})
	writes := 0
	w := &Writer{Client: interceptor.NewClient(server, interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			writes++
			return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
		},
	})}
	before := &v1alpha1.District{}
	if err := server.Get(t.Context(), client.ObjectKey{Name: "sintang"}, before); err != nil {
		t.Fatal(err)
	}
	if err := w.Patch(t.Context(), before, before.DeepCopy()); err != nil || writes != 0 {
		t.Errorf("the same status cost %d writes, error %v", writes, err)
	}
	if w.Stale(before) {
		t.Error("a copy is called stale though nothing has been written")
	}

	after := before.DeepCopy()
	after.Status.Storage = "1Gi"
	if err := w.Patch(t.Context(), before, after); err != nil || writes != 1 {
		t.Fatalf("another status cost %d writes, error %v", writes, err)
	}
	if !w.Stale(before) || w.Stale(after) {
		t.Errorf("stale is the copy of before: %v, of after: %v", w.Stale(before), w.Stale(after))
	}
	late := before.DeepCopy()
	late.Status.Storage = "9Gi"
	if err := w.Patch(t.Context(), before, late); !apierrors.IsConflict(err) {
		t.Errorf("a status that was made from an old copy was taken: %v", err)
	}

	w.Forget(before.UID)
	if w.Stale(before) {
		t.Error("what was forgotten is still known")
	}
}
