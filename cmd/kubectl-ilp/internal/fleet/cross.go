package fleet

import (
	"fmt"
	"strings"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
)

// owners remembers who was the first to claim something.
type owners map[string]manifest.Object

// claim says who has it already, if somebody else does.
func (o owners) claim(value string, by manifest.Object) string {
	if value == "" {
		return ""
	}
	if first, taken := o[value]; taken {
		return fmt.Sprintf("%s in %s", first.Title(), first.File)
	}
	o[value] = by
	return ""
}

// checkCodes finds what may be there only once in the country.
func (f *Fleet) checkCodes() {
	districts, puskesmas, organizations, desa := owners{}, owners{}, owners{}, owners{}
	for _, d := range f.districts {
		if first := districts.claim(string(d.Value.Spec.Code), d.Object); first != "" {
			f.add(d.Object, "spec.code", fmt.Sprintf("%q is already the code of %s: they would share a namespace, correct one of the two", d.Value.Spec.Code, first))
		}
	}
	for _, p := range f.puskesmas {
		spec := &p.Value.Spec
		if first := puskesmas.claim(spec.Code, p.Object); first != "" {
			f.add(p.Object, "spec.code", fmt.Sprintf("%q is already the code of %s: they would share a database, correct one of the two", spec.Code, first))
		}
		if first := organizations.claim(spec.SatuSehat.OrganizationID, p.Object); first != "" {
			f.add(p.Object, "spec.satusehat.organizationID", fmt.Sprintf("%q is already the Organization ID of %s: each facility has one of its own", spec.SatuSehat.OrganizationID, first))
		}
		own := map[v1alpha1.DesaCode]bool{} // twice in one list is the API server's to say
		for i, d := range spec.Desa {
			if own[d.Code] {
				continue
			}
			own[d.Code] = true
			if first := desa.claim(string(d.Code), p.Object); first != "" {
				f.add(p.Object, fmt.Sprintf("spec.desa[%d].code", i), fmt.Sprintf("desa %q is already served by %s: a desa belongs to one Puskesmas", d.Code, first))
			}
		}
	}
}

// checkPlaces makes sure that districts and namespaces belong together.
func (f *Fleet) checkPlaces() {
	byNamespace := map[string]*placed[v1alpha1.District]{}
	for i := range f.districts {
		byNamespace[v1alpha1.NamespaceFor(f.districts[i].Value.Spec.Code)] = &f.districts[i]
	}
	for _, n := range f.namespaces {
		d := byNamespace[n.GetName()]
		if d != nil && n.GetLabels()[v1alpha1.LabelDistrict] == "" {
			f.add(n, "metadata.labels", fmt.Sprintf("is the namespace of %s and does not say so: label it %s: %q", d.Title(), v1alpha1.LabelDistrict, d.Value.Spec.Code))
		}
	}
	var strays []string
	for _, p := range f.puskesmas {
		code, ok := v1alpha1.CodeForNamespace(p.GetNamespace())
		switch {
		case !ok || byNamespace[p.GetNamespace()] != nil: // a policy speaks of namespaces of no district
		case len(f.districts) == 0:
			strays = append(strays, p.Title())
		default:
			f.add(p.Object, "metadata.namespace", fmt.Sprintf("no District has the code %s: write the namespace of its own district, or add the District", code))
		}
	}
	if len(strays) > 0 {
		f.notef("no District is among the files: whether %s %s in the right namespace is not known", strings.Join(strays, ", "), are(len(strays)))
	}
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// checkReferences finds names of releases and waves that do not exist. Where the
// files have none at all they are somewhere else, and nothing is known of them.
func (f *Fleet) checkReferences() {
	releases, waves := names(f.releases), names(f.waves)
	release := func(object manifest.Object, name v1alpha1.ObjectName) {
		f.refer(object, "spec.release", "StackRelease", string(name), releases)
	}
	for _, d := range f.districts {
		release(d.Object, d.Value.Spec.Release)
		f.refer(d.Object, "spec.waveRef.name", "Wave", string(d.Value.Spec.WaveRef.Name), waves)
	}
	for _, p := range f.puskesmas {
		release(p.Object, p.Value.Spec.Release)
	}
	for _, w := range f.waves {
		release(w.Object, w.Value.Spec.Release)
	}
	if len(releases) == 0 && len(f.districts)+len(f.puskesmas)+len(f.waves) > 0 {
		f.notef("no StackRelease is among the files: names of releases and patches are not checked; give the folder of the catalogue, too")
	}
	if len(waves) == 0 {
		for _, d := range f.districts {
			if d.Value.Spec.WaveRef.Name != "" {
				f.notef("no Wave is among the files: names of waves are not checked; give their folder, too")
				break
			}
		}
	}
}

func (f *Fleet) refer(object manifest.Object, path, kind, name string, there []string) {
	if name == "" || len(there) == 0 {
		return
	}
	for _, other := range there {
		if other == name {
			return
		}
	}
	f.add(object, path, fmt.Sprintf("%s %q does not exist: there is %s", kind, name, strings.Join(there, ", ")))
}

func names[T any](list []placed[T]) []string {
	var all []string
	for i := range list {
		all = append(all, list[i].GetName())
	}
	return all
}
