package root

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
)

// cluster is one with the objects of a folder.
func cluster(t *testing.T, change func(*source.Snapshot), funcs interceptor.Funcs) client.Client {
	t.Helper()
	s, err := source.FromFiles([]string{"testdata/fleet"}, nil, "nusantara-2025")
	if err != nil {
		t.Fatal(err)
	}
	s.Districts = slices.DeleteFunc(s.Districts, func(d v1alpha1.District) bool { return d.Spec.Release != "" })
	if change != nil {
		change(s)
	}
	scheme, err := cmdutil.NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithReturnManagedFields().WithInterceptorFuncs(funcs).WithObjects(&s.Wave)
	for i := range s.Districts {
		s.Districts[i].UID = types.UID("uid of " + s.Districts[i].Name)
		builder = builder.WithObjects(&s.Districts[i])
	}
	for i := range s.Releases {
		builder = builder.WithObjects(&s.Releases[i])
	}
	return builder.Build()
}

// give is what the wave's controller does: server-side apply without force.
func give(t *testing.T, c client.Client, district, release, manager string) error {
	t.Helper()
	patch := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"release": release}}}
	patch.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("District"))
	patch.SetName(district)
	return c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(patch), client.FieldOwner(manager))
}

func release(t *testing.T, c client.Client, district string) (name string, owners []string) {
	t.Helper()
	d := &v1alpha1.District{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: district}, d); err != nil {
		t.Fatal(err)
	}
	return string(d.Spec.Release), source.ReleaseOwners(d, d.Spec.Release)
}

// expect runs a command and checks how it ends and what it says.
func expect(t *testing.T, c client.Client, args string, code int, says string) {
	t.Helper()
	got := ilp(t, c, strings.Fields(args)...)
	if got.code != code || !strings.Contains(got.out+got.errOut, says) {
		t.Errorf("%s ends with %d, want %d; it says %q, want %q", args, got.code, code, got.out+got.errOut, says)
	}
}

func TestPinAndUnpin(t *testing.T) {
	c := cluster(t, nil, interceptor.Funcs{})
	if err := give(t, c, "sintang", "ilp-1.0.0", v1alpha1.ManagerWave); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "district pin sintang ilp-9", 1, `StackRelease "ilp-9" does not exist: there is ilp-1.0.0, ilp-1.1.0`)
	expect(t, c, "district unpin sintang", 0, "district sintang was not pinned")
	expect(t, c, "district pin nowhere ilp-1.0.0", 1, `"nowhere" not found`)

	// A pin to the release that it has, and one to another.
	for _, pin := range []string{"ilp-1.0.0", "ilp-1.1.0"} {
		expect(t, c, "district pin sintang "+pin, 0, "district sintang is pinned to "+pin)
		if name, owners := release(t, c, "sintang"); name != pin || !slices.Equal(owners, []string{cmdutil.FieldManager}) {
			t.Errorf("the release is %s of %v", name, owners)
		}
		other := map[string]string{"ilp-1.0.0": "ilp-1.1.0", "ilp-1.1.0": "ilp-1.0.0"}[pin]
		if err := give(t, c, "sintang", other, v1alpha1.ManagerWave); !apierrors.IsConflict(err) {
			t.Errorf("the wave may overwrite the pin: %v", err)
		}
	}

	expect(t, c, "district unpin sintang", 0, "it keeps ilp-1.1.0 until wave nusantara-2025 gives it another release")
	if name, owners := release(t, c, "sintang"); name != "ilp-1.1.0" || len(owners) > 0 {
		t.Errorf("the release is %q of %v, want the one that it was pinned to, of the wave", name, owners)
	}
	if err := give(t, c, "sintang", "ilp-1.0.0", v1alpha1.ManagerWave); err != nil {
		t.Errorf("the wave cannot give a release: %v", err)
	}
}

func TestUnpinWithoutWave(t *testing.T) {
	c := cluster(t, func(s *source.Snapshot) {
		for i := range s.Districts {
			s.Districts[i].Spec.WaveRef = v1alpha1.WaveReference{}
		}
	}, interceptor.Funcs{})
	expect(t, c, "district pin bogor ilp-1.0.0", 0, "district bogor is pinned to ilp-1.0.0\n")
	expect(t, c, "district unpin bogor", 0, "it takes the default StackRelease")
	if name, owners := release(t, c, "bogor"); name != "" || len(owners) > 0 {
		t.Errorf("the release is %q of %v, want none", name, owners)
	}
}

func TestPinOfGit(t *testing.T) {
	c := cluster(t, nil, interceptor.Funcs{})
	if err := give(t, c, "garut", "ilp-1.0.0", "flux"); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "district unpin garut", 1, "district garut is pinned by flux, not by this plugin: take spec.release out there")
	expect(t, c, "district pin garut ilp-1.0.0", 0, "spec.release was owned by flux: write the pin there too")
	expect(t, c, "district unpin garut", 0, "still pinned by flux")
	if name, owners := release(t, c, "garut"); name != "ilp-1.0.0" || !slices.Equal(owners, []string{"flux"}) {
		t.Errorf("the release is %q of %v, want flux's", name, owners)
	}
}

func TestRetry(t *testing.T) {
	c := cluster(t, nil, interceptor.Funcs{})
	expect(t, c, "district retry bogor", 0, "district bogor is asked to try again")
	d := &v1alpha1.District{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "bogor"}, d); err != nil {
		t.Fatal(err)
	}
	if got := d.Annotations[v1alpha1.AnnotationRetryRequestedAt]; got != "2025-06-02T01:00:00Z" {
		t.Errorf("the annotation is %q", got)
	}
	expect(t, c, "district retry nowhere", 1, "kubectl get districts lists those there are")
}

func TestSteer(t *testing.T) {
	conflicts := 2
	c := cluster(t, nil, interceptor.Funcs{Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
		if conflicts--; conflicts >= 0 {
			return apierrors.NewConflict(schema.GroupResource{Resource: "waves"}, obj.GetName(), nil)
		}
		return c.Patch(ctx, obj, patch, opts...)
	}})
	expect(t, c, "wave approve nusantara-2025 others java", 0,
		"wave nusantara-2025: stage others approved; stage java approved, though it does not ask for it (approval: Automatic)")
	expect(t, c, "wave approve nusantara-2025 others", 0, "stage others was approved already")
	expect(t, c, "wave approve nusantara-2025 last", 1, `it has no stage "last": its stages are first, java, others`)
	expect(t, c, "wave approve nowhere last", 1, `"nowhere" not found`)
	expect(t, c, "wave suspend nusantara-2025", 0, "wave nusantara-2025 is Suspended: no further district is started")
	expect(t, c, "wave suspend nusantara-2025", 0, "wave nusantara-2025 was Suspended already")

	wave := &v1alpha1.Wave{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "nusantara-2025"}, wave); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(wave.Spec.ApprovedStages, []v1alpha1.ObjectName{"others", "java"}) || wave.Spec.State != v1alpha1.WaveStateSuspended {
		t.Errorf("the spec has %v and %s", wave.Spec.ApprovedStages, wave.Spec.State)
	}
	if i := slices.IndexFunc(wave.ManagedFields, func(f metav1.ManagedFieldsEntry) bool { return f.Manager == cmdutil.FieldManager }); i < 0 {
		t.Errorf("%s owns nothing: %v", cmdutil.FieldManager, wave.ManagedFields)
	}
	expect(t, c, "wave resume nusantara-2025", 0, "wave nusantara-2025 is Active")
}

// begun is the fleet in the middle of a wave.
func begun(s *source.Snapshot) {
	s.Wave.Generation = 2
	s.Wave.Status = v1alpha1.WaveStatus{
		ObservedGeneration: 2, CurrentStage: "java",
		Progress: v1alpha1.WaveProgress{FailedByCause: []v1alpha1.CauseCount{{Cause: v1alpha1.CauseInfrastructure, Count: 1}}},
		Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionReady, Status: "False", Reason: "Progressing", Message: "1/5 districts run release ilp-1.1.0, 1 in flight, 1 failed, 2 held"},
			{Type: v1alpha1.ConditionReconciling, Status: "True", Reason: "Progressing"},
		},
		Blocked: []v1alpha1.BlockedDistricts{
			{Reason: v1alpha1.ReasonInfrastructureFailed, Count: 1, Message: "garut: InfrastructureFailed: the image is missing", Districts: []v1alpha1.ObjectName{"garut"}},
			{Reason: v1alpha1.ReasonAwaitingStage, Count: 1, Message: "stage java comes first: 0 of 3 done, waiting for bogor, garut, cirebon", Districts: []v1alpha1.ObjectName{"jayapura"}},
		},
		Memory: v1alpha1.WaveMemory{
			Release: "ilp-1.1.0",
			Stages: []v1alpha1.StageMemory{{
				Name: "first", CompletedAt: metav1.NewTime(monday.Add(-2 * time.Hour)), SoakedAt: metav1.NewTime(monday.Add(-time.Hour)),
			}},
			Started: []v1alpha1.StartedDistrict{
				{Name: "bogor", Since: metav1.NewTime(monday.Add(-15 * time.Minute))},
				{Name: "garut", Since: metav1.NewTime(monday.Add(-20 * time.Minute))},
			},
		},
	}
	condition := func(conditionType, status, reason, message string) metav1.Condition {
		return metav1.Condition{Type: conditionType, Status: metav1.ConditionStatus(status), Reason: reason, Message: message}
	}
	for i := range s.Districts {
		d := &s.Districts[i]
		if d.Name == "jayapura" || d.Name == "cirebon" || d.Name == "mamuju" {
			continue
		}
		d.Status.Release.Target = "ilp-1.1.0"
		switch d.Name {
		case "sintang":
			d.Status.Release.Current = "ilp-1.1.0"
			d.Status.Conditions = []metav1.Condition{condition(v1alpha1.ConditionReady, "True", "Succeeded", "stands")}
		case "bogor":
			d.Status.Conditions = []metav1.Condition{condition(v1alpha1.ConditionReady, "False", "Progressing", "waiting for the database")}
		case "garut":
			d.Status.Conditions = []metav1.Condition{
				condition(v1alpha1.ConditionReady, "False", v1alpha1.ReasonInfrastructureFailed, "the image is missing"),
				condition(v1alpha1.ConditionStalled, "True", v1alpha1.ReasonInfrastructureFailed, "the image is missing"),
			}
		}
	}
}

func TestStatus(t *testing.T) {
	text := ilp(t, cluster(t, begun, interceptor.Funcs{}), "wave", "status", "nusantara-2025")
	document := ilp(t, cluster(t, begun, interceptor.Funcs{}), "wave", "status", "nusantara-2025", "-o", "json")
	golden(t, "status.txt", text.out)
	golden(t, "status.json", document.out)
	if text.code != cmdutil.ExitWaiting || document.code != cmdutil.ExitWaiting {
		t.Errorf("exit codes %d and %d, want %d", text.code, document.code, cmdutil.ExitWaiting)
	}

	for name, test := range map[string]struct {
		change func(*v1alpha1.Wave)
		code   int
		says   string
	}{
		"complete": {func(w *v1alpha1.Wave) {
			w.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: "True", Reason: "Succeeded", Message: "all"}}
		}, cmdutil.ExitDone, ": complete\nSucceeded: all\n"},
		"held": {func(w *v1alpha1.Wave) {
			w.Status.Conditions[1].Type = v1alpha1.ConditionStalled
		}, cmdutil.ExitHeld, ": HELD\n"},
		"suspended": {func(w *v1alpha1.Wave) {
			w.Spec.State = v1alpha1.WaveStateSuspended
			w.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: "Unknown", Reason: "Suspended", Message: "no"}}
		}, cmdutil.ExitWaiting, ": suspended\n"},
		"complete before the spec changed": {func(w *v1alpha1.Wave) {
			w.Generation++
			w.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: "True", Reason: "Succeeded"}}
		}, cmdutil.ExitWaiting, ": in progress\n"},
		"never looked at": {func(w *v1alpha1.Wave) {
			w.Status = v1alpha1.WaveStatus{ObservedGeneration: -1}
		}, cmdutil.ExitWaiting, "The operator has not looked at it yet."},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(t, func(s *source.Snapshot) { begun(s); test.change(&s.Wave) }, interceptor.Funcs{})
			expect(t, c, "wave status nusantara-2025", test.code, test.says)
		})
	}
}

// TestWatch ends when the wave does, and outlives a cluster that does not answer.
func TestWatch(t *testing.T) {
	looks := 0
	c := cluster(t, begun, interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
		if looks++; looks == 1 {
			return apierrors.NewServiceUnavailable("the line is down")
		}
		wave := &v1alpha1.Wave{}
		if err := c.Get(ctx, key, wave); err != nil {
			return err
		}
		wave.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: "True", Reason: "Succeeded", Message: "all"}}
		if err := c.Update(ctx, wave); err != nil {
			return err
		}
		return c.Get(ctx, key, obj, opts...)
	}})
	got := ilp(t, c, "wave", "status", "nusantara-2025", "--watch")
	want := "2025-06-02T01:00:00Z in progress: 1/5 done, 1 in flight, 1 failed, 0 pinned, 2 held; failed for infrastructure 1; stage java; " +
		"Progressing: 1/5 districts run release ilp-1.1.0, 1 in flight, 1 failed, 2 held\n" +
		"2025-06-02T01:00:00Z complete: 1/5 done, 1 in flight, 1 failed, 0 pinned, 2 held; failed for infrastructure 1; stage java; Succeeded: all\n"
	if got.code != cmdutil.ExitDone || got.out != want || !strings.Contains(got.errOut, "the line is down") {
		t.Errorf("ends with %d and prints\n%s%s\nwant\n%s", got.code, got.out, got.errOut, want)
	}
}

func TestPlanFromCluster(t *testing.T) {
	c := cluster(t, begun, interceptor.Funcs{})
	expect(t, c, "district pin cirebon ilp-1.0.0", 0, "pinned")
	got := ilp(t, c, "wave", "plan", "nusantara-2025")
	golden(t, "plan-cluster.txt", got.out)
	expect(t, c, "wave plan nowhere", 1, `wave "nowhere" does not exist: there is nusantara-2025`)
}
