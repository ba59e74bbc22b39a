package manifest

import (
	"fmt"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	k8syaml "sigs.k8s.io/yaml"
)

// build adds what kubectl apply -k would send.
func (s *Set) build(folder string) {
	file := kustomization(folder)
	disk := withOrigins{FileSystem: filesys.MakeFsOnDisk(), file: file}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, folder)
	if err != nil {
		s.Problems = append(s.Problems, Problem{File: file, Message: err.Error()})
		return
	}
	for _, built := range resources.Resources() {
		object, err := objectOf(built, folder, file)
		if err != nil {
			s.Problems = append(s.Problems, Problem{File: file, Message: err.Error()})
			continue
		}
		s.Objects = append(s.Objects, object)
	}
}

// objectOf takes an object that was built, and where it was written. One that
// was generated is the kustomization's.
func objectOf(built *resource.Resource, folder, file string) (Object, error) {
	origin, err := built.GetOrigin()
	if err != nil {
		return Object{}, err
	}
	if origin != nil && origin.Path != "" && origin.Repo == "" {
		file = filepath.Join(folder, origin.Path)
	}
	if err := built.SetOrigin(nil); err != nil {
		return Object{}, err
	}
	content, err := built.MarshalJSON()
	if err != nil {
		return Object{}, err
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(content); err != nil {
		return Object{}, err
	}
	return Object{object, file}, nil
}

// withOrigins lets kustomize note the file of each object, whether or not the
// kustomization asks for that.
type withOrigins struct {
	filesys.FileSystem
	// file is the kustomization that is built.
	file string
}

func (w withOrigins) ReadFile(path string) ([]byte, error) {
	content, err := w.FileSystem.ReadFile(path)
	if err != nil || !w.same(path) {
		return content, err
	}
	var kustomization map[string]any
	if err := k8syaml.Unmarshal(content, &kustomization); err != nil || kustomization == nil {
		return content, nil //nolint:nilerr // kustomize reads it next and says what is wrong
	}
	metadata, _ := kustomization["buildMetadata"].([]any)
	if !slices.Contains(metadata, any(types.OriginAnnotations)) {
		kustomization["buildMetadata"] = append(metadata, types.OriginAnnotations)
	}
	content, err = k8syaml.Marshal(kustomization)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return content, nil
}

func (w withOrigins) same(path string) bool {
	wanted, file, err := w.CleanedAbs(w.file)
	if err != nil {
		return false
	}
	return path == filepath.Join(wanted.String(), file)
}
