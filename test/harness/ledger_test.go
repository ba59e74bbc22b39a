package harness

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
)

// TestLedger: an object of the operator's that nobody owns or finds is told, and
// so is one that outlives an owner with whom it was to go.
func TestLedger(t *testing.T) {
	made := func(kind, name, facility string, owner ...metav1.OwnerReference) *unstructured.Unstructured {
		object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind}}
		object.SetNamespace("ilp-6105")
		object.SetName(name)
		object.SetUID(types.UID(kind + name))
		labels := map[string]string{v1alpha1.LabelDistrict: "61.05"}
		if facility != "" {
			labels[v1alpha1.LabelPuskesmas] = facility
		}
		object.SetLabels(labels)
		object.SetOwnerReferences(owner)
		object.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: v1alpha1.ManagerName}})
		return object
	}
	by := func(kind, uid string, holds bool) metav1.OwnerReference {
		return metav1.OwnerReference{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: kind, Name: uid, UID: types.UID(uid),
			Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(holds),
		}
	}
	unlabelled := made("Service", "dashboard", "")
	unlabelled.SetLabels(nil)
	others := made("Service", "theirs", "")
	others.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "somebody"}})
	for name, test := range map[string]struct {
		object *unstructured.Unstructured
		gone   string
		want   string
	}{
		"owned by its Puskesmas":          {object: made("Service", "tebidah-rme", "tebidah", by("Puskesmas", "tebidah", false))},
		"owned by its District":           {object: made("Service", "dashboard", "", by("District", "sintang", false))},
		"owned by the District in place":  {object: made("Service", "tebidah-rme", "tebidah", by("District", "sintang", false)), want: "is owned by a District"},
		"owned by nobody there is":        {object: made("Service", "tebidah-rme", "tebidah", by("Puskesmas", "bambu", false)), want: "is owned by nobody there is"},
		"owned so that its owner waits":   {object: made("Service", "dashboard", "", by("District", "sintang", true)), want: "would hold its owner up"},
		"without an owner":                {object: made("Service", "dashboard", ""), want: "has no owner"},
		"without a label":                 {object: unlabelled, want: "has no label by which it is found"},
		"left when its owner is gone":     {object: made("Service", "tebidah-rme", "tebidah", by("Puskesmas", "tebidah", false)), gone: "tebidah", want: "is still there although Puskesmas tebidah is gone"},
		"data that would go with another": {object: made("Secret", "tebidah-database", "tebidah", by("Puskesmas", "tebidah", false)), want: "has an owner, with which it would go"},
		"data of its own":                 {object: made("Secret", "tebidah-database", "tebidah")},
		"a Secret of an unknown name":     {object: made("Secret", "tebidah-other", "tebidah"), want: "is a Secret of a name that nobody knows"},
		"somebody else's":                 {object: others},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			for _, uid := range []string{"tebidah", "sintang"} {
				owner := &unstructured.Unstructured{Object: map[string]any{}}
				owner.SetUID(types.UID(uid))
				l.seeOwner(watch.Added, owner)
			}
			l.seeObject(watch.Added, test.object)
			if test.gone != "" {
				owner := &unstructured.Unstructured{Object: map[string]any{}}
				owner.SetUID(types.UID(test.gone))
				l.seeOwner(watch.Deleted, owner)
			}
			got := l.Forgotten()
			if (len(got) > 0) != (test.want != "") || (len(got) > 0 && !strings.Contains(got[0], test.want)) {
				t.Errorf("the ledger says %q, want %q", got, test.want)
			}
			l.Close()
			if left := l.Forgotten(); len(left) > 0 {
				t.Errorf("a closed ledger says %q again", left)
			}
		})
	}
}
