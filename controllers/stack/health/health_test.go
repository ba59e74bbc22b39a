package health

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

func TestCheck(t *testing.T) {
	two, none := int32(2), int32(0)
	deployment := func(change func(*appsv1.Deployment)) client.Object {
		d := &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Generation: 4},
			Spec:       appsv1.DeploymentSpec{Replicas: &two},
			Status:     appsv1.DeploymentStatus{ObservedGeneration: 4, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2},
		}
		change(d)
		return d
	}
	deploymentSays := func(conditionType appsv1.DeploymentConditionType, status corev1.ConditionStatus) client.Object {
		return deployment(func(d *appsv1.Deployment) {
			d.Status.AvailableReplicas = 1
			d.Status.Conditions = []appsv1.DeploymentCondition{{Type: conditionType, Status: status, Message: "exceeded quota"}}
		})
	}
	job := func(status batchv1.JobStatus) client.Object { return &batchv1.Job{Status: status} }
	jobSays := func(conditionType batchv1.JobConditionType, status corev1.ConditionStatus) client.Object {
		return job(batchv1.JobStatus{Failed: 5, Conditions: []batchv1.JobCondition{{Type: conditionType, Status: status, Message: "BackoffLimitExceeded"}}})
	}
	postgres := func(kind string, spec, status map[string]any) client.Object {
		object := map[string]any{"apiVersion": "postgresql.cnpg.io/v1", "kind": kind, "metadata": map[string]any{"generation": int64(2)}}
		if spec != nil {
			object["spec"] = spec
		}
		if status != nil {
			object["status"] = status
		}
		return &unstructured.Unstructured{Object: object}
	}
	for name, test := range map[string]struct {
		object client.Object
		want   Result
	}{
		"a Deployment that serves": {deployment(func(*appsv1.Deployment) {}), Result{}},
		"a Deployment that is not looked at since it was changed": {
			deployment(func(d *appsv1.Deployment) { d.Generation = 5 }),
			Result{State: Progressing, Message: "not yet seen by the deployment controller"},
		},
		"a Deployment with one new pod of two": {
			deployment(func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 1 }),
			Result{State: Progressing, Message: "1 of 2 replicas available"},
		},
		"a Deployment whose old pod has not ended": {
			deployment(func(d *appsv1.Deployment) { d.Status.Replicas = 3 }),
			Result{State: Progressing, Message: "2 of 2 replicas available"},
		},
		"a Deployment that asks for nothing and has nothing": {
			deployment(func(d *appsv1.Deployment) {
				d.Spec.Replicas, d.Status = &none, appsv1.DeploymentStatus{ObservedGeneration: 4}
			}), Result{},
		},
		"a Deployment that asks for the default": {
			deployment(func(d *appsv1.Deployment) {
				d.Spec.Replicas, d.Status = nil, appsv1.DeploymentStatus{ObservedGeneration: 4}
			}), Result{State: Progressing, Message: "0 of 1 replicas available"},
		},
		"a Deployment that moves": {
			deploymentSays(appsv1.DeploymentProgressing, corev1.ConditionTrue),
			Result{State: Progressing, Message: "1 of 2 replicas available"},
		},
		"a Deployment that does not move": {
			deploymentSays(appsv1.DeploymentProgressing, corev1.ConditionFalse),
			Result{State: Failed, Message: "1 of 2 replicas available, no progress for too long", Cause: v1alpha1.CauseApplication},
		},
		"a Deployment whose pods are refused": {
			deploymentSays(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue),
			Result{State: Failed, Message: "pods cannot be created: exceeded quota", Cause: v1alpha1.CauseInfrastructure},
		},

		"a Job that has just begun": {job(batchv1.JobStatus{}), Result{State: Progressing, Message: "running"}},
		"a Job on another attempt": {
			job(batchv1.JobStatus{Failed: 2}), Result{State: Progressing, Message: "running, 2 attempts failed so far"},
		},
		"a Job that is done": {jobSays(batchv1.JobComplete, corev1.ConditionTrue), Result{}},
		"a Job that has failed for good": {
			jobSays(batchv1.JobFailed, corev1.ConditionTrue),
			Result{
				State: Failed, Cause: v1alpha1.CauseApplication,
				Message: "failed after 5 attempts: BackoffLimitExceeded: see its log, mend the cause and delete the Job, which is made anew",
			},
		},
		"a Job whose failure is not yet certain": {
			jobSays(batchv1.JobFailed, corev1.ConditionFalse), Result{State: Progressing, Message: "running, 5 attempts failed so far"},
		},
		"a Job that is done and goes": {
			&batchv1.Job{
				ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{}},
				Status:     batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}},
			}, Result{State: Progressing, Message: "being deleted"},
		},

		"a Database that nobody has looked at": {
			postgres("Database", nil, nil), Result{State: Progressing, Message: "not yet seen by CloudNativePG"},
		},
		"a Database as it was before a change": {
			postgres("Database", nil, map[string]any{"applied": true, "observedGeneration": int64(1)}),
			Result{State: Progressing, Message: "not yet seen by CloudNativePG"},
		},
		"a Database that is there": {postgres("Database", nil, map[string]any{"applied": true, "observedGeneration": int64(2)}), Result{}},
		// Of a failure CloudNativePG does not say which generation it is of.
		"a Database that cannot be made": {
			postgres("Database", nil, map[string]any{"applied": false, "message": "permission denied"}),
			Result{State: Failed, Message: "CloudNativePG reports: permission denied"},
		},
		"a DatabaseRole that cannot be made": {
			postgres("DatabaseRole", nil, map[string]any{"applied": false, "message": "no such role"}),
			Result{State: Failed, Message: "CloudNativePG reports: no such role"},
		},
		"a Cluster that nobody has looked at": {
			postgres("Cluster", nil, nil), Result{State: Progressing, Message: "not yet seen by CloudNativePG"},
		},
		// Ready still speaks of the image before.
		"a Cluster that is ready on the image before": {
			postgres("Cluster", map[string]any{"imageName": "postgresql:15.9"}, map[string]any{
				"image": "postgresql:15.8", "phase": "Cluster in healthy state",
				"conditions": []any{map[string]any{"type": "Ready", "status": "True"}},
			}), Result{State: Progressing, Message: "PostgreSQL is on its way to image postgresql:15.9"},
		},

		"what has no status is well by existing": {&metav1.PartialObjectMetadata{}, Result{}},
		"a kind of somebody else's": {
			&unstructured.Unstructured{Object: map[string]any{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}}, Result{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Check(test.object); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}
