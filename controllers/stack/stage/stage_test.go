package stage

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/pace"
	"ilp.health/operator/controllers/stack/status"
)

const namespace = "ilp-6105"

// cluster is an API server that takes what is applied and answers, from now on,
// with the statuses that a test gives.
type cluster struct {
	client.Client
	// refuse is what an apply is answered, nil if it is taken.
	refuse error
	// asked counts how often pods were listed.
	asked   int
	deleted []string
}

func newCluster(objects ...client.Object) *cluster {
	c := &cluster{}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	for _, gvk := range cnpg.Kinds {
		scheme.AddKnownTypeWithName(gvk, &unstructured.Unstructured{})
		scheme.AddKnownTypeWithName(gvk.GroupVersion().WithKind(gvk.Kind+"List"), &unstructured.UnstructuredList{})
	}
	noEvent := func(client.Object) []string { return nil }
	c.Client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithReturnManagedFields().
		WithIndex(&corev1.Event{}, "involvedObject.kind", noEvent).
		WithIndex(&corev1.Event{}, "involvedObject.name", noEvent).
		WithIndex(&corev1.Event{}, "reason", noEvent).
		WithInterceptorFuncs(interceptor.Funcs{
			Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
				return c.refuse
			},
			List: func(ctx context.Context, w client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				if _, ok := list.(*corev1.PodList); ok {
					c.asked++
				}
				return w.List(ctx, list, opts...)
			},
			Delete: func(ctx context.Context, w client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
				c.deleted = append(c.deleted, obj.GetName())
				return w.Delete(ctx, obj, opts...)
			},
		}).Build()
	return c
}

func newRunner(c *cluster, clock clock.PassiveClock) *Runner {
	return &Runner{Applier: apply.New(c, c, c, clock, pace.Default()), APIReader: c, Clock: clock, Pace: pace.Default()}
}

func rendered(gvk schema.GroupVersionKind, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{}}
	object.SetGroupVersionKind(gvk)
	object.SetNamespace(namespace)
	object.SetName(name)
	if gvk == live.Deployments {
		_ = unstructured.SetNestedStringMap(object.Object, map[string]string{"app": name}, "spec", "selector", "matchLabels")
	}
	return object
}

func ofCloudNativePG(kind, name string, status map[string]any) *unstructured.Unstructured {
	object := rendered(schema.GroupVersionKind{Group: cnpg.Group, Version: "v1", Kind: kind}, name)
	object.Object["status"] = status
	return object
}

func deployment(status appsv1.DeploymentStatus) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "tebidah-rme", Namespace: namespace}, Status: status}
}

func failedJob() *batchv1.Job {
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name: "tebidah-schema", Namespace: namespace,
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagerName},
			ManagedFields: []metav1.ManagedFieldsEntry{{
				Manager: v1alpha1.ManagerName, Operation: metav1.ManagedFieldsOperationApply,
				APIVersion: "batch/v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`),
			}},
		},
		Status: batchv1.JobStatus{Failed: 5, Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}}},
	}
}

func pod(state corev1.ContainerStatus, conditions ...corev1.PodCondition) *corev1.Pod {
	state.Name = "gnuhealth"
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "tebidah-rme-1", Namespace: namespace, Labels: map[string]string{"app": "tebidah-rme"}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, Conditions: conditions, ContainerStatuses: []corev1.ContainerStatus{state}},
	}
}

// TestRun: a condition says which part is waited for and why, and only what
// waiting does not mend needs a person. Pods are asked late: that costs requests.
func TestRun(t *testing.T) {
	serves := appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}
	stuck := appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, Conditions: []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse},
	}}
	crashing := pod(corev1.ContainerStatus{RestartCount: 5, LastTerminationState: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error"},
	}})
	homeless := pod(corev1.ContainerStatus{}, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/1 nodes"})
	starting := pod(corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}})
	rme := rendered(live.Deployments, "tebidah-rme")

	for name, test := range map[string]struct {
		there  []client.Object
		object *unstructured.Unstructured
		waited time.Duration // for how long the condition has been False
		// reason is empty where the stage does its work.
		reason  string
		message string
		stalled bool
		asked   bool
	}{
		"does its work":          {there: []client.Object{deployment(serves)}, object: rme},
		"is not yet seen at all": {object: rme, reason: v1alpha1.ReasonProgressing, message: "waiting for Deployment tebidah-rme: applied"},
		"has just begun": {
			there: []client.Object{deployment(appsv1.DeploymentStatus{}), homeless}, object: rme, waited: pace.Default().Patience - time.Second,
			reason: v1alpha1.ReasonProgressing, message: "waiting for Deployment tebidah-rme: 0 of 1 replicas available",
		},
		"takes long, and nobody knows why": {
			there: []client.Object{deployment(appsv1.DeploymentStatus{}), starting}, object: rme, waited: pace.Default().Patience,
			reason: v1alpha1.ReasonProgressing, message: "0 of 1 replicas available", asked: true,
		},
		"takes long, for want of a node": {
			there: []client.Object{deployment(appsv1.DeploymentStatus{}), homeless}, object: rme, waited: pace.Default().Patience,
			reason: v1alpha1.ReasonInfrastructureFailed, message: "0 of 1 replicas available: no node for the pod: 0/1 nodes", asked: true,
		},
		"takes long, since it crashes": {
			there: []client.Object{deployment(appsv1.DeploymentStatus{}), crashing}, object: rme, waited: pace.Default().Patience,
			reason: v1alpha1.ReasonApplicationFailed, message: "crashes again and again, exit code 2 Error", stalled: true, asked: true,
		},
		"has failed, of which the pods know better": {
			there: []client.Object{deployment(stuck), homeless}, object: rme,
			reason: v1alpha1.ReasonInfrastructureFailed, message: "no progress for too long: no node for the pod", asked: true,
		},
		"has failed": {
			there: []client.Object{failedJob()}, object: rendered(live.Jobs, "tebidah-schema"),
			reason: v1alpha1.ReasonApplicationFailed, message: "Job tebidah-schema: failed after 5 attempts", stalled: true, asked: true,
		},
		"is tried again by CloudNativePG": {
			there:  []client.Object{ofCloudNativePG("Database", "tebidah-database", map[string]any{"applied": false, "message": "permission denied"})},
			object: rendered(cnpg.Databases, "tebidah-database"),
			reason: v1alpha1.ReasonUnhealthy, message: "CloudNativePG reports: permission denied",
		},
		"is given up by CloudNativePG": {
			there:  []client.Object{ofCloudNativePG("Cluster", "database", map[string]any{"phase": "Cluster is unrecoverable and needs manual intervention"})},
			object: rendered(cnpg.Clusters, "database"),
			reason: v1alpha1.ReasonInfrastructureFailed, message: "Cluster is unrecoverable", stalled: true, asked: true,
		},
		"is configured wrongly, says CloudNativePG": {
			there:  []client.Object{ofCloudNativePG("Cluster", "database", map[string]any{"phase": "Invalid cluster definition"})},
			object: rendered(cnpg.Clusters, "database"),
			reason: v1alpha1.ReasonConfigurationFailed, message: "Invalid cluster definition", stalled: true, asked: true,
		},
		"has no status to wait for": {object: rendered(schema.GroupVersionKind{Version: "v1", Kind: "Service"}, "tebidah-rme")},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
			c := newCluster(test.there...)
			runner := newRunner(c, clocktesting.NewFakePassiveClock(now))
			list := []metav1.Condition{{
				Type: v1alpha1.ConditionRMEReady, Status: metav1.ConditionFalse, LastTransitionTime: metav1.NewTime(now.Add(-test.waited)),
			}}
			conditions := status.Conditions{List: &list, Generation: 3}
			// The answer to an apply that the fake leaves out has no version; what is there counts.
			err := runner.Run(t.Context(), conditions, Stage{Condition: v1alpha1.ConditionRMEReady, Objects: []*unstructured.Unstructured{test.object}})
			if test.reason == "" {
				if err != nil {
					t.Fatalf("it does its work, and yet: %v", err)
				}
				return
			}
			var stop *status.Stop
			if !errors.As(err, &stop) {
				t.Fatalf("it ended with %v", err)
			}
			condition := meta.FindStatusCondition(list, v1alpha1.ConditionRMEReady)
			if condition.Status != metav1.ConditionFalse || condition.Reason != test.reason || !strings.Contains(condition.Message, test.message) || condition.ObservedGeneration != 3 {
				t.Errorf("the condition is %+v, want False %s %q", condition, test.reason, test.message)
			}
			if stop.Reason != test.reason || stop.Message != condition.Message || stop.Stalled != test.stalled || stop.RetryAfter != pace.Default().StageRecheck {
				t.Errorf("it stops with %+v, want %s, stalled %v, again after %v", stop, test.reason, test.stalled, pace.Default().StageRecheck)
			}
			if asked := c.asked > 0; asked != test.asked {
				t.Errorf("pods were asked: %v, want %v", asked, test.asked)
			}
		})
	}
}

// TestRunRefused: what the API server says ends in the stage's condition, and
// only what nobody mends by waiting is Stalled.
func TestRunRefused(t *testing.T) {
	resource := schema.GroupResource{Group: "apps", Resource: "deployments"}
	for name, test := range map[string]struct {
		err     error
		reason  string
		message string
		stalled bool
		again   time.Duration
	}{
		"without CloudNativePG": {
			&meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: cnpg.Group, Kind: "Cluster"}, SearchedVersions: []string{"v1"}},
			v1alpha1.ReasonMissingDependency, "install CloudNativePG 1.30 or later", false, pace.Default().StageRecheck,
		},
		"without another kind": {
			&meta.NoKindMatchError{GroupKind: live.RouteKind.GroupKind(), SearchedVersions: []string{"v1"}},
			v1alpha1.ReasonMissingDependency, "the cluster has no kind HTTPRoute", false, pace.Default().StageRecheck,
		},
		"invalid": {
			apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, "tebidah-rme", nil),
			v1alpha1.ReasonObjectInvalid, "correct the spec or the patch", true, pace.Default().RefusedRecheck,
		},
		"by a policy": {
			apierrors.NewForbidden(resource, "tebidah-rme", errors.New("ValidatingAdmissionPolicy 'example' with binding 'example' denied request: no")),
			v1alpha1.ReasonObjectInvalid, "an admission policy of the cluster refuses", true, pace.Default().RefusedRecheck,
		},
		"by RBAC":       {apierrors.NewForbidden(resource, "tebidah-rme", errors.New("no")), v1alpha1.ReasonApplyFailed, "forbidden", false, 0},
		"by bad luck":   {apierrors.NewInternalError(errors.New("etcd")), v1alpha1.ReasonApplyFailed, "etcd", false, 0},
		"by a conflict": {apierrors.NewConflict(resource, "tebidah-rme", errors.New("changed")), v1alpha1.ReasonApplyFailed, "changed", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster()
			c.refuse = test.err
			runner := newRunner(c, clock.RealClock{})
			var list []metav1.Condition
			err := runner.Run(t.Context(), status.Conditions{List: &list}, Stage{
				Condition: v1alpha1.ConditionRMEReady, Objects: []*unstructured.Unstructured{rendered(live.Deployments, "tebidah-rme")},
			})
			condition := meta.FindStatusCondition(list, v1alpha1.ConditionRMEReady)
			if condition == nil || condition.Reason != test.reason || !strings.Contains(condition.Message, test.message) {
				t.Errorf("the condition is %+v, want %s %q", condition, test.reason, test.message)
			}
			var stop *status.Stop
			if is := errors.As(err, &stop); is != (test.reason != v1alpha1.ReasonApplyFailed) {
				t.Fatalf("it ended with %v", err)
			}
			if stop != nil && (stop.Stalled != test.stalled || stop.RetryAfter != test.again) {
				t.Errorf("stalled %v, again after %v; want %v, %v", stop.Stalled, stop.RetryAfter, test.stalled, test.again)
			}
		})
	}
}

func TestDeleteFailedJobs(t *testing.T) {
	other := failedJob()
	other.Name, other.Status = "tebidah-load", batchv1.JobStatus{}
	c := newCluster(failedJob(), other)
	runner := newRunner(c, clock.RealClock{})
	var objects []*unstructured.Unstructured
	for _, name := range []string{"tebidah-schema", "tebidah-load", "tebidah-absent"} {
		objects = append(objects, rendered(live.Jobs, name))
	}
	for _, object := range append(objects, rendered(live.Deployments, "tebidah-rme")) {
		object.SetLabels(map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagerName})
	}
	err := runner.DeleteFailedJobs(t.Context(), objects)
	if err != nil || len(c.deleted) != 1 || c.deleted[0] != "tebidah-schema" {
		t.Errorf("deleted %v, error %v: want the Job that has failed for good, and no other", c.deleted, err)
	}
}
