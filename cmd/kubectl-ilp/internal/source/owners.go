package source

import (
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
)

var releasePath = fieldpath.MakePathOrDie("spec", "release")

// clientApply stands for whoever applies a file on the client's side, and so
// need not own what it sets.
const clientApply = "kubectl apply"

// ReleaseOwners lists who but the wave owns spec.release of a District: then it
// is pinned, since the wave never writes by force.
func ReleaseOwners(d *v1alpha1.District) []string {
	var owners []string
	for _, entry := range d.ManagedFields {
		if entry.FieldsV1 == nil || entry.Subresource != "" || entry.Manager == v1alpha1.ManagerWave {
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
	if len(owners) == 0 && pin.Applied(d, d.Spec.Release) {
		owners = append(owners, clientApply)
	}
	return owners
}
