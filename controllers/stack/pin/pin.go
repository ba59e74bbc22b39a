// Package pin tells a release that people have pinned from one that an operator
// before 0.2.0 wrote.
package pin

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

// Applied reports whether the file that kubectl apply, or Argo CD, has applied
// last sets the release that a resource has. An apply on the client's side sends
// only what differs: where the resource has the release already, whoever applies
// the file does not come to own the field, and would put it back if it changed.
func Applied(object metav1.Object, release v1alpha1.ObjectName) bool {
	if release == "" {
		return false
	}
	var file struct {
		Spec struct {
			Release v1alpha1.ObjectName `json:"release"`
		} `json:"spec"`
	}
	err := json.Unmarshal([]byte(object.GetAnnotations()[corev1.LastAppliedConfigAnnotation]), &file)
	return err == nil && file.Spec.Release == release
}
