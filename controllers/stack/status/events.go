package status

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"ilp.health/operator/api/v1alpha1"
)

// maxNote is the limit of an event's note.
const maxNote = 1024

// RecordTurn records an event when Ready has taken a turn that people want to
// know of: it was ready and is not, or it stopped for another reason. Success
// and the steps on the way to it are told by the conditions alone.
func RecordTurn(recorder events.EventRecorder, obj runtime.Object, before, after []metav1.Condition) {
	was := meta.FindStatusCondition(before, v1alpha1.ConditionReady)
	is := meta.FindStatusCondition(after, v1alpha1.ConditionReady)
	if is == nil || is.Status == metav1.ConditionTrue || (was != nil && was.Status == is.Status && was.Reason == is.Reason) {
		return
	}
	if onTheWay(is.Reason) && (was == nil || was.Status != metav1.ConditionTrue) {
		return
	}
	kind := corev1.EventTypeNormal
	if is.Status == metav1.ConditionFalse {
		kind = corev1.EventTypeWarning
	}
	recorder.Eventf(obj, nil, kind, is.Reason, "Reconcile", "%s", Shorten(is.Message, maxNote))
}

// onTheWay are the reasons of a resource that is brought up step by step and
// waits for nobody.
func onTheWay(reason string) bool {
	return reason == v1alpha1.ReasonProgressing || reason == v1alpha1.ReasonUpgrading || reason == v1alpha1.ReasonDependencyNotReady || reason == v1alpha1.ReasonAwaitingRelease
}
