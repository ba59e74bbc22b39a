package pin

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"ilp.health/operator/api/v1alpha1"
)

var releasePath = fieldpath.MakePathOrDie("spec", "release")

// HandedOut reports whether an operator before 0.2.0, and nobody else, wrote the
// release of a District or Puskesmas: then it is no pin. Such an operator wrote
// it as ilp-wave or ilp-district.
func HandedOut(object metav1.Object, release v1alpha1.ObjectName) bool {
	if release == "" || Applied(object, release) {
		return false
	}
	others, handedOut := owners(object)
	return handedOut && len(others) == 0
}

// Written reports whether an operator before 0.2.0 still owns the release of a
// District or Puskesmas, be it alone or beside others.
func Written(object metav1.Object) bool {
	_, written := owners(object)
	return written
}

// By lists who pins a District or Puskesmas to its release: the field managers
// that own it. It is empty where nobody does, or nobody can tell.
func By(object metav1.Object, release v1alpha1.ObjectName) []string {
	if release == "" {
		return nil
	}
	others, _ := owners(object)
	if len(others) == 0 && Applied(object, release) {
		return []string{clientApply}
	}
	return others
}

// clientApply stands for whoever applies a file on the client's side, and so
// need not own what it sets.
const clientApply = "kubectl apply"

// owners lists who owns spec.release, but for an operator before 0.2.0.
func owners(object metav1.Object) (others []string, handedOut bool) {
	for _, entry := range object.GetManagedFields() {
		if entry.FieldsV1 == nil || entry.Subresource != "" {
			continue
		}
		var fields fieldpath.Set
		if err := fields.FromJSON(entry.FieldsV1.GetRawReader()); err != nil || !fields.Has(releasePath) {
			continue // a format of another time says nothing here
		}
		switch {
		case entry.Manager == v1alpha1.ManagerWave || entry.Manager == v1alpha1.ManagerDistrict:
			handedOut = true
		case !slices.Contains(others, entry.Manager):
			others = append(others, entry.Manager)
		}
	}
	return others, handedOut
}

// annotationHandedOut is left on cached copies by Strip; it exists in memory only.
const annotationHandedOut = "memory.ilp.health/handed-out"

// Strip is the cache's transform for Districts and Puskesmas: it drops the
// managed fields and keeps what HandedOut finds in them.
func Strip(in any) (any, error) {
	object, ok := in.(metav1.Object)
	if !ok {
		return in, nil
	}
	if object.GetManagedFields() == nil {
		return in, nil // it has been here before
	}
	var release v1alpha1.ObjectName
	switch o := in.(type) {
	case *v1alpha1.District:
		release = o.Spec.Release
	case *v1alpha1.Puskesmas:
		release = o.Spec.Release
	}
	if HandedOut(object, release) {
		annotations := maps.Clone(object.GetAnnotations())
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[annotationHandedOut] = "true"
		object.SetAnnotations(annotations)
	}
	object.SetManagedFields(nil)
	return in, nil
}

// Of is the release that a District or Puskesmas is pinned to, or empty: its
// spec.release, unless an operator before 0.2.0 handed that out.
func Of(object metav1.Object, release v1alpha1.ObjectName) string {
	if object.GetAnnotations()[annotationHandedOut] != "" || HandedOut(object, release) {
		return ""
	}
	return string(release)
}

// IsHandedOut reports whether a District or Puskesmas has a release that is no pin:
// an operator before 0.2.0 wrote it, and has worked since this one did last.
func IsHandedOut(object metav1.Object, release v1alpha1.ObjectName) bool {
	return release != "" && Of(object, release) == ""
}
