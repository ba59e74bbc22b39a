package pin

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

func TestApplied(t *testing.T) {
	for _, tt := range []struct {
		name, annotation string
		release          v1alpha1.ObjectName
		want             bool
	}{
		{"the file sets it", `{"spec":{"release":"ilp-1.0.0","code":"61.05"}}`, "ilp-1.0.0", true},
		{"somebody has set another since", `{"spec":{"release":"ilp-1.0.0"}}`, "ilp-1.1.0", false},
		{"the file leaves it open", `{"spec":{"code":"61.05"}}`, "ilp-1.0.0", false},
		{"there is no release", `{"spec":{"code":"61.05"}}`, "", false},
		{"it was never applied so", "", "ilp-1.0.0", false},
		{"the annotation is something else", `{"spec":"ilp-1.0.0"}`, "ilp-1.0.0", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			object := &metav1.ObjectMeta{Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: tt.annotation}}
			if got := Applied(object, tt.release); got != tt.want {
				t.Errorf("Applied is %v, want %v", got, tt.want)
			}
		})
	}
}
