package stackrelease

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
)

// TestUsers: who has lost the status still counts, and who is gone does not.
func TestUsers(t *testing.T) {
	scheme := clientgoscheme.Scheme
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ilp-6105", Annotations: map[string]string{
		record.Key(record.District): `{"target":"b","running":"a"}`,
		record.Key("p1"):            `{"target":"b","schema":["a","b"]}`,
		record.Key("p2"):            `{"target":"c"}`,
		record.Key("p3"):            `{"target":"a"}`,
		record.Key("p4"):            `not a record`,
	}}}
	facility := func(code, target string) *v1alpha1.Puskesmas {
		p := &v1alpha1.Puskesmas{ObjectMeta: metav1.ObjectMeta{Namespace: "ilp-6105", Name: code, UID: types.UID(code)}, Spec: v1alpha1.PuskesmasSpec{Code: code}}
		p.Status.Release.Target = target
		return p
	}
	other := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: "other", UID: "other"}, Spec: v1alpha1.DistrictSpec{Code: "61.06"}}
	other.Status.Release.Current = "a"
	objects := []client.Object{
		namespace, other, &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: "d", UID: "d"}, Spec: v1alpha1.DistrictSpec{Code: "61.05"}},
		facility("P1", ""), facility("P2", "a"), facility("P4", ""),
	}
	server := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(&v1alpha1.Puskesmas{}, indexInUse, inUse).WithIndex(&corev1.Namespace{}, indexRecorded, recorded).Build()
	for release, want := range map[string][]string{"a": {"d", "other", "P1", "P2"}, "b": {"d", "P1"}, "c": {"P2"}, "d": nil} {
		districts, puskesmas, err := (&Reconciler{Client: server}).users(t.Context(), release)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for uid := range districts {
			got = append(got, string(uid))
		}
		for uid := range puskesmas {
			got = append(got, string(uid))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s is used by %v, want %v", release, got, want)
		}
	}
}
