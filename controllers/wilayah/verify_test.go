package wilayah

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
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
		agree    bool
		says     string
	}{
		"everything agrees":   {everything, nil, true, "the district, 1 kecamatan and 2 desa of its Puskesmas are those of the registry"},
		"kabupaten only":      {kabupatenOnly, nil, true, "0 kecamatan and 0 desa of its Puskesmas are those of the registry; it has no kecamatan and desa of this district"},
		"another name":        {kabupatenOnly, func(d *v1alpha1.DistrictSpec, _ *v1alpha1.PuskesmasSpec) { d.Name = "Kabupaten Sambas" }, false, `spec: "61.05" is Kabupaten Sintang in the registry`},
		"a BPS code":          {kabupatenOnly, func(d *v1alpha1.DistrictSpec, _ *v1alpha1.PuskesmasSpec) { d.Code = "61.07" }, false, "Kabupaten Sintang is 61.05 there"},
		"a desa of no place":  {everything, func(_ *v1alpha1.DistrictSpec, p *v1alpha1.PuskesmasSpec) { p.Desa[0].Code = "61.05.09.2009" }, false, `Puskesmas tebidah: "61.05.09.2009" (Nanga Tebidah) is not in the registry: Nanga Tebidah is 61.05.09.2001 there`},
		"another kecamatan":   {everything, func(_ *v1alpha1.DistrictSpec, p *v1alpha1.PuskesmasSpec) { p.Kecamatan.Name = "Kayan Hilir" }, false, `Puskesmas tebidah: "61.05.09" is Kayan Hulu in the registry`},
		"a Pustu of no place": {everything, func(_ *v1alpha1.DistrictSpec, p *v1alpha1.PuskesmasSpec) { p.Pustu[0].Desa = "61.05.09.2008" }, false, `desa "61.05.09.2008" is not in the registry`},
		"many": {everything, func(_ *v1alpha1.DistrictSpec, p *v1alpha1.PuskesmasSpec) {
			for range 9 {
				p.Desa = append(p.Desa, v1alpha1.Desa{Code: "61.05.09.2007", Name: "Nowhere"})
			}
		}, false, "; and 4 more"},
	} {
		t.Run(name, func(t *testing.T) {
			known, problems := Read([]byte(test.registry))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			p, going := tebidah(), tebidah()
			now := metav1.Now()
			going.DeletionTimestamp, going.Spec.Kecamatan.Code = &now, "61.05.99" // not looked at
			district := v1alpha1.DistrictSpec{Code: "61.05", Name: "Kabupaten Sintang"}
			if test.change != nil {
				test.change(&district, &p.Spec)
			}
			found := Verify(known, district, []v1alpha1.Puskesmas{p, going})
			if found.Agree() != test.agree || !strings.Contains(found.Message(), test.says) {
				t.Errorf("agree %t, it says %q; want %t: %s", found.Agree(), found.Message(), test.agree, test.says)
			}
		})
	}
}
