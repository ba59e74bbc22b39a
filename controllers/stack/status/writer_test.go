package status

import (
	"context"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pace"
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
	w := &Writer{Clock: clock.RealClock{}, Client: interceptor.NewClient(server, interceptor.Funcs{
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

	w.Forget(before, client.ObjectKeyFromObject(before))
	if w.Stale(before) {
		t.Error("what was forgotten is still known")
	}
}

// TestKeepBack: a step on the way waits for the next one, for no longer than
// Linger in all; whatever people wait for is sent at once.
func TestKeepBack(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := clocktesting.NewFakePassiveClock(start)
	w := &Writer{Client: newServer(t), Clock: clock, Pace: pace.Pace{Linger: 5 * time.Second}}
	before := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: "sintang", UID: "sintang"}}
	keep := func(reason, message string) time.Duration {
		after := before.DeepCopy()
		after.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: reason, Message: message}}
		return w.KeepBack(before, after, after.Status.Conditions)
	}
	at := func(second int) { clock.SetTime(start.Add(time.Duration(second) * time.Second)) }

	if got := keep(v1alpha1.ReasonProgressing, "the first step"); got != 5*time.Second {
		t.Errorf("the first step waits for %v", got)
	}
	at(3)
	if got := keep(v1alpha1.ReasonUpgrading, "the second step"); got != 2*time.Second {
		t.Errorf("the second step waits for %v, as if it were the first", got)
	}
	if got := keep(v1alpha1.ReasonDataMissing, "needs a person"); got != 0 {
		t.Errorf("what needs a person waits for %v", got)
	}
	if got := w.KeepBack(before, before.DeepCopy(), []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonProgressing}}); got != 0 {
		t.Errorf("what does not differ waits for %v", got)
	}
	if got := w.KeepBack(before, before.DeepCopy(), nil); got != 0 {
		t.Errorf("what has no Ready waits for %v", got)
	}
	at(5)
	if got := keep(v1alpha1.ReasonProgressing, "the third step"); got != 0 {
		t.Errorf("after five seconds it waits for another %v", got)
	}

	// What has been sent, or is forgotten, begins anew.
	if err := w.Patch(t.Context(), before, before.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	if got := keep(v1alpha1.ReasonProgressing, "a step after that"); got != 5*time.Second {
		t.Errorf("the first step after a write waits for %v", got)
	}
	at(9)
	w.Forget(before, client.ObjectKeyFromObject(before))
	if got := keep(v1alpha1.ReasonProgressing, "a step of another"); got != 5*time.Second {
		t.Errorf("the first step of another of its name waits for %v", got)
	}
}
