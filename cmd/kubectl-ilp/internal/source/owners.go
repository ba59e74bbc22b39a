package source

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"ilp.health/operator/api/v1alpha1"
)

var releasePath = fieldpath.MakePathOrDie("spec", "release")

// ReleaseOwners lists who but the operator owns spec.release of a District or
// Puskesmas: then it is pinned, since waves and districts never write by force.
func ReleaseOwners(object metav1.Object) []string {
	var owners []string
	for _, entry := range object.GetManagedFields() {
		if entry.FieldsV1 == nil || entry.Subresource != "" || entry.Manager == v1alpha1.ManagerWave || entry.Manager == v1alpha1.ManagerDistrict {
			continue
		}
		var fields fieldpath.Set
		if err := fields.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			continue // a format of another time says nothing here
		}
		if fields.Has(releasePath) && !slices.Contains(owners, entry.Manager) {
			owners = append(owners, entry.Manager)
		}
	}
	return owners
}
