package apply

import (
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
)

// TestOwner: labels and the managed fields together prove that the operator made
// an object; a person hands one over by all of its labels.
func TestOwner(t *testing.T) {
	owner := map[string]string{v1alpha1.LabelDistrict: "61.05", v1alpha1.LabelPuskesmas: "tebidah"}
	all := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: "61.05", v1alpha1.LabelPuskesmas: "tebidah"}
	ours := metav1.ManagedFieldsEntry{Manager: v1alpha1.ManagerName, Operation: metav1.ManagedFieldsOperationApply}
	scaled := metav1.ManagedFieldsEntry{Manager: v1alpha1.ManagerName, Operation: metav1.ManagedFieldsOperationApply, Subresource: "scale"}
	theirs := metav1.ManagedFieldsEntry{Manager: "kubectl", Operation: metav1.ManagedFieldsOperationUpdate}
	neighbour := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: "61.05", v1alpha1.LabelPuskesmas: "aman"}
	for name, test := range map[string]struct {
		kind    string
		labels  map[string]string
		manager metav1.ManagedFieldsEntry
		made    bool
		take    bool
	}{
		"made":                          {"Deployment", all, ours, true, true},
		"made, its first label gone":    {"Deployment", owner, ours, true, true},
		"made, and all labels gone":     {"Deployment", nil, ours, false, false},
		"handed over":                   {"Deployment", all, theirs, false, true},
		"half handed over":              {"Deployment", owner, theirs, false, false},
		"somebody else's":               {"Deployment", nil, theirs, false, false},
		"made for a neighbour":          {"Deployment", neighbour, ours, false, false},
		"only scaled":                   {"Deployment", owner, scaled, false, false},
		"a Secret out of a backup":      {"Secret", all, theirs, true, true},
		"a Secret that is half labeled": {"Secret", owner, theirs, false, false},
	} {
		existing := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Labels: test.labels, ManagedFields: []metav1.ManagedFieldsEntry{test.manager}}}
		existing.SetGroupVersionKind(schema.GroupVersionKind{Kind: test.kind})
		if made, take := Made(existing, owner), mayTake(existing, all); made != test.made || take != test.take {
			t.Errorf("%s: made is %v and may be taken %v", name, made, take)
		}
	}
}

func TestNotOwnedError(t *testing.T) {
	err := &NotOwnedError{
		Ref:    inventory.Ref{GVK: schema.GroupVersionKind{Kind: "Service"}, Key: types.NamespacedName{Namespace: "ilp-6105", Name: "dashboard"}},
		Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: "61.05"},
	}
	want := "Service ilp-6105/dashboard exists and is not the operator's: it is managed by somebody else, and is left as it is. Delete it or give it another name; " +
		"or, if the operator may have it: kubectl label --overwrite service dashboard -n ilp-6105 app.kubernetes.io/managed-by=ilp-operator ilp.health/district=61.05"
	if err.Error() != want {
		t.Errorf("it says\n%s\nwant\n%s", err, want)
	}
}

// TestRefusedByPolicy: of all refusals, those of a policy come again.
func TestRefusedByPolicy(t *testing.T) {
	forbidden := func(why string) error {
		return &Error{Err: apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "dashboard", errors.New(why))}
	}
	for why, want := range map[string]bool{
		"ValidatingAdmissionPolicy 'a.example.test' with binding 'a' denied request: no": true,
		"User \"x\" cannot create resource":                                              false,
		"exceeded quota: district":                                                       false,
	} {
		if err := forbidden(why); RefusedByPolicy(err) != want || lacksRights(err) != strings.HasPrefix(why, "User") {
			t.Errorf("%s: by a policy %v, by rights %v", why, RefusedByPolicy(err), lacksRights(err))
		}
	}
}

func TestMissingSays(t *testing.T) {
	ref := func(kind string) inventory.Ref {
		return inventory.Ref{GVK: schema.GroupVersionKind{Kind: kind}, Key: types.NamespacedName{Namespace: "ilp-6105", Name: "a"}}
	}
	m := Missing{Gone: []inventory.Ref{ref("Database"), ref("Secret")}, Changed: []inventory.Ref{ref("Secret")}}
	if got := m.String(); got != "Database ilp-6105/a, Secret ilp-6105/a was there and is gone; Secret ilp-6105/a has other contents than those in use" {
		t.Error(got)
	}
	if (Missing{}).String() != "" || !(Missing{}).None() || m.None() {
		t.Error("nothing is missing, and something is")
	}
}
