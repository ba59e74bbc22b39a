package render

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/api/v1alpha1"
)

// valuesFile holds the ConfigMap whose data are a component's values.
const valuesFile = "values.yaml"

// serviceFile holds the Service of a component that may be published.
const serviceFile = "service.yaml"

// kustomizationFile is the only name that components use for it.
var kustomizationFile = konfig.DefaultKustomizationFileName()

// errNoPrefix: the objects of such a folder exist once in a district.
var errNoPrefix = fmt.Errorf("the instance has a name prefix but %s has none", kustomizationFile)

// folder is a component's folder in memory.
type folder struct {
	files         map[string][]byte
	kustomization types.Kustomization
}

// readFolder reads a component and refuses what a component may not do.
func readFolder(stack fs.FS, dir string) (*folder, error) {
	f := &folder{files: map[string][]byte{}}
	sub, err := fs.Sub(stack, dir)
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(sub, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		f.files[name], err = fs.ReadFile(sub, name)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("config/stack has no such folder")
	}
	if err != nil {
		return nil, err
	}
	content, ok := f.files[kustomizationFile]
	if !ok {
		return nil, fmt.Errorf("the folder has no %s", kustomizationFile)
	}
	if err := f.kustomization.Unmarshal(content); err != nil {
		return nil, fmt.Errorf("%s: %w", kustomizationFile, err)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, nil
}

// check refuses references out of the folder, which kustomize would follow to
// Git servers, and plugins, which it would look for on disk.
func (f *folder) check() error {
	k := &f.kustomization
	for _, name := range slices.Concat(k.Resources, k.Configurations) {
		if _, ok := f.files[path.Clean(name)]; !ok {
			return fmt.Errorf("%s refers to %q, which is not a file of the folder: a component holds all its files", kustomizationFile, name)
		}
	}
	foreign := len(k.Components) + len(k.Crds) + len(k.HelmCharts) + len(k.HelmChartInflationGenerator) +
		len(k.Generators) + len(k.Transformers) + len(k.Validators) + len(k.OpenAPI)
	if foreign > 0 {
		return fmt.Errorf("%s may not use components, crds, helmCharts, generators, transformers, validators or openapi", kustomizationFile)
	}
	if len(k.Labels) != 1 {
		return fmt.Errorf("%s must have exactly one entry in labels, not %d", kustomizationFile, len(k.Labels))
	}
	return nil
}

// configure puts everything that one build needs into the folder.
func (f *folder) configure(in Instance, c *Component) error {
	k := &f.kustomization
	if in.NamePrefix != "" && k.NamePrefix == "" {
		return errNoPrefix
	}
	if err := f.setLabels(in.Labels); err != nil {
		return err
	}
	used, err := f.setValues(c.Values)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		if _, ok := f.files[name]; !ok {
			return fmt.Errorf("file %q is to be replaced but the folder has none of this name", name)
		}
		f.files[name] = []byte(c.Files[name])
	}
	patches := expand(c.Patches, c.Values, used)
	for _, key := range slices.Sorted(maps.Keys(c.Values)) {
		if !used[key] {
			return fmt.Errorf("value %q is given but neither %s asks for it nor does a patch refer to $(%s)", key, valuesFile, key)
		}
	}
	k.Namespace, k.NamePrefix = in.Namespace, in.NamePrefix
	k.Patches = append(k.Patches, patches...)
	f.files[kustomizationFile], err = yaml.Marshal(k)
	return err
}

// setLabels sets every label of the instance and refuses to let an example pass
// for the identity of a real district or facility.
func (f *folder) setLabels(labels map[string]string) error {
	pairs := f.kustomization.Labels[0].Pairs
	for _, key := range []string{v1alpha1.LabelDistrict, v1alpha1.LabelPuskesmas} {
		_, wanted := pairs[key]
		if _, given := labels[key]; wanted && !given {
			return fmt.Errorf("label %s is missing in the instance's labels", key)
		}
	}
	maps.Copy(pairs, labels)
	return nil
}

// values reads values.yaml and the data in it; both are nil without the file.
func (f *folder) values() (configMap, data map[string]any, err error) {
	content, ok := f.files[valuesFile]
	if !ok {
		return nil, nil, nil
	}
	if err := yaml.UnmarshalStrict(content, &configMap); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", valuesFile, err)
	}
	if data, ok = configMap["data"].(map[string]any); !ok {
		return nil, nil, fmt.Errorf("%s has no data", valuesFile)
	}
	return configMap, data, nil
}

// setValues replaces the data of values.yaml and returns its keys.
func (f *folder) setValues(values map[string]string) (used map[string]bool, err error) {
	used = map[string]bool{}
	configMap, data, err := f.values()
	if err != nil || configMap == nil {
		return used, err
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		value, ok := values[key]
		if !ok {
			return nil, fmt.Errorf("value %q is missing: %s asks for [%s]", key, valuesFile, keys(data))
		}
		data[key], used[key] = value, true
	}
	f.files[valuesFile], err = yaml.Marshal(configMap)
	return used, err
}

// write returns the folder as kustomize reads it.
func (f *folder) write() (filesys.FileSystem, error) {
	memory := filesys.MakeFsInMemory()
	for name, content := range f.files {
		if err := memory.WriteFile(path.Join("/", name), content); err != nil {
			return nil, err
		}
	}
	return memory, nil
}

// expand puts values where patches refer to them as $(key), and marks them as
// used. Other $(…), such as references between environment variables, stay.
func expand(patches []types.Patch, values map[string]string, used map[string]bool) []types.Patch {
	patches = slices.Clone(patches)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		reference := "$(" + key + ")"
		for i := range patches {
			used[key] = used[key] || strings.Contains(patches[i].Patch, reference)
			patches[i].Patch = strings.ReplaceAll(patches[i].Patch, reference, values[key])
		}
	}
	return patches
}

// keys lists the keys of a map for a message.
func keys[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}
