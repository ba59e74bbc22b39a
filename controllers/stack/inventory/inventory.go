// Package inventory names the objects that the operator makes, and reads the
// lists of them that versions before 0.2.0 kept in every status.
package inventory

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"ilp.health/operator/api/v1alpha1"
)

// Ref names an object.
type Ref struct {
	GVK schema.GroupVersionKind
	Key types.NamespacedName
}

// String is what messages call the object: Deployment ilp-6105/tebidah-rme.
func (r Ref) String() string {
	if r.Key.Namespace == "" {
		return r.GVK.Kind + " " + r.Key.Name
	}
	return r.GVK.Kind + " " + r.Key.String()
}

// Names lists objects for a message.
func Names(refs []Ref) string {
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = ref.String()
	}
	return strings.Join(names, ", ")
}

// RefOf is the reference to an object.
func RefOf(obj *unstructured.Unstructured) Ref {
	return Ref{
		GVK: obj.GroupVersionKind(),
		Key: types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()},
	}
}

// Refs takes the entries apart that a version before 0.2.0 wrote. One that cannot
// be read is left out: nothing of that version wrote it.
func Refs(entries []v1alpha1.InventoryEntry) []Ref {
	refs := make([]Ref, 0, len(entries))
	for _, e := range entries {
		if ref, err := parse(e); err == nil {
			refs = append(refs, ref)
		}
	}
	return refs
}

// parse takes an entry apart, namespace_name_group_kind. Names, namespaces, groups and kinds cannot
// contain an underscore, except RBAC names; their extra parts belong to the name.
func parse(e v1alpha1.InventoryEntry) (Ref, error) {
	parts := strings.Split(e.ID, "_")
	if len(parts) < 4 || e.Version == "" {
		return Ref{}, fmt.Errorf("inventory entry %q %q is not namespace_name_group_kind with a version", e.ID, e.Version)
	}
	last := len(parts) - 1
	return Ref{
		GVK: schema.GroupVersionKind{Group: parts[last-1], Version: e.Version, Kind: parts[last]},
		Key: types.NamespacedName{Namespace: parts[0], Name: strings.Join(parts[1:last-1], "_")},
	}, nil
}
