package source

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

func TestReleaseOwners(t *testing.T) {
	owns := func(manager string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:release":{}}}`)}
	}
	for _, tt := range []struct {
		name, applied string
		fields        []metav1.ManagedFieldsEntry
		want          []string
	}{
		{"the wave alone", `{"spec":{}}`, []metav1.ManagedFieldsEntry{owns(v1alpha1.ManagerWave)}, nil},
		{"Flux beside the wave", "", []metav1.ManagedFieldsEntry{owns(v1alpha1.ManagerWave), owns("kustomize-controller")}, []string{"kustomize-controller"}},
		{"a file that says what the wave has written", `{"spec":{"release":"ilp-1.0.0"}}`, []metav1.ManagedFieldsEntry{owns(v1alpha1.ManagerWave)}, []string{"kubectl apply"}},
		{"a file that is out of date", `{"spec":{"release":"ilp-0.9.0"}}`, []metav1.ManagedFieldsEntry{owns(v1alpha1.ManagerWave)}, nil},
		{"kubectl, which owns what it has changed", `{"spec":{"release":"ilp-1.0.0"}}`, []metav1.ManagedFieldsEntry{owns("kubectl-client-side-apply")}, []string{"kubectl-client-side-apply"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &v1alpha1.District{Spec: v1alpha1.DistrictSpec{Release: "ilp-1.0.0"}}
			d.ManagedFields = tt.fields
			d.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: tt.applied}
			if got := ReleaseOwners(d, d.Spec.Release); !slices.Equal(got, tt.want) {
				t.Errorf("owners are %s, want %s", fmt.Sprint(got), fmt.Sprint(tt.want))
			}
		})
	}
}
