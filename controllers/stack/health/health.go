// Package health says whether an object that the operator made does its work,
// and if not, what is waited for. Check is pure and reads the cut-down copies
// of package live; Explain asks the API server why pods do not start.
package health

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/live"
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
		if o.GroupVersionKind().Group == live.CloudNativePG {
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
	switch u.GetKind() {
	case "Cluster":
		return cluster(u)
	case "Database", "DatabaseRole":
		applied, found, _ := unstructured.NestedBool(u.Object, "status", "applied")
		seen, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
		message, _, _ := unstructured.NestedString(u.Object, "status", "message")
		switch {
		case found && !applied:
			// Of a failure CloudNativePG does not say which generation it is of.
			return Result{State: Failed, Message: "CloudNativePG reports: " + message}
		case !found || seen < u.GetGeneration():
			return Result{State: Progressing, Message: "not yet seen by CloudNativePG"}
		}
	}
	return Result{}
}

func cluster(u *unstructured.Unstructured) Result {
	// Ready still speaks of the image before until CloudNativePG has seen the new one.
	wanted, _, _ := unstructured.NestedString(u.Object, "spec", "imageName")
	if runs, found, _ := unstructured.NestedString(u.Object, "status", "image"); found && runs != wanted {
		return Result{State: Progressing, Message: "PostgreSQL is on its way to image " + wanted}
	}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if condition["type"] == "Ready" && condition["status"] == "True" {
			return Result{}
		}
	}
	phase, found, _ := unstructured.NestedString(u.Object, "status", "phase")
	if !found {
		return Result{State: Progressing, Message: "not yet seen by CloudNativePG"}
	}
	message := phase
	if reason, _, _ := unstructured.NestedString(u.Object, "status", "phaseReason"); reason != "" {
		message += ": " + strings.TrimSpace(reason)
	}
	if cause, ok := needsPerson[phase]; ok {
		return Result{State: Failed, Message: message, Cause: cause, NeedsPerson: true}
	}
	return Result{State: Progressing, Message: message}
}

// PhaseUnrecoverable of a Cluster tells that CloudNativePG has given up: volumes
// or pods are gone that it does not make anew.
const PhaseUnrecoverable = "Cluster is unrecoverable and needs manual intervention"

// needsPerson are the phases of a Cluster in which CloudNativePG 1.30 waits for
// somebody to act, with what is to be mended. The others pass, or are tried
// again by CloudNativePG itself.
var needsPerson = map[string]v1alpha1.FailureCause{
	PhaseUnrecoverable:                                v1alpha1.CauseInfrastructure,
	"Waiting for user action":                         v1alpha1.CauseConfiguration,
	"Invalid cluster definition":                      v1alpha1.CauseConfiguration,
	"Cluster has incomplete or invalid image catalog": v1alpha1.CauseConfiguration,
	"Cluster cannot proceed to reconciliation due to an unknown plugin being required":  v1alpha1.CauseConfiguration,
	"Cluster cannot execute instance online upgrade due to missing architecture binary": v1alpha1.CauseInfrastructure,
}

// Unrecoverable reports whether CloudNativePG has given up on a cached Cluster,
// and what it says of it.
func Unrecoverable(cluster client.Object) (message string, yes bool) {
	result := Check(cluster)
	return result.Message, strings.HasPrefix(result.Message, PhaseUnrecoverable)
}

// SystemID is the identifier of the data that a cached Cluster serves, or empty
// while none of its servers tells it.
func SystemID(cluster client.Object) string {
	u, ok := cluster.(*unstructured.Unstructured)
	if !ok {
		return ""
	}
	id, _, _ := unstructured.NestedString(u.Object, "status", "systemID")
	return id
}
