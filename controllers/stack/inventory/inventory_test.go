package inventory

import (
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"ilp.health/operator/api/v1alpha1"
)

func TestRefsReadsWhatVersion010Wrote(t *testing.T) {
	entries := []v1alpha1.InventoryEntry{
		{ID: "ilp-6105_tebidah-rme_apps_Deployment", Version: "v1"},
		{ID: "_ilp-6105__Namespace", Version: "v1"},
		{ID: "ilp-6105_with_underscore_rbac.authorization.k8s.io_Role", Version: "v1"},
		{},
		{ID: "a_b_c", Version: "v1"},
		{ID: "a_b_c_d"},
	}
	want := []Ref{
		{schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, types.NamespacedName{Namespace: "ilp-6105", Name: "tebidah-rme"}},
		{schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, types.NamespacedName{Name: "ilp-6105"}},
		{schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"}, types.NamespacedName{Namespace: "ilp-6105", Name: "with_underscore"}},
	}
	if got := Refs(entries); !reflect.DeepEqual(got, want) {
		t.Errorf("Refs(%v) = %v; want %v", entries, got, want)
	}
}
