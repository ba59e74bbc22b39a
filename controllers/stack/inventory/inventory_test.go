package inventory

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"ilp.health/operator/api/v1alpha1"
)

func TestParseIsTheReverseOfEntry(t *testing.T) {
	for _, ref := range []Ref{
		{schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, types.NamespacedName{Namespace: "ilp-6105", Name: "tebidah-rme"}},
		{schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, types.NamespacedName{Name: "ilp-6105"}},
		{schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"}, types.NamespacedName{Namespace: "ilp-6105", Name: "with_underscore"}},
	} {
		got, err := Parse(ref.entry())
		if err != nil || got != ref {
			t.Errorf("Parse(%v) = %v, %v; want %v", ref.entry(), got, err, ref)
		}
	}
	for _, bad := range []v1alpha1.InventoryEntry{{}, {ID: "a_b_c", Version: "v1"}, {ID: "a_b_c_d"}} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("Parse(%v) gave no error", bad)
		}
	}
}

// Whatever the two lists are: nothing is forgotten ahead of an apply, and what
// is pruned is exactly what is old and no longer wanted.
func TestUnionAndStaleNeverForget(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 7))
		old, next := randomEntries(rng), randomEntries(rng)
		union := Union(old, next)
		ids := map[string]bool{}
		for i, e := range union {
			if ids[e.ID] || (i > 0 && union[i-1].ID > e.ID) {
				t.Fatalf("seed %d: union is not sorted and unique: %v", seed, union)
			}
			ids[e.ID] = true
		}
		wanted := map[string]bool{}
		for _, e := range next {
			wanted[e.ID] = true
		}
		for _, e := range append(append([]v1alpha1.InventoryEntry{}, old...), next...) {
			if !ids[e.ID] {
				t.Fatalf("seed %d: union forgot %v", seed, e)
			}
		}
		stale := Stale(union, next)
		for _, e := range stale {
			if wanted[e.ID] {
				t.Fatalf("seed %d: would prune the wanted %v", seed, e)
			}
		}
		if len(stale)+len(Union(nil, next)) != len(union) {
			t.Fatalf("seed %d: stale %v and next %v do not make up %v", seed, stale, next, union)
		}
		if again := Union(union, next); !reflect.DeepEqual(again, union) {
			t.Fatalf("seed %d: union is not idempotent", seed)
		}
	}
}

func randomEntries(rng *rand.Rand) []v1alpha1.InventoryEntry {
	entries := make([]v1alpha1.InventoryEntry, rng.IntN(12))
	for i := range entries {
		entries[i] = v1alpha1.InventoryEntry{ID: "ns_" + string(rune('a'+rng.IntN(16))) + "_apps_Deployment", Version: "v1"}
	}
	return entries
}
