package record

import (
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"ilp.health/operator/controllers/stack/inventory"
)

// TestUnaskedSecrets: a Secret that is not asked for any more is named until it is
// pruned, whether the record or a version before 0.2.0 tells of it.
func TestUnaskedSecrets(t *testing.T) {
	ref := func(name string) inventory.Ref {
		return inventory.Ref{GVK: secretKind, Key: types.NamespacedName{Namespace: "ilp-6105", Name: name}}
	}
	asked := &unstructured.Unstructured{}
	asked.SetGroupVersionKind(secretKind)
	asked.SetNamespace("ilp-6105")
	asked.SetName("tebidah-database")
	elsewhere := ref("elsewhere")
	elsewhere.Key.Namespace = "ilp-6106"
	r := &Record{Objects: map[string]string{"Secret/tebidah-database": "a", "Secret/tebidah-old": "b", "Database/tebidah-database": ""}}
	made := []inventory.Ref{ref("tebidah-older"), ref("tebidah-database"), elsewhere, {GVK: secretKind.GroupVersion().WithKind("Service"), Key: ref("tebidah-rme").Key}}

	stale := r.Unasked("ilp-6105", []*unstructured.Unstructured{asked}, made)
	if want := []inventory.Ref{ref("tebidah-old"), ref("tebidah-older")}; !reflect.DeepEqual(stale, want) {
		t.Fatalf("not asked for any more are %v; want %v", stale, want)
	}
	if none := (*Record)(nil).Unasked("ilp-6105", nil, nil); len(none) != 0 {
		t.Errorf("without a record it names %v", none)
	}
	next := r.Keep(stale, []inventory.Ref{ref("tebidah-older")})
	if want := map[string]string{"Secret/tebidah-database": "a", "Database/tebidah-database": "", "Secret/tebidah-older": ""}; !reflect.DeepEqual(next.Objects, want) {
		t.Errorf("after pruning it names %v; want %v", next.Objects, want)
	}
	if _, changed := r.Objects["Secret/tebidah-older"]; changed || len(r.Objects) != 3 {
		t.Errorf("the record itself has become %v", r.Objects)
	}
	unwritten := &Record{SystemID: "7"}
	if same := unwritten.Keep(stale, stale); same != unwritten || same.Objects != nil {
		t.Errorf("a record without objects names %v", same.Objects)
	}
	if same := next.Keep([]inventory.Ref{ref("tebidah-older")}, []inventory.Ref{ref("tebidah-older")}); same != next {
		t.Error("a record that says the same is another one")
	}
}
