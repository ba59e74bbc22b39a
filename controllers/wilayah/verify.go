package wilayah

import (
	"fmt"
	"strings"

	"ilp.health/operator/api/v1alpha1"
)

// namedPlaces is how many places a message names.
const namedPlaces = 5

// Findings are what a look into the registry brings.
type Findings struct {
	// kecamatan and desa are how many were looked up.
	kecamatan, desa int
	// unknown says what the registry lacks, or is empty.
	unknown string
	wrong   []string
}

// Verify looks up the codes and names of a district and of the places that its
// Puskesmas serve, as far as the registry can know them: one of kabupaten and
// kota only says nothing of desa.
func Verify(known *Registry, district v1alpha1.DistrictSpec, puskesmas []v1alpha1.Puskesmas) Findings {
	var v Findings
	code := string(district.Code)
	look := func(where, place, name, within string) {
		if err := known.Check(place, name, within); err != nil {
			v.wrong = append(v.wrong, where+": "+err.Error())
		}
	}
	if known.Knows(code[:len("61")], KabKota) {
		look("spec", code, district.Name, code[:len("61")])
	}
	kecamatan, desa := known.Knows(code, Kecamatan), known.Knows(code, Desa)
	switch {
	case !kecamatan && !desa:
		v.unknown = "; it has no kecamatan and desa of this district"
	case !desa:
		v.unknown = "; it has no desa of this district"
	}
	seen := map[v1alpha1.Kecamatan]bool{} // several may lie in one
	for i := range puskesmas {
		if !puskesmas[i].DeletionTimestamp.IsZero() {
			continue
		}
		spec, where := puskesmas[i].Spec, "Puskesmas "+puskesmas[i].Name
		if kecamatan && !seen[spec.Kecamatan] {
			seen[spec.Kecamatan] = true
			v.kecamatan++
			look(where, string(spec.Kecamatan.Code), spec.Kecamatan.Name, code)
		}
		if !desa {
			continue
		}
		for _, d := range spec.Desa {
			v.desa++
			look(where, string(d.Code), d.Name, code)
		}
		v.look(known, where, spec)
	}
	return v
}

// look looks up the desa that Pustu and Posyandu name by their code only.
func (v *Findings) look(known *Registry, where string, spec v1alpha1.PuskesmasSpec) {
	served := map[v1alpha1.DesaCode]bool{}
	for _, d := range spec.Desa {
		served[d.Code] = true
	}
	exists := func(code v1alpha1.DesaCode) {
		if served[code] {
			return
		}
		served[code] = true
		v.desa++
		if known.Name(string(code)) == "" {
			v.wrong = append(v.wrong, fmt.Sprintf("%s: desa %q is not in the registry", where, code))
		}
	}
	for _, p := range spec.Pustu {
		exists(p.Desa)
	}
	for _, p := range spec.Posyandu {
		exists(p.Desa)
	}
}

// Agree reports whether all that was looked up is as the registry has it.
func (v *Findings) Agree() bool { return len(v.wrong) == 0 }

// Message says what agrees, or what does not.
func (v *Findings) Message() string {
	if v.Agree() {
		return fmt.Sprintf("the district, %d kecamatan and %d desa of its Puskesmas are those of the registry%s", v.kecamatan, v.desa, v.unknown)
	}
	message := strings.Join(v.wrong[:min(len(v.wrong), namedPlaces)], "; ")
	if rest := len(v.wrong) - namedPlaces; rest > 0 {
		message += fmt.Sprintf("; and %d more", rest)
	}
	return message
}
