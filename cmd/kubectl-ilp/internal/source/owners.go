package source

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
)

var releasePath = fieldpath.MakePathOrDie("spec", "release")

// clientApply stands for whoever applies a file on the client's side, and so
// need not own what it sets.
const clientApply = "kubectl apply"

// ReleaseOwners lists who but the operator owns the release, spec.release, of a
// District or Puskesmas: then it is pinned, since waves and districts never
// write by force.
func ReleaseOwners(object metav1.Object, release v1alpha1.ObjectName) []string {
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
	if len(owners) == 0 && pin.Applied(object, release) {
		owners = append(owners, clientApply)
	}
	return owners
}
