package district

import (
	"cmp"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"ilp.health/operator/api/v1alpha1"
)

// pwsFiles are the CSV files of the component pws: the district's desa with
// their Puskesmas, Pustu and Posyandu. They count staff and name no person.
func pwsFiles(puskesmas []v1alpha1.Puskesmas) map[string]string {
	byCode := slices.Clone(puskesmas)
	slices.SortFunc(byCode, func(a, b v1alpha1.Puskesmas) int { return cmp.Compare(a.Spec.Code, b.Spec.Code) })
	byCode = slices.CompactFunc(byCode, func(a, b v1alpha1.Puskesmas) bool { return a.Spec.Code == b.Spec.Code })

	w := area{
		kecamatan:  map[string]string{},
		desa:       map[v1alpha1.DesaCode]bool{},
		pustu:      map[pustuKey]bool{},
		posyandu:   map[v1alpha1.DesaCode]bool{},
		facilities: table{{"kode", "nama", "kecamatan_kode", "kecamatan", "rawat_inap", "tahap"}},
		villages:   table{{"kode", "nama", "kecamatan_kode", "kecamatan", "puskesmas"}},
		outposts:   table{{"desa_kode", "nama", "bidan", "perawat", "kader"}},
		posts:      table{{"desa_kode", "jumlah", "kader"}},
	}
	for i := range byCode {
		w.kecamatan[string(byCode[i].Spec.Kecamatan.Code)] = byCode[i].Spec.Kecamatan.Name
	}
	for i := range byCode {
		w.add(byCode[i].Spec)
	}
	return map[string]string{
		"data/puskesmas.csv": w.facilities.csv(),
		"data/desa.csv":      w.villages.csv(),
		"data/pustu.csv":     w.outposts.csv(),
		"data/posyandu.csv":  w.posts.csv(),
	}
}

// pustuKey is what identifies a Pustu: it has no code of its own.
type pustuKey struct {
	desa v1alpha1.DesaCode
	name string
}

// area gathers the rows; where two facilities claim one desa or Pustu, the one
// with the lower code has it.
type area struct {
	kecamatan                             map[string]string
	desa, posyandu                        map[v1alpha1.DesaCode]bool
	pustu                                 map[pustuKey]bool
	facilities, villages, outposts, posts table
}

func (w *area) add(p v1alpha1.PuskesmasSpec) {
	w.facilities = append(w.facilities, []string{
		p.Code, p.Name, string(p.Kecamatan.Code), p.Kecamatan.Name,
		strconv.FormatBool(p.Category == "RawatInap"), cmp.Or(p.ILP.Stage, "Preparing"),
	})
	for _, d := range p.Desa {
		w.addDesa(d.Code, d.Name, p.Code)
	}
	for _, u := range p.Pustu {
		w.addDesa(u.Desa, string(u.Desa), p.Code)
		if key := (pustuKey{u.Desa, u.Name}); !w.pustu[key] {
			w.pustu[key] = true
			w.outposts = append(w.outposts, []string{string(u.Desa), u.Name, itoa(u.Bidan), itoa(u.Perawat), itoa(u.Kader)})
		}
	}
	for _, y := range p.Posyandu {
		w.addDesa(y.Desa, string(y.Desa), p.Code)
		if !w.posyandu[y.Desa] {
			w.posyandu[y.Desa] = true
			w.posts = append(w.posts, []string{string(y.Desa), itoa(y.Count), itoa(y.Kader)})
		}
	}
}

// addDesa adds a desa once. One that only a Pustu or Posyandu names appears by its code.
func (w *area) addDesa(code v1alpha1.DesaCode, name, puskesmas string) {
	if w.desa[code] {
		return
	}
	w.desa[code] = true
	kecamatan := string(code[:len("61.05.09")])
	w.villages = append(w.villages, []string{string(code), name, kecamatan, cmp.Or(w.kecamatan[kecamatan], kecamatan), puskesmas})
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// table is a CSV file with its header.
type table [][]string

func (t table) csv() string {
	var b strings.Builder
	// Writing to a strings.Builder cannot fail.
	_ = csv.NewWriter(&b).WriteAll(t)
	return b.String()
}
