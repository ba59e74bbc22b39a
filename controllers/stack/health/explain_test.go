package health

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

// TestCrashes: what has crashed counts while it crashes, and not for ever.
func TestCrashes(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	ago := func(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }
	ended := func(started, finished time.Duration) *corev1.ContainerStateTerminated {
		return &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "Error", StartedAt: ago(started), FinishedAt: ago(finished)}
	}
	const month = 30 * 24 * time.Hour
	for name, c := range map[string]struct {
		status  corev1.ContainerStatus
		deleted bool
		want    v1alpha1.FailureCause
	}{
		"runs for a moment between crashes": {status: corev1.ContainerStatus{
			RestartCount: 3, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(5 * time.Second)}},
			LastTerminationState: corev1.ContainerState{Terminated: ended(2*time.Minute, time.Minute)},
		}, want: v1alpha1.CauseApplication},
		"is about to start again": {status: corev1.ContainerStatus{
			RestartCount: 5, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			LastTerminationState: corev1.ContainerState{Terminated: ended(2*time.Minute, time.Minute)},
		}, want: v1alpha1.CauseApplication},
		"has just crashed": {status: corev1.ContainerStatus{
			RestartCount: 3, State: corev1.ContainerState{Terminated: ended(2*time.Second, time.Second)},
		}, want: v1alpha1.CauseApplication},
		"has begun to crash": {status: corev1.ContainerStatus{
			RestartCount: 2, State: corev1.ContainerState{Terminated: ended(2*time.Second, time.Second)},
		}, want: v1alpha1.CauseUnknown},
		"was restarted a month ago and is not ready for a moment": {status: corev1.ContainerStatus{
			RestartCount: 3, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(month)}},
			LastTerminationState: corev1.ContainerState{Terminated: ended(2*month, month)},
		}, want: v1alpha1.CauseUnknown},
		"was restarted a month ago and loses its power again": {status: corev1.ContainerStatus{
			RestartCount: 3, State: corev1.ContainerState{Terminated: ended(month, time.Second)},
		}, want: v1alpha1.CauseUnknown},
		"ends with its pod": {status: corev1.ContainerStatus{
			RestartCount: 3, State: corev1.ContainerState{Terminated: ended(2*time.Second, time.Second)},
		}, deleted: true, want: v1alpha1.CauseUnknown},
	} {
		pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{c.status}}}
		if c.deleted {
			pod.DeletionTimestamp = &metav1.Time{Time: now}
		}
		if got := OfPod(pod, now).Cause(); got != c.want {
			t.Errorf("%s: the cause is %q, want %q", name, got, c.want)
		}
	}
}
