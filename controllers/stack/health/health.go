// Package health says whether an object that the operator made does its work,
// and if not, what is waited for. Check is pure and reads the cut-down copies
// of package live; Explain asks the API server why pods do not start.
package health

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
)

// State is how an object does.
type State int

const (
	// Ready does its work.
	Ready State = iota
	// Progressing is on its way.
	Progressing
	// Failed will not get there without a change, or keeps failing.
	Failed
)

// Result is the state of one object, with a message for people unless Ready.
type Result struct {
	State   State
	Message string
	// Cause of a failure as far as the object itself tells it; its pods may know better.
	Cause v1alpha1.FailureCause
	// NeedsPerson tells that the object says of itself that waiting does not help.
	NeedsPerson bool
}

// Check judges a cached object. Kinds without a status are Ready by existing.
func Check(obj client.Object) Result {
	switch o := obj.(type) {
	case *appsv1.Deployment:
		return deployment(o)
	case *batchv1.Job:
		return job(o)
	case *unstructured.Unstructured:
		if o.GroupVersionKind().Group == cnpg.Group {
			return cloudNativePG(o)
		}
	}
	return Result{}
}

func deployment(d *appsv1.Deployment) Result {
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	if d.Status.ObservedGeneration < d.Generation {
		return Result{State: Progressing, Message: "not yet seen by the deployment controller"}
	}
	for _, c := range d.Status.Conditions {
		switch {
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			return Result{State: Failed, Message: "pods cannot be created: " + c.Message, Cause: v1alpha1.CauseInfrastructure}
		case c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse:
			return Result{State: Failed, Message: fmt.Sprintf("%d of %d replicas available, no progress for too long", d.Status.AvailableReplicas, want), Cause: v1alpha1.CauseApplication}
		}
	}
	if d.Status.UpdatedReplicas < want || d.Status.AvailableReplicas < want || d.Status.Replicas > want {
		return Result{State: Progressing, Message: fmt.Sprintf("%d of %d replicas available", min(d.Status.UpdatedReplicas, d.Status.AvailableReplicas), want)}
	}
	return Result{}
}

func job(j *batchv1.Job) Result {
	if j.DeletionTimestamp != nil {
		return Result{State: Progressing, Message: "being deleted"}
	}
	for _, c := range j.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		switch c.Type {
		case batchv1.JobComplete:
			return Result{}
		case batchv1.JobFailed:
			return Result{
				State:   Failed,
				Message: fmt.Sprintf("failed after %d attempts: %s: see its log, mend the cause and delete the Job, which is made anew", j.Status.Failed, c.Message),
				Cause:   v1alpha1.CauseApplication,
			}
		}
	}
	if j.Status.Failed > 0 {
		return Result{State: Progressing, Message: fmt.Sprintf("running, %d attempts failed so far", j.Status.Failed)}
	}
	return Result{State: Progressing, Message: "running"}
}

func cloudNativePG(u *unstructured.Unstructured) Result {
	switch u.GroupVersionKind() {
	case cnpg.Clusters:
		s := cnpg.StatusOf(u)
		switch {
		case s.Ready:
			return Result{}
		case s.Cause != "":
			return Result{State: Failed, Message: s.Message, Cause: s.Cause, NeedsPerson: true}
		}
		return Result{State: Progressing, Message: s.Message}
	case cnpg.Databases, cnpg.DatabaseRoles:
		seen, applied, message := cnpg.Applied(u)
		switch {
		case !seen:
			return Result{State: Progressing, Message: "not yet seen by CloudNativePG"}
		case !applied:
			return Result{State: Failed, Message: "CloudNativePG reports: " + message}
		}
	}
	return Result{}
}
