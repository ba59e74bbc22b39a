package district

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/wilayah"
)

// namedPlaces is how many places a message names.
const namedPlaces = 5

// verifyWilayah says whether the codes and names of the district and of the
// places that its Puskesmas serve are those of the registry. It informs: a
// registry may be older than a district.
func (r *Reconciler) verifyWilayah(ctx context.Context, s *scope) error {
	code := string(s.district.Spec.Code)
	known, broken, err := r.registry.of(ctx, r.Registry, code[:len("61")])
	switch {
	case err != nil:
		return err
	case known == nil && broken != "":
		s.conditions.Set(v1alpha1.ConditionWilayahVerified, metav1.ConditionUnknown, v1alpha1.ReasonRegistryInvalid, broken)
		return nil
	case known == nil:
		s.conditions.Remove(v1alpha1.ConditionWilayahVerified)
		return nil
	}
	var list v1alpha1.PuskesmasList
	if err := r.Client.List(ctx, &list, client.InNamespace(s.namespace)); err != nil {
		return fmt.Errorf("list Puskesmas: %w", err)
	}
	reportWilayah(s.conditions, verify(known, s.district.Spec, list.Items))
	return nil
}

// verified is what a look into the registry brings.
type verified struct {
	// kecamatan and desa are how many were looked up.
	kecamatan, desa int
	// unknown says what the registry lacks, or is empty.
	unknown string
	wrong   []string
}

// verify looks up what the registry can know: one of kabupaten and kota only
// says nothing of desa.
func verify(known *wilayah.Registry, district v1alpha1.DistrictSpec, puskesmas []v1alpha1.Puskesmas) verified {
	var v verified
	code := string(district.Code)
	look := func(where, place, name, within string) {
		if err := known.Check(place, name, within); err != nil {
			v.wrong = append(v.wrong, where+": "+err.Error())
		}
	}
	if known.Knows(code[:len("61")], wilayah.KabKota) {
		look("spec", code, district.Name, code[:len("61")])
	}
	kecamatan, desa := known.Knows(code, wilayah.Kecamatan), known.Knows(code, wilayah.Desa)
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
func (v *verified) look(known *wilayah.Registry, where string, spec v1alpha1.PuskesmasSpec) {
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

func reportWilayah(conditions status.Conditions, v verified) {
	if len(v.wrong) == 0 {
		conditions.True(v1alpha1.ConditionWilayahVerified, v1alpha1.ReasonSucceeded,
			fmt.Sprintf("the district, %d kecamatan and %d desa of its Puskesmas are those of the registry%s", v.kecamatan, v.desa, v.unknown))
		return
	}
	message := strings.Join(v.wrong[:min(len(v.wrong), namedPlaces)], "; ")
	if rest := len(v.wrong) - namedPlaces; rest > 0 {
		message += fmt.Sprintf("; and %d more", rest)
	}
	conditions.False(v1alpha1.ConditionWilayahVerified, v1alpha1.ReasonNotInRegistry, message)
}
