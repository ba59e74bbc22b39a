package pin

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

// TestOf: a release is a pin unless an operator before 0.2.0 alone has written
// it, as the API server shows it and as the cache keeps it.
func TestOf(t *testing.T) {
	owns := func(manager string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:release":{}}}`)}
	}
	status := owns("somebody")
	status.Subresource = "status"
	wave := owns(v1alpha1.ManagerWave)
	const release = "ilp-1.0.0"
	for _, tt := range []struct {
		name, release, applied string
		fields                 []metav1.ManagedFieldsEntry
		want                   string
		by                     []string
	}{
		{"nothing", "", "", []metav1.ManagedFieldsEntry{owns("flux")}, "", nil},
		{"a file without owners", release, "", nil, release, nil},
		{"the wave alone", release, `{"spec":{}}`, []metav1.ManagedFieldsEntry{wave}, "", nil},
		{"the district alone", release, "", []metav1.ManagedFieldsEntry{owns(v1alpha1.ManagerDistrict)}, "", nil},
		{"the wave, and somebody who owns another field", release, "", []metav1.ManagedFieldsEntry{wave, {Manager: "flux", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:code":{}}}`)}}, "", nil},
		{"the wave, and somebody who owns the status", release, "", []metav1.ManagedFieldsEntry{wave, status}, "", nil},
		{"Flux beside the wave", release, "", []metav1.ManagedFieldsEntry{wave, owns("kustomize-controller"), owns("kustomize-controller")}, release, []string{"kustomize-controller"}},
		{"a file that says what the wave has written", release, `{"spec":{"release":"ilp-1.0.0"}}`, []metav1.ManagedFieldsEntry{wave}, release, []string{"kubectl apply"}},
		{"a file that is out of date", release, `{"spec":{"release":"ilp-0.9.0"}}`, []metav1.ManagedFieldsEntry{wave}, "", nil},
		{
			"kubectl, which owns what it has changed", release, `{"spec":{"release":"ilp-1.0.0"}}`,
			[]metav1.ManagedFieldsEntry{owns("kubectl-client-side-apply")},
			release,
			[]string{"kubectl-client-side-apply"},
		},
		{"fields in a format of another time", release, "", []metav1.ManagedFieldsEntry{{Manager: "flux", FieldsV1: metav1.NewFieldsV1(`[]`)}}, release, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &v1alpha1.Puskesmas{Spec: v1alpha1.PuskesmasSpec{Release: v1alpha1.ObjectName(tt.release)}}
			p.ManagedFields = tt.fields
			p.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: tt.applied}
			if got := Of(p, p.Spec.Release); got != tt.want {
				t.Errorf("the pin is %q, want %q", got, tt.want)
			}
			if got, want := Written(p), slices.ContainsFunc(tt.fields, func(f metav1.ManagedFieldsEntry) bool {
				return f.Manager == v1alpha1.ManagerWave || f.Manager == v1alpha1.ManagerDistrict
			}); got != want {
				t.Errorf("an older operator owns it: %v, want %v", got, want)
			}
			if got := By(p, p.Spec.Release); !slices.Equal(got, tt.by) {
				t.Errorf("it is pinned by %v, want %v", got, tt.by)
			}
			for range 2 { // the cache may transform what it has transformed
				if _, err := Strip(p); err != nil || p.ManagedFields != nil {
					t.Fatalf("not stripped: %v", err)
				}
			}
			if got := Of(p, p.Spec.Release); got != tt.want {
				t.Errorf("in the cache the pin is %q, want %q", got, tt.want)
			}
		})
	}
}
