package apply

import (
	"errors"
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/pace"
)

var watched = []schema.GroupVersionKind{
	live.Deployments, {Version: "v1", Kind: "Service"}, {Version: "v1", Kind: "ServiceAccount"}, {Version: "v1", Kind: "ConfigMap"},
}

// cachedCopy is an object as the cache holds it, which the operator made.
func cachedCopy(apiVersion, kind, name string, owner Owner) *unstructured.Unstructured {
	obj := rendered(apiVersion, kind, name)
	owner.Refer([]*unstructured.Unstructured{obj})
	obj.SetAnnotations(map[string]string{
		live.AnnotationDigest: live.Digest("0123456789abcdef", len(obj.GetOwnerReferences()) > 0), "memory.ilp.health/owned-fields": "some",
	})
	return obj
}

func applierOf(objects ...*unstructured.Unstructured) *Applier {
	builder := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme)
	for _, obj := range objects {
		builder = builder.WithObjects(obj)
	}
	c := builder.Build()
	return New(c, c, c, clock.RealClock{}, pace.Default())
}

func names(refs []inventory.Ref) []string {
	var out []string
	for _, ref := range refs {
		out = append(out, ref.GVK.Kind+" "+ref.Key.Name)
	}
	return out
}

func TestStale(t *testing.T) {
	other := tebidah
	other.UID = "other"
	persons := cachedCopy("v1", "ConfigMap", "labels-copied", Owner{})
	persons.SetAnnotations(nil)
	districts := cachedCopy("v1", "ConfigMap", "of-the-district", Owner{})
	districts.SetLabels(map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: "61.05"})
	wanted := cachedCopy("apps/v1", "Deployment", "tebidah-rme", tebidah)
	a := applierOf(wanted, persons, districts,
		cachedCopy("apps/v1", "Deployment", "tebidah-old", tebidah), cachedCopy("v1", "Service", "without-owner", Owner{}),
		cachedCopy("v1", "Service", "of-another", other), cachedCopy("v1", "ServiceAccount", "tebidah-old", Owner{}))
	a.unseen[inventory.RefOf(rendered("v1", "ConfigMap", "just-made"))] = ownerKeyOf(tebidah.Labels)
	a.unseen[inventory.RefOf(rendered("v1", "ConfigMap", "a-neighbour-has-just-made"))] = ownerKey{"61.05", "aman"}
	stale, err := a.Stale(t.Context(), "ilp-6105", tebidah, watched, []*unstructured.Unstructured{wanted})
	want := []string{"ConfigMap just-made", "Deployment tebidah-old", "Service without-owner", "ServiceAccount tebidah-old"}
	if got := names(stale); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("stale are %v, %v; want %v", got, err, want)
	}
}

// TestLeft: isolation goes after everything that it is for, and data never.
func TestLeft(t *testing.T) {
	gone := Owner{Labels: tebidah.Labels}
	account, neighbours := cachedCopy("v1", "ServiceAccount", "tebidah-rme", Owner{}), cachedCopy("v1", "ServiceAccount", "aman-rme", Owner{})
	neighbours.SetLabels(map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: "61.05", v1alpha1.LabelPuskesmas: "aman"})
	marked := cachedCopy("v1", "ServiceAccount", "tebidah-kept", Owner{})
	marked.SetLabels(map[string]string{
		v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: "61.05", v1alpha1.LabelPuskesmas: "tebidah", v1alpha1.LabelStateful: "true",
	})
	for name, test := range map[string]struct {
		runs []*unstructured.Unstructured
		want []string
	}{
		"nothing runs":                              {nil, []string{"ServiceAccount tebidah-rme"}},
		"something has not been collected yet":      {[]*unstructured.Unstructured{cachedCopy("v1", "Service", "tebidah-rme", tebidah)}, nil},
		"everything runs on, as somebody asked for": {[]*unstructured.Unstructured{cachedCopy("apps/v1", "Deployment", "tebidah-rme", Owner{})}, nil},
	} {
		left, err := applierOf(append(test.runs, account.DeepCopy(), neighbours.DeepCopy(), marked.DeepCopy())...).Left(t.Context(), "ilp-6105", gone, watched)
		if got := names(left); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: left are %v, %v; want %v", name, got, err, test.want)
		}
	}
}

// TestOrphaned: an object that had an owner and has none tells of it; one that a
// version before 0.2.0 made never had any.
func TestOrphaned(t *testing.T) {
	stripped := cachedCopy("apps/v1", "Deployment", "tebidah-rme", tebidah)
	stripped.SetOwnerReferences(nil)
	for name, test := range map[string]struct {
		object *unstructured.Unstructured
		want   bool
	}{
		"owned":                {cachedCopy("apps/v1", "Deployment", "tebidah-rme", tebidah), false},
		"never owned":          {cachedCopy("apps/v1", "Deployment", "tebidah-rme", Owner{}), false},
		"owned and not so now": {stripped, true},
		"isolation":            {cachedCopy("v1", "ServiceAccount", "tebidah-rme", tebidah), false},
	} {
		if got, err := applierOf(test.object).Orphaned(t.Context(), "ilp-6105", tebidah, watched); err != nil || got != test.want {
			t.Errorf("%s: orphaned is %v, %v", name, got, err)
		}
	}
}

// TestCheckOwner: only an owner that lives keeps its object from being taken up.
func TestCheckOwner(t *testing.T) {
	desired := rendered("v1", "Service", "tebidah-rme")
	tebidah.Refer([]*unstructured.Unstructured{desired})
	ref := inventory.RefOf(desired)
	owner := func(uid types.UID) *unstructured.Unstructured {
		o := rendered("v1", "ConfigMap", "owner")
		o.SetUID(uid)
		return o
	}
	going := owner("them")
	going.SetFinalizers([]string{"test.ilp.health/hold"})
	going.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)})
	existing := rendered("v1", "Service", "tebidah-rme")
	existing.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: "them", Controller: ptr.To(true)}})
	var notOwned *NotOwnedError
	var terminating *TerminatingError
	for name, test := range map[string]struct {
		there []*unstructured.Unstructured
		is    func(error) bool
	}{
		"gone":             {nil, func(err error) bool { return err == nil }},
		"another by now":   {[]*unstructured.Unstructured{owner("another")}, func(err error) bool { return err == nil }},
		"alive":            {[]*unstructured.Unstructured{owner("them")}, func(err error) bool { return errors.As(err, &notOwned) && notOwned.Owner == "ConfigMap owner" }},
		"about to be gone": {[]*unstructured.Unstructured{going}, func(err error) bool { return errors.As(err, &terminating) }},
	} {
		if err := applierOf(test.there...).checkOwner(t.Context(), ref, existing, desired); !test.is(err) {
			t.Errorf("an owner that is %s: %v", name, err)
		}
	}
	if err := applierOf(owner("them")).checkOwner(t.Context(), ref, existing, rendered("v1", "Service", "tebidah-rme")); err != nil {
		t.Errorf("of an object that is to have no owner: %v", err)
	}
}
