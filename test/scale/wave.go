package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
)

// wave is what people would apply: namespaces, districts and their facilities.
// All places are made up; their codes are free numbers of the code space.
type wave struct {
	namespaces []*corev1.Namespace
	districts  []*v1alpha1.District
	puskesmas  []*v1alpha1.Puskesmas
}

// provinces are as many as a wave of the whole country needs.
var provinces = []int{96, 95, 94, 93, 92, 91, 82, 81, 76, 75, 74, 73, 72, 71}

// firstKabupaten leaves the numbers of real ones free.
const (
	firstKabupaten = 30
	kabupatenEach  = 40
	desaEach       = 10
)

// fleet is how many there are to make of what.
type fleet struct {
	// first is the number of districts that there are before.
	first, districts, puskesmas, desa int
}

func newWave(f fleet) wave {
	var w wave
	for n := f.first; n < f.first+f.districts; n++ {
		code := fmt.Sprintf("%d.%02d", provinces[n/kabupatenEach%len(provinces)], firstKabupaten+n%kabupatenEach)
		district := newDistrict(n+1, v1alpha1.KabKotaCode(code))
		w.districts = append(w.districts, district)
		w.namespaces = append(w.namespaces, &corev1.Namespace{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: metav1.ObjectMeta{
				Name:   v1alpha1.NamespaceFor(district.Spec.Code),
				Labels: map[string]string{v1alpha1.LabelDistrict: code},
			},
		})
		for i := range f.puskesmas {
			w.puskesmas = append(w.puskesmas, newPuskesmas(code, i+1, f.desa))
		}
	}
	return w
}

func newDistrict(n int, code v1alpha1.KabKotaCode) *v1alpha1.District {
	d := &v1alpha1.District{TypeMeta: typeMeta("District")}
	d.Name = fmt.Sprintf("contoh-%d", n)
	d.Spec.Code = code
	d.Spec.Name = fmt.Sprintf("Kabupaten Contoh %d", n)
	d.Spec.Exposure.Domain = v1alpha1.HostName(d.Name + ".example")
	d.Spec.Database.Instances = 1
	d.Spec.Database.Storage = "2Gi"
	d.Spec.DataProtection.RetentionYears = ptr.To[int32](25)
	d.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionRetain
	return d
}

// newPuskesmas is the n-th facility of a district, with its own kecamatan.
func newPuskesmas(district string, n, desa int) *v1alpha1.Puskesmas {
	p := &v1alpha1.Puskesmas{TypeMeta: typeMeta("Puskesmas")}
	code := v1alpha1.KabKotaCode(district)
	p.Namespace = v1alpha1.NamespaceFor(code)
	p.Name = fmt.Sprintf("contoh-%d", n)
	p.Spec.Code = fmt.Sprintf("P%s%s%03d101", district[:2], district[3:], n)
	p.Spec.Name = fmt.Sprintf("Contoh %d", n)
	kecamatan := fmt.Sprintf("%s.%02d", district, n)
	p.Spec.Kecamatan = v1alpha1.Kecamatan{Code: v1alpha1.KecamatanCode(kecamatan), Name: p.Spec.Name}
	for i := range desa {
		code := v1alpha1.DesaCode(fmt.Sprintf("%s.%d", kecamatan, 2001+i))
		p.Spec.Desa = append(p.Spec.Desa, v1alpha1.Desa{Code: code, Name: fmt.Sprintf("Desa Contoh %d", i+1)})
		p.Spec.Posyandu = append(p.Spec.Posyandu, v1alpha1.Posyandu{Desa: code, Count: 2, Kader: 10})
	}
	p.Spec.Pustu = []v1alpha1.Pustu{
		{Desa: p.Spec.Desa[1].Code, Name: "Contoh A", Bidan: 1, Perawat: 1, Kader: 2},
		{Desa: p.Spec.Desa[3].Code, Name: "Contoh B", Bidan: 1, Kader: 1},
	}
	p.Spec.ILP.Stage = "Running"
	if n == 1 {
		p.Spec.ILP.Stage = "Pilot"
	}
	p.Spec.Connectivity = "Good"
	return p
}

func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind}
}
