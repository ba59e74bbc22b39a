package apply

import (
	"errors"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/pace"
)

var tebidah = Owner{Kind: "Puskesmas", Name: "tebidah", UID: "one", Labels: map[string]string{v1alpha1.LabelDistrict: "61.05", v1alpha1.LabelPuskesmas: "tebidah"}}

// rendered is an object as it is rendered for a facility.
func rendered(apiVersion, kind, name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	obj.SetNamespace("ilp-6105")
	obj.SetName(name)
	obj.SetLabels(map[string]string{
		v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: "61.05", v1alpha1.LabelPuskesmas: "tebidah",
	})
	return obj
}

func remembered(a *Applier) map[string]int {
	return map[string]int{
		"written": len(a.written), "unseen": len(a.unseen), "secrets": len(a.secrets), "sending": len(a.sending), "foreign": len(a.foreign),
	}
}

// TestMemoriesForget: whatever was applied, seen or refused, nothing of it is
// remembered once the objects and whom they were made for are gone.
func TestMemoriesForget(t *testing.T) {
	theirs := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ilp-6105", Name: "tebidah-foreign"}}
	c := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithReturnManagedFields().WithObjects(theirs).Build()
	a := New(c, c, c, clock.RealClock{}, pace.Default())
	objects := []*unstructured.Unstructured{
		rendered("apps/v1", "Deployment", "tebidah-rme"), rendered("v1", "Service", "tebidah-rme"),
		rendered("v1", "ServiceAccount", "tebidah-rme"), rendered("v1", "Secret", "tebidah-database"),
		rendered("v1", "ConfigMap", "tebidah-never-seen"),
	}
	tebidah.Refer(objects)
	if err := a.Apply(t.Context(), objects, Options{}); err != nil {
		t.Fatal(err)
	}
	foreign := rendered("v1", "Service", "tebidah-foreign")
	var notOwned *NotOwnedError
	if _, err := a.look(t.Context(), inventory.RefOf(foreign), foreign); !errors.As(err, &notOwned) {
		t.Fatalf("a Service of somebody else's: %v", err)
	}
	if got := remembered(a); got["written"] != 4 || got["unseen"] != 4 || got["secrets"] != 1 || got["foreign"] != 1 {
		t.Fatalf("after an apply it remembers %v", got)
	}
	for _, obj := range objects[:3] {
		ref := inventory.RefOf(obj)
		cached, err := live.Get(t.Context(), c, ref)
		if err != nil {
			t.Fatal(err)
		}
		a.Observe(ref, cached)
		a.Deleted(ref, cached)
	}
	if got := remembered(a); got["written"] != 1 || got["unseen"] != 1 {
		t.Errorf("after all that was seen is deleted it remembers %v", got)
	}
	a.ForgetOwner(map[string]string{v1alpha1.LabelDistrict: "61.05", v1alpha1.LabelPuskesmas: "aman"})
	if got := remembered(a); got["secrets"] != 1 || got["foreign"] != 1 || got["unseen"] != 1 {
		t.Errorf("after a neighbour is gone it remembers %v", got)
	}
	a.ForgetOwner(tebidah.Labels)
	for what, n := range remembered(a) {
		if n != 0 {
			t.Errorf("%d %s are remembered of what is gone", n, what)
		}
	}
}

// TestOwnerIsNoContent: whose an object is, is compared, and not part of what is
// written on it, which a Deployment would take for a new generation.
func TestOwnerIsNoContent(t *testing.T) {
	of := func(owner Owner) *unstructured.Unstructured {
		obj := rendered("apps/v1", "Deployment", "tebidah-rme")
		owner.Refer([]*unstructured.Unstructured{obj})
		return obj
	}
	again := tebidah
	again.UID = "two"
	first, second := of(tebidah), of(again)
	one, err := digestOf(first)
	if err != nil {
		t.Fatal(err)
	}
	two, err := digestOf(second)
	if err != nil || one != two {
		t.Errorf("the digest is %q of one owner and %q of another, %v", one, two, err)
	}
	if nobodys, err := digestOf(of(Owner{})); err != nil || nobodys == one {
		t.Errorf("the digest %q is that of an object without owner, %v", one, err)
	}
	cached := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Annotations: map[string]string{live.AnnotationDigest: one}, OwnerReferences: first.GetOwnerReferences(),
	}}
	ref := inventory.RefOf(first)
	for name, test := range map[string]struct {
		cached client.Object
		owner  Owner
		want   bool
	}{
		"of the same owner":               {cached, tebidah, true},
		"of one that was made again":      {cached, again, false},
		"whose owner has been taken off":  {&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Annotations: cached.Annotations}}, tebidah, false},
		"that is being deleted meanwhile": {&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Annotations: cached.Annotations, OwnerReferences: cached.OwnerReferences, DeletionTimestamp: &metav1.Time{}}}, tebidah, false},
	} {
		if got := New(nil, nil, nil, clock.RealClock{}, pace.Default()).isCurrent(ref, test.cached, one, test.owner.UID); got != test.want {
			t.Errorf("an object %s is current: %v", name, got)
		}
	}
}

// TestOutlives: isolation and data never have an owner.
func TestOutlives(t *testing.T) {
	for kind, want := range map[string]bool{
		"v1/Namespace": true, "v1/ServiceAccount": true, "networking.k8s.io/v1/NetworkPolicy": true, "rbac.authorization.k8s.io/v1/RoleBinding": true,
		"v1/Secret": true, "postgresql.cnpg.io/v1/Cluster": true, "postgresql.cnpg.io/v1/Database": true,
		"apps/v1/Deployment": false, "batch/v1/Job": false, "v1/Service": false, "v1/ConfigMap": false,
		"networking.k8s.io/v1/Ingress": false, "gateway.networking.k8s.io/v1/HTTPRoute": false, "policy/v1/PodDisruptionBudget": false,
	} {
		i := len(kind) - 1
		for kind[i] != '/' {
			i--
		}
		obj := rendered(kind[:i], kind[i+1:], "tebidah")
		tebidah.Refer([]*unstructured.Unstructured{obj})
		if Outlives(obj) != want || (len(obj.GetOwnerReferences()) == 0) != want {
			t.Errorf("%s outlives its owner: %v, and has owners %v", kind, Outlives(obj), obj.GetOwnerReferences())
		}
	}
}

// TestOwns: whose an object is says its reference, or its labels where it has
// none; and never without the operator having made it.
func TestOwns(t *testing.T) {
	ours := []metav1.ManagedFieldsEntry{{Manager: v1alpha1.ManagerName, Operation: metav1.ManagedFieldsOperationApply}}
	theirs := []metav1.ManagedFieldsEntry{{Manager: "kubectl", Operation: metav1.ManagedFieldsOperationApply}}
	other := tebidah
	other.UID = "other"
	for name, test := range map[string]struct {
		owner   *Owner
		managed []metav1.ManagedFieldsEntry
		change  func(*unstructured.Unstructured)
		want    bool
	}{
		"by its reference":              {&tebidah, ours, nil, true},
		"by its reference, labels gone": {&tebidah, ours, func(o *unstructured.Unstructured) { o.SetLabels(nil) }, true},
		"by its labels":                 {nil, ours, nil, true},
		"of another owner":              {&other, ours, nil, false},
		"a copied reference":            {&tebidah, theirs, nil, false},
		"copied labels":                 {nil, theirs, nil, false},
		"of the district itself": {nil, ours, func(o *unstructured.Unstructured) {
			o.SetLabels(map[string]string{v1alpha1.LabelDistrict: "61.05"})
		}, false},
	} {
		obj := rendered("v1", "ConfigMap", "tebidah")
		if test.owner != nil {
			test.owner.Refer([]*unstructured.Unstructured{obj})
		}
		obj.SetManagedFields(test.managed)
		if test.change != nil {
			test.change(obj)
		}
		if got := tebidah.Owns(obj); got != test.want {
			t.Errorf("%s: owns it is %v", name, got)
		}
	}
}
