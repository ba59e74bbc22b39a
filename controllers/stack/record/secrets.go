package record

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"ilp.health/operator/controllers/stack/inventory"
)

var secretKind = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}

// Secrets are the names of the recorded Secrets, sorted.
func (r *Record) Secrets() []string {
	if r == nil {
		return nil
	}
	var names []string
	for object := range r.Objects {
		if name, ok := strings.CutPrefix(object, "Secret/"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Unasked lists the Secrets that are recorded, or that a version before 0.2.0 made,
// and that are not among the objects that are asked for: Secrets are never listed,
// so nothing else tells of them.
func (r *Record) Unasked(namespace string, asked []*unstructured.Unstructured, made []inventory.Ref) []inventory.Ref {
	wanted := make(map[inventory.Ref]bool, len(asked))
	for _, obj := range asked {
		wanted[inventory.RefOf(obj)] = true
	}
	unasked := map[inventory.Ref]bool{}
	for _, name := range r.Secrets() {
		ref := inventory.Ref{GVK: secretKind, Key: types.NamespacedName{Namespace: namespace, Name: name}}
		unasked[ref] = !wanted[ref]
	}
	for _, ref := range made {
		if ref.GVK == secretKind && ref.Key.Namespace == namespace {
			unasked[ref] = !wanted[ref]
		}
	}
	maps.DeleteFunc(unasked, func(_ inventory.Ref, yes bool) bool { return !yes })
	return slices.SortedFunc(maps.Keys(unasked), func(a, b inventory.Ref) int { return strings.Compare(a.Key.Name, b.Key.Name) })
}

// Keep is the record after what was not asked for any more has been pruned: of its
// Secrets it names those that are kept. One that names no objects yet stays so.
func (r *Record) Keep(stale, kept []inventory.Ref) *Record {
	if r == nil || r.Objects == nil {
		return r
	}
	next := r
	for _, ref := range stale {
		_, recorded := r.Has(ref)
		keeps := slices.Contains(kept, ref)
		if ref.GVK != secretKind || recorded == keeps {
			continue
		}
		if next == r {
			next = r.Copy()
		}
		if !keeps {
			delete(next.Objects, Name(ref))
			continue
		}
		next.Objects[Name(ref)] = ""
	}
	return next
}
