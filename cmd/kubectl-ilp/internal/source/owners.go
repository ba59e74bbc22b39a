package source

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
)

// ReleaseOwners lists who pins a District or Puskesmas.
func ReleaseOwners(object metav1.Object, release v1alpha1.ObjectName) []string {
	return pin.By(object, release)
}
