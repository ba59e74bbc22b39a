// Package inventory keeps the list of everything that was made for a resource.
//
// The list is written ahead: first old ∪ new goes into the status, then the
// objects are applied, and only after every apply succeeded is what the spec no
// longer asks for deleted and struck off. So there is no moment at which an
// object exists that no inventory names. All functions are pure.
package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"ilp.health/operator/api/v1alpha1"
)

// Ref is an inventory entry taken apart.
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

// entry writes a reference as Flux does: namespace_name_group_kind.
func (r Ref) entry() v1alpha1.InventoryEntry {
	return v1alpha1.InventoryEntry{
		ID:      strings.Join([]string{r.Key.Namespace, r.Key.Name, r.GVK.Group, r.GVK.Kind}, "_"),
		Version: r.GVK.Version,
	}
}

// Parse takes an entry apart. Names, namespaces, groups and kinds cannot
// contain an underscore, except RBAC names; their extra parts belong to the name.
func Parse(e v1alpha1.InventoryEntry) (Ref, error) {
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

// Of lists the entries of objects, sorted by id.
func Of(objs []*unstructured.Unstructured) []v1alpha1.InventoryEntry {
	entries := make([]v1alpha1.InventoryEntry, 0, len(objs))
	for _, obj := range objs {
		entries = append(entries, RefOf(obj).entry())
	}
	return normalize(entries)
}

// Union is what the status must say before anything of next is applied: every
// entry of both, sorted; where both have one, next's version counts.
func Union(old, next []v1alpha1.InventoryEntry) []v1alpha1.InventoryEntry {
	return normalize(append(slices.Clone(next), old...))
}

// Stale lists the entries of old that next does not have: what to prune.
func Stale(old, next []v1alpha1.InventoryEntry) []v1alpha1.InventoryEntry {
	keep := make(map[string]bool, len(next))
	for _, e := range next {
		keep[e.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(old), func(e v1alpha1.InventoryEntry) bool { return keep[e.ID] })
}

// Has reports whether an object is among the entries.
func Has(entries []v1alpha1.InventoryEntry, ref Ref) bool {
	return slices.ContainsFunc(entries, func(e v1alpha1.InventoryEntry) bool { return e.ID == ref.entry().ID })
}

func normalize(entries []v1alpha1.InventoryEntry) []v1alpha1.InventoryEntry {
	slices.SortStableFunc(entries, func(a, b v1alpha1.InventoryEntry) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(entries, func(a, b v1alpha1.InventoryEntry) bool { return a.ID == b.ID })
}
