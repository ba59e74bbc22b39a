package resolve

import (
	"slices"

	"ilp.health/operator/api/v1alpha1"
)

// FindAdmission is the entry that lets the same one go the same way, or nil.
func FindAdmission(entries []v1alpha1.Admission, like v1alpha1.Admission) *v1alpha1.Admission {
	for i := range entries {
		if e := &entries[i]; e.Code == like.Code && e.From == like.From && e.To == like.To {
			return e
		}
	}
	return nil
}

// Changed are the codes of which one list of admissions says something else than
// the other, sorted. An entry that is taken away counts: who could not follow it
// says so until it looks again.
func Changed(before, after []v1alpha1.Admission) []string {
	var codes []string
	for _, lists := range [][2][]v1alpha1.Admission{{before, after}, {after, before}} {
		for _, entry := range lists[0] {
			if FindAdmission(lists[1], entry) == nil {
				codes = append(codes, entry.Code)
			}
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}
