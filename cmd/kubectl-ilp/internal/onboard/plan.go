package onboard

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"ilp.health/operator/api/v1alpha1"
)

// wish is what a district's folder is to hold.
type wish struct {
	code, name, resource  string
	wave, storage, domain string
	facilities            []*facility
}

const (
	kustomizationText = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
`
	namespaceText = `# The operator would make the namespace itself. It is here because the Puskesmas
# live in it, and one apply is to bring everything.
apiVersion: v1
kind: Namespace
`
	districtText  = "apiVersion: ilp.health/v1alpha1\nkind: District\n"
	puskesmasText = "apiVersion: ilp.health/v1alpha1\nkind: Puskesmas\n"
)

// fit brings the folder to the wish. It returns what is in the folder and not
// in the list any more, which stays.
func (d *folder) fit(w *wish) (gone []string, err error) {
	if err := d.checkOwner(w.code); err != nil {
		return nil, err
	}
	var created []string
	for _, step := range []func(*wish) ([]string, error){d.fitNamespace, d.fitDistrict, d.fitPuskesmas} {
		files, err := step(w)
		if err != nil {
			return nil, err
		}
		created = append(created, files...)
	}
	if err := d.list(created); err != nil {
		return nil, err
	}
	listed := map[string]bool{}
	for _, f := range w.facilities {
		listed[f.code] = true
	}
	for _, p := range d.findOwn("Puskesmas") {
		if code := codeOf(p.node); !listed[code] {
			gone = append(gone, fmt.Sprintf("%s (%s)", filepath.Join(d.path, p.file.name), code))
		}
	}
	slices.Sort(gone)
	return gone, nil
}

// checkOwner makes sure that the folder is this district's or nobody's.
func (d *folder) checkOwner(code string) error {
	for _, other := range d.findOwn("District") {
		if is := codeOf(other.node); is != code {
			return fmt.Errorf("%s is District %s: give district %s a folder of its own", filepath.Join(d.path, other.file.name), is, code)
		}
	}
	namespace := v1alpha1.NamespaceFor(v1alpha1.KabKotaCode(code))
	for _, p := range d.findOwn("Puskesmas") {
		if is := p.node.GetNamespace(); is != "" && is != namespace {
			return fmt.Errorf("%s lies in namespace %s and not in %s: give district %s a folder of its own", filepath.Join(d.path, p.file.name), is, namespace, code)
		}
	}
	return nil
}

// fitNamespace adds the namespace if there is none.
func (d *folder) fitNamespace(w *wish) ([]string, error) {
	name := v1alpha1.NamespaceFor(v1alpha1.KabKotaCode(w.code))
	for _, other := range d.find("v1", "Namespace") {
		if other.node.GetName() == name {
			return nil, nil
		}
	}
	f, err := d.add(namespaceFile, namespaceText)
	if err != nil {
		return nil, err
	}
	e := edit{found: found{f, f.nodes[0]}}
	e.set(name, "metadata", "name")
	e.set(w.code, "metadata", "labels", v1alpha1.LabelDistrict)
	return []string{f.name}, e.err
}

// fitDistrict writes what was said of the district.
func (d *folder) fitDistrict(w *wish) (created []string, err error) {
	var e edit
	if there := d.findOwn("District"); len(there) > 0 {
		e.found = there[0]
	} else {
		f, err := d.add(districtFile, districtText)
		if err != nil {
			return nil, err
		}
		e.found, created = found{f, f.nodes[0]}, []string{f.name}
		e.set(w.resource, "metadata", "name")
	}
	e.set(w.code, "spec", "code")
	e.set(w.name, "spec", "name")
	e.set(w.wave, "spec", "waveRef", "name")
	e.set(w.domain, "spec", "exposure", "domain")
	e.set(w.storage, "spec", "database", "storage")
	return created, e.err
}

// fitPuskesmas writes what the list says of each Puskesmas. A Puskesmas is
// found again by its code, whatever its file and name are by now.
func (d *folder) fitPuskesmas(w *wish) (created []string, err error) {
	there, names := map[string]found{}, map[string]string{}
	for _, p := range d.findOwn("Puskesmas") {
		there[codeOf(p.node)], names[codeOf(p.node)] = p, p.node.GetName()
	}
	nameAll(w.facilities, names)
	for _, facility := range w.facilities {
		e := edit{found: there[facility.code]}
		if e.node == nil {
			f, err := d.add(puskesmasFolder+"/"+facility.resource+".yaml", puskesmasText)
			if err != nil {
				return nil, err
			}
			e.found, created = found{f, f.nodes[0]}, append(created, f.name)
			e.set(facility.resource, "metadata", "name")
			e.set(v1alpha1.NamespaceFor(v1alpha1.KabKotaCode(w.code)), "metadata", "namespace")
		}
		if facility.write(&e); e.err != nil {
			return nil, fmt.Errorf("%s: %w", e.file.name, e.err)
		}
	}
	slices.Sort(created)
	return created, nil
}

// write sets what the list says.
func (f *facility) write(e *edit) {
	e.set(f.code, "spec", "code")
	e.set(f.name, "spec", "name")
	e.set(f.kecamatan.code, "spec", "kecamatan", "code")
	e.set(f.kecamatan.name, "spec", "kecamatan", "name")
	e.setDesa(f.desa)
	e.setPosts(f.pustu, "spec", "pustu")
	e.setPosts(f.posyandu, "spec", "posyandu")
	e.set(f.category, "spec", "category")
	e.set(f.stage, "spec", "ilp", "stage")
	if f.priority != nil {
		e.setNumber(*f.priority, "spec", "ilp", "priority")
	}
	if f.organization != "" {
		e.set(f.organization, "spec", "satusehat", "organizationID")
		if secret, _ := e.node.GetString("spec.satusehat.credentialsSecretRef.name"); secret == "" {
			e.set("satusehat-"+f.resource, "spec", "satusehat", "credentialsSecretRef", "name")
		}
	}
	e.set(f.connectivity, "spec", "connectivity")
}

// list adds new files to the kustomization.
func (d *folder) list(created []string) error {
	k := d.kustomization()
	if k == nil {
		f, err := d.add(kustomizationFile, kustomizationText)
		if err != nil {
			return err
		}
		k = &found{f, f.nodes[0]}
	}
	if len(created) == 0 {
		return nil
	}
	resources, err := k.node.Pipe(yaml.LookupCreate(yaml.SequenceNode, "resources"))
	if err != nil {
		return fmt.Errorf("%s: %w", k.file.name, err)
	}
	var listed []string
	for _, entry := range resources.Content() {
		listed = append(listed, strings.TrimPrefix(entry.Value, "./"))
	}
	for _, name := range created {
		if slices.Contains(listed, name) {
			continue
		}
		resources.YNode().Content = append(resources.YNode().Content, yaml.NewStringRNode(name).YNode())
		k.file.changed = true
	}
	return nil
}

// codeOf is spec.code, or empty.
func codeOf(node *yaml.RNode) string {
	if code, err := node.Pipe(yaml.Lookup("spec", "code")); err == nil && code != nil {
		return code.YNode().Value
	}
	return ""
}
