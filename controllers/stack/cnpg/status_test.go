package cnpg

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
)

func object(spec, status map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": Name, "generation": int64(2)}, "spec": spec, "status": status}}
}

func TestStatusOf(t *testing.T) {
	conditions := func(ready string) []any { return []any{map[string]any{"type": "Ready", "status": ready}} }
	for name, test := range map[string]struct {
		status map[string]any
		want   Status
	}{
		"new":     {nil, Status{Message: "not yet seen by CloudNativePG"}},
		"ready":   {map[string]any{"image": "postgresql:15", "phase": "Cluster in healthy state", "conditions": conditions("True")}, Status{Ready: true}},
		"another": {map[string]any{"image": "postgresql:14", "conditions": conditions("True")}, Status{Message: "PostgreSQL is on its way to image postgresql:15"}},
		"given up": {
			map[string]any{"phase": PhaseUnrecoverable, "phaseReason": "no claims \n", "conditions": conditions("False")},
			Status{Message: PhaseUnrecoverable + ": no claims", Cause: v1alpha1.CauseInfrastructure, Unrecoverable: true},
		},
		"failing over": {map[string]any{"phase": "Failing over"}, Status{Message: "Failing over"}},
	} {
		if got := StatusOf(object(map[string]any{"imageName": "postgresql:15"}, test.status)); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	// A copy without a status, such as one of metadata only, says nothing.
	if got := StatusOf(&metav1.PartialObjectMetadata{}); got.Ready || got.Unrecoverable || got.Message == "" {
		t.Errorf("metadata alone is %+v", got)
	}
}

func TestApplied(t *testing.T) {
	for name, test := range map[string]struct {
		status        map[string]any
		seen, applied bool
		message       string
	}{
		"new":         {nil, false, false, ""},
		"of before":   {map[string]any{"applied": true, "observedGeneration": int64(1)}, false, true, ""},
		"done":        {map[string]any{"applied": true, "observedGeneration": int64(2)}, true, true, ""},
		"has failed":  {map[string]any{"applied": false, "observedGeneration": int64(2), "message": "no role"}, true, false, "no role"},
		"failed only": {map[string]any{"applied": false, "message": "already managed"}, true, false, "already managed"},
	} {
		if seen, applied, message := Applied(object(nil, test.status)); seen != test.seen || applied != test.applied || message != test.message {
			t.Errorf("%s: seen %t, applied %t, %q", name, seen, applied, message)
		}
	}
}

func TestSystemIDAndPrimary(t *testing.T) {
	cluster := object(nil, map[string]any{"systemID": "7441", "currentPrimary": "database-3"})
	if SystemID(cluster) != "7441" || Primary(cluster) != "database-3" {
		t.Errorf("%q and %q", SystemID(cluster), Primary(cluster))
	}
	if fresh := object(nil, nil); SystemID(fresh) != "" || Primary(fresh) != "database-1" {
		t.Errorf("of a new one: %q and %q", SystemID(fresh), Primary(fresh))
	}
}

func TestServes(t *testing.T) {
	server := func(image string, ready corev1.ConditionStatus) *corev1.Pod {
		return &corev1.Pod{
			Spec:   corev1.PodSpec{Containers: []corev1.Container{{Name: "sidecar", Image: "other:1"}, {Name: ServerContainer, Image: image}}},
			Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
		}
	}
	for _, test := range []struct {
		pod  *corev1.Pod
		want bool
	}{
		{server("postgresql:15", corev1.ConditionTrue), true},
		{server("postgresql:15", corev1.ConditionFalse), false},
		{server("postgresql:14", corev1.ConditionTrue), false},
		{&corev1.Pod{}, false},
	} {
		if got := Serves(test.pod, "postgresql:15"); got != test.want {
			t.Errorf("%+v serves: %t", test.pod, got)
		}
	}
}
