package district

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ilp.health/operator/api/v1alpha1"
)

// TestPWSFiles has two Pustu in one desa, and two facilities that claim the same
// desa, Pustu and Posyandu.
func TestPWSFiles(t *testing.T) {
	facility := func(code, name string) v1alpha1.Puskesmas {
		return v1alpha1.Puskesmas{Spec: v1alpha1.PuskesmasSpec{
			Code: code, Name: name, Kecamatan: v1alpha1.Kecamatan{Code: "61.05.09", Name: "Kayan Hulu"},
		}}
	}
	first, second := facility("P6107080201", "Tebidah"), facility("P6107080202", "Riam")
	first.Spec.Desa = []v1alpha1.Desa{{Code: "61.05.09.2001", Name: "Nanga Tebidah"}}
	first.Spec.Pustu = []v1alpha1.Pustu{
		{Desa: "61.05.09.2001", Name: "Hulu", Bidan: 1, Perawat: 1, Kader: 2},
		{Desa: "61.05.09.2001", Name: "Hilir, Seberang", Kader: 1},
	}
	first.Spec.Posyandu = []v1alpha1.Posyandu{{Desa: "61.05.09.2001", Count: 2, Kader: 10}}
	second.Spec.Desa = first.Spec.Desa
	second.Spec.Pustu = []v1alpha1.Pustu{{Desa: "61.05.09.2001", Name: "Hulu", Bidan: 9}, {Desa: "61.05.09.2002", Name: "Hulu"}}
	second.Spec.Posyandu = []v1alpha1.Posyandu{{Desa: "61.05.09.2001", Count: 7}}

	want := map[string]string{
		"data/puskesmas.csv": "kode,nama,kecamatan_kode,kecamatan,rawat_inap,tahap\n" +
			"P6107080201,Tebidah,61.05.09,Kayan Hulu,false,Preparing\nP6107080202,Riam,61.05.09,Kayan Hulu,false,Preparing\n",
		"data/desa.csv": "kode,nama,kecamatan_kode,kecamatan,puskesmas\n" +
			"61.05.09.2001,Nanga Tebidah,61.05.09,Kayan Hulu,P6107080201\n61.05.09.2002,61.05.09.2002,61.05.09,Kayan Hulu,P6107080202\n",
		"data/pustu.csv": "desa_kode,nama,bidan,perawat,kader\n" +
			"61.05.09.2001,Hulu,1,1,2\n61.05.09.2001,\"Hilir, Seberang\",0,0,1\n61.05.09.2002,Hulu,0,0,0\n",
		"data/posyandu.csv": "desa_kode,jumlah,kader\n61.05.09.2001,2,10\n",
	}
	if diff := cmp.Diff(want, pwsFiles([]v1alpha1.Puskesmas{second, first})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
