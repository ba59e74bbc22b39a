package wilayah

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

const (
	kabupatenOnly = "kode,nama\n61.05,Kabupaten Sintang\n61.07,Kabupaten Bengkayang\n"
	everything    = kabupatenOnly + "61.05.09,Kayan Hulu\n61.05.09.2001,Nanga Tebidah\n61.05.09.2002,Nanga Payak\n"
)

// TestBook reads each version once, and forgets what is gone.
func TestBook(t *testing.T) {
	page := func(name, csv string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ilp-system"}, Data: map[string]string{registryKey: csv}}
	}
	national, province, broken := page("wilayah", kabupatenOnly), page("wilayah-61", "kode,nama\n61.05.09,Kayan Hulu\n"), page("wilayah-62", "no columns\n")
	national.UID, province.UID, broken.UID = "a", "b", "c"
	c := fake.NewClientBuilder().WithObjects(national, province, broken).Build()
	r := &Book{}
	of := func(code string) (*Registry, string) {
		t.Helper()
		known, problem, err := r.Of(t.Context(), c, code)
		if err != nil {
			t.Fatal(err)
		}
		return known, problem
	}
	known, problem := of("61")
	if known.Name("61.05") != "Kabupaten Sintang" || known.Name("61.05.09") != "Kayan Hulu" {
		t.Errorf("61 knows %q and %q", known.Name("61.05"), known.Name("61.05.09"))
	}
	if known, _ := of("63"); known != nil {
		t.Error("there is a registry of a province that is in none")
	}
	if !strings.Contains(problem, "key wilayah.csv of ConfigMap wilayah-62: line 1: the column code is missing") {
		t.Errorf("the problem is %q", problem)
	}
	before := r.read["a"].places
	if of("61"); r.read["a"].places != before {
		t.Error("the same version is read again")
	}
	national.Data[registryKey] = "kode,nama\n61.05,Kabupaten Lain\n"
	if err := c.Update(t.Context(), national); err != nil {
		t.Fatal(err)
	}
	if known, _ := of("61"); known.Name("61.05") != "Kabupaten Lain" {
		t.Errorf("after a change 61.05 is %q", known.Name("61.05"))
	}
	if err := c.DeleteAllOf(t.Context(), &corev1.ConfigMap{}, client.InNamespace("ilp-system")); err != nil {
		t.Fatal(err)
	}
	if known, problem := of("61"); known != nil || problem != "" || len(r.read) > 0 {
		t.Errorf("without ConfigMaps there is %v, %q and %d pages", known, problem, len(r.read))
	}
}
