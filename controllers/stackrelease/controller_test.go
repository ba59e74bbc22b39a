package stackrelease

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/config"
	"ilp.health/operator/controllers/stack/pace"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/status"
)

// TestCounts: that somebody uses a release is written at once, and how many do
// no more often than the pace says.
func TestCounts(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	release := &v1alpha1.StackRelease{
		ObjectMeta: metav1.ObjectMeta{Name: "ilp-1.0.0", UID: "ilp-1.0.0"},
		Spec:       v1alpha1.StackReleaseSpec{Version: "1.0.0", Dashboard: v1alpha1.DashboardRelease{Profile: v1alpha1.DashboardProfileSuperset}},
	}
	server := fake.NewClientBuilder().WithScheme(scheme).WithObjects(release).WithStatusSubresource(release).
		WithIndex(&v1alpha1.District{}, indexInUse, inUse).WithIndex(&v1alpha1.Puskesmas{}, indexInUse, inUse).Build()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := clocktesting.NewFakePassiveClock(start)
	waits := pace.Pace{Counts: 5 * time.Second}
	r := &Reconciler{
		Client: server, Statuses: &status.Writer{Client: server, Clock: clock, Pace: waits},
		Renderer: render.New(config.Stack()), Clock: clock, Pace: waits,
	}
	used := 0
	use := func() {
		used++
		name := fmt.Sprintf("district-%d", used)
		district := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: v1alpha1.DistrictStatus{
			Release: v1alpha1.DistrictReleaseStatus{Target: release.Name},
		}}
		if err := server.Create(t.Context(), district); err != nil {
			t.Fatal(err)
		}
	}
	reconcile := func() (again time.Duration, districts int32) {
		t.Helper()
		result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(release)})
		if err != nil {
			t.Fatal(err)
		}
		now := &v1alpha1.StackRelease{}
		if err := server.Get(t.Context(), client.ObjectKeyFromObject(release), now); err != nil {
			t.Fatal(err)
		}
		return result.RequeueAfter, *now.Status.Districts
	}

	if again, districts := reconcile(); again != 0 || districts != 0 {
		t.Errorf("at first: %d districts, again after %v", districts, again)
	}
	use()
	if again, districts := reconcile(); again != 0 || districts != 1 {
		t.Errorf("the first user: %d districts, again after %v; want it written at once", districts, again)
	}
	use()
	clock.SetTime(start.Add(2 * time.Second))
	if again, districts := reconcile(); again != 3*time.Second || districts != 1 {
		t.Errorf("the second user: %d districts, again after %v; want it to wait for 3 s", districts, again)
	}
	use()
	clock.SetTime(start.Add(5 * time.Second))
	if again, districts := reconcile(); again != 0 || districts != 3 {
		t.Errorf("after 5 s: %d districts, again after %v; want all written", districts, again)
	}
}
