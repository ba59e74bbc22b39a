package cnpg

import (
	"cmp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

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

// Status is what a Cluster says of itself.
type Status struct {
	// Ready tells that PostgreSQL accepts connections, of the image that is asked for.
	Ready bool
	// Message is for people, unless Ready.
	Message string
	// Cause is what a person has to mend, or empty where waiting helps.
	Cause v1alpha1.FailureCause
	// Unrecoverable tells that CloudNativePG has given up.
	Unrecoverable bool
}

// StatusOf reads the status of a Cluster.
func StatusOf(cluster client.Object) Status {
	u, ok := cluster.(*unstructured.Unstructured)
	if !ok {
		return Status{Message: "not yet seen by CloudNativePG"}
	}
	// Ready still speaks of the image before until CloudNativePG has seen the new one.
	wanted, _, _ := unstructured.NestedString(u.Object, "spec", "imageName")
	if runs, found, _ := unstructured.NestedString(u.Object, "status", "image"); found && runs != wanted {
		return Status{Message: "PostgreSQL is on its way to image " + wanted}
	}
	if IsReady(u) {
		return Status{Ready: true}
	}
	phase := Phase(u)
	if phase == "" {
		return Status{Message: "not yet seen by CloudNativePG"}
	}
	s := Status{Message: phase, Cause: needsPerson[phase], Unrecoverable: phase == PhaseUnrecoverable}
	if reason, _, _ := unstructured.NestedString(u.Object, "status", "phaseReason"); reason != "" {
		s.Message += ": " + strings.TrimSpace(reason)
	}
	return s
}

// Phase is what CloudNativePG does with a Cluster, in its own words.
func Phase(cluster *unstructured.Unstructured) string {
	phase, _, _ := unstructured.NestedString(cluster.Object, "status", "phase")
	return phase
}

// IsReady reports whether a Cluster says that PostgreSQL accepts connections.
func IsReady(cluster *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(cluster.Object, "status", "conditions")
	for _, c := range conditions {
		if condition, _ := c.(map[string]any); condition["type"] == "Ready" {
			return condition["status"] == "True"
		}
	}
	return false
}

// SystemID is the identifier of the data that a Cluster serves, or empty while
// none of its servers tells it.
func SystemID(cluster client.Object) string {
	u, ok := cluster.(*unstructured.Unstructured)
	if !ok {
		return ""
	}
	id, _, _ := unstructured.NestedString(u.Object, "status", "systemID")
	return id
}

// Primary is the pod in which a Cluster's PostgreSQL can be asked.
func Primary(cluster *unstructured.Unstructured) string {
	primary, _, _ := unstructured.NestedString(cluster.Object, "status", "currentPrimary")
	return cmp.Or(primary, cluster.GetName()+"-1")
}

// Applied reports what became of a Database or DatabaseRole: whether
// CloudNativePG has seen it, whether it did by SQL what is asked for, and what
// it says if not.
func Applied(object *unstructured.Unstructured) (seen, applied bool, message string) {
	applied, seen, _ = unstructured.NestedBool(object.Object, "status", "applied")
	if seen && !applied {
		// Of a failure CloudNativePG does not say which generation it is of.
		message, _, _ = unstructured.NestedString(object.Object, "status", "message")
		return true, false, message
	}
	generation, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	return seen && generation >= object.GetGeneration(), applied, ""
}

// Serves reports whether a pod is a server that is ready and runs an image.
func Serves(pod *corev1.Pod, image string) bool {
	for _, container := range pod.Spec.Containers {
		if container.Name == ServerContainer && container.Image != image {
			return false
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
