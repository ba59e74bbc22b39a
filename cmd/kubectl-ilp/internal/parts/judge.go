package parts

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/health"
)

// judge says how an object does: as the operator judges what it applies, and
// for what others made from it, by their own status.
func judge(object client.Object) (State, string) {
	if object.GetDeletionTimestamp() != nil {
		return Progressing, "is being deleted"
	}
	switch o := object.(type) {
	case *corev1.Pod:
		return judgePod(o)
	case *corev1.PersistentVolumeClaim:
		if o.Status.Phase == corev1.ClaimBound {
			return Ready, ""
		}
		return Progressing, "the volume is not there yet"
	}
	result := health.Check(object)
	switch result.State {
	case health.Ready:
		return Ready, ""
	case health.Failed:
		return Failed, result.Message
	default:
		return Progressing, result.Message
	}
}

func judgePod(pod *corev1.Pod) (State, string) {
	if pod.Status.Phase == corev1.PodSucceeded || ReadyPod(pod) {
		return Ready, ""
	}
	findings := health.OfPod(pod, time.Now())
	switch {
	case len(findings) == 0 && pod.Status.Phase == corev1.PodFailed:
		return Failed, "failed: " + pod.Status.Message
	case len(findings) == 0:
		return Progressing, "not ready yet"
	case findings.Cause() != v1alpha1.CauseUnknown || pod.Status.Phase == corev1.PodFailed:
		return Failed, findings.String()
	default:
		return Progressing, findings.String()
	}
}

// ReadyPod reports whether a pod takes requests.
func ReadyPod(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil
		}
	}
	return false
}
