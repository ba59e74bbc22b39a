package district

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/wilayah"
)

const (
	kabupatenOnly = "kode,nama\n61.05,Kabupaten Sintang\n61.07,Kabupaten Bengkayang\n"
	everything    = kabupatenOnly + "61.05.09,Kayan Hulu\n61.05.09.2001,Nanga Tebidah\n61.05.09.2002,Nanga Payak\n"
)

func TestVerify(t *testing.T) {
	tebidah := func() v1alpha1.Puskesmas {
		return v1alpha1.Puskesmas{
			ObjectMeta: metav1.ObjectMeta{Name: "tebidah"},
			Spec: v1alpha1.PuskesmasSpec{
				Kecamatan: v1alpha1.Kecamatan{Code: "61.05.09", Name: "Kayan Hulu"},
				Desa:      []v1alpha1.Desa{{Code: "61.05.09.2001", Name: "Nanga Tebidah"}},
				Pustu:     []v1alpha1.Pustu{{Desa: "61.05.09.2002", Name: "Payak"}},
				Posyandu:  []v1alpha1.Posyandu{{Desa: "61.05.09.2002"}},
			},
		}
	}
	for name, test := range map[string]struct {
		registry string
		change   func(*v1alpha1.DistrictSpec, *v1alpha1.PuskesmasSpec)
		status   metav1.ConditionStatus
		says     string
	}{
		"everything agrees":   {everything, nil, "True", "the district, 1 kecamatan and 2 desa of its Puskesmas are those of the registry"},
		"kabupaten only":      {kabupatenOnly, nil, "True", "0 kecamatan and 0 desa of its Puskesmas are those of the registry; it has no kecamatan and desa of this district"},
		"another name":        {kabupatenOnly, func(d *v1alpha1.DistrictSpec, _ *v1alpha1.PuskesmasSpec) { d.Name = "Kabupaten Sambas" }, "False", `spec: "61.05" is Kabupaten Sintang in the registry`},
		"a BPS code":          {kabupatenOnly, func(d *v1alpha1.DistrictSpec, _ *v1alpha1.PuskesmasSpec) { d.Code = "61.07" }, "False", "Kabupaten Sintang is 61.05 there"},
		"a desa of no place":  {everything, func(_ *v1alpha1.DistrictSpec, p *v1alpha1.PuskesmasSpec) { p.Desa[0].Code = "61.05.09.2009" }, "False", `Puskesmas tebidah: "61.05.09.2009" (Nanga Tebidah) is not in the registry: Nanga Tebidah is 61.05.09.2001 there`},
		"another kecamatan":   {everything, func(_ *v1alpha1.DistrictSpec, p *v1alpha1.PuskesmasSpec) { p.Kecamatan.Name = "Kayan Hilir" }, "False", `Puskesmas tebidah: "61.05.09" is Kayan Hulu in the registry`},
		"a Pustu of no place": {everything, func(_ *v1alpha1.DistrictSpec, p *v1alpha1.PuskesmasSpec) { p.Pustu[0].Desa = "61.05.09.2008" }, "False", `desa "61.05.09.2008" is not in the registry`},
		"many": {everything, func(_ *v1alpha1.DistrictSpec, p *v1alpha1.PuskesmasSpec) {
			for range 9 {
				p.Desa = append(p.Desa, v1alpha1.Desa{Code: "61.05.09.2007", Name: "Nowhere"})
			}
		}, "False", "; and 4 more"},
	} {
		t.Run(name, func(t *testing.T) {
			known, problems := wilayah.Read([]byte(test.registry))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			p, going := tebidah(), tebidah()
			now := metav1.Now()
			going.DeletionTimestamp, going.Spec.Kecamatan.Code = &now, "61.05.99" // not looked at
			s := newScope(&v1alpha1.District{Spec: v1alpha1.DistrictSpec{Code: "61.05", Name: "Kabupaten Sintang"}})
			if test.change != nil {
				test.change(&s.district.Spec, &p.Spec)
			}
			reportWilayah(s.conditions, verify(known, s.district.Spec, []v1alpha1.Puskesmas{p, going}))
			got := s.district.Status.Conditions
			if len(got) != 1 || got[0].Type != v1alpha1.ConditionWilayahVerified || got[0].Status != test.status || !strings.Contains(got[0].Message, test.says) {
				t.Errorf("it says %+v, want %s: %s", got, test.status, test.says)
			}
		})
	}
}

// TestRegistry reads each version once, and forgets what is gone.
func TestRegistry(t *testing.T) {
	page := func(name, csv string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ilp-system"}, Data: map[string]string{registryKey: csv}}
	}
	national, province, broken := page("wilayah", kabupatenOnly), page("wilayah-61", "kode,nama\n61.05.09,Kayan Hulu\n"), page("wilayah-62", "no columns\n")
	national.UID, province.UID, broken.UID = "a", "b", "c"
	c := fake.NewClientBuilder().WithObjects(national, province, broken).Build()
	r := &registry{}
	of := func(code string) (*wilayah.Registry, string) {
		t.Helper()
		known, problem, err := r.of(t.Context(), c, code)
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
