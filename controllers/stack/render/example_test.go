package render

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"ilp.health/operator/config"
)

// componentPaths lists every component of the embedded stack.
func componentPaths(t testing.TB) []string {
	t.Helper()
	var paths []string
	err := fs.WalkDir(config.Stack(), ".", func(name string, _ fs.DirEntry, err error) error {
		if path.Base(name) == kustomizationFile {
			paths = append(paths, path.Dir(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatal("the embedded stack has no components")
	}
	return paths
}

// exampleOf returns what a component's folder gives as its own example.
func exampleOf(t testing.TB, dir string) (Instance, Component) {
	t.Helper()
	f, err := readFolder(config.Stack(), dir)
	if err != nil {
		t.Fatalf("component %s: %v", dir, err)
	}
	in := Instance{Namespace: f.kustomization.Namespace, NamePrefix: f.kustomization.NamePrefix, Labels: map[string]string{}}
	for key, value := range f.kustomization.Labels[0].Pairs {
		if strings.HasPrefix(key, "ilp.health/") {
			in.Labels[key] = value
		}
	}
	c := Component{Path: dir}
	if content, ok := f.files[valuesFile]; ok {
		var configMap struct {
			Data map[string]string `json:"data"`
		}
		if err := yaml.Unmarshal(content, &configMap); err != nil {
			t.Fatalf("component %s: %v", dir, err)
		}
		c.Values = configMap.Data
	}
	return in, c
}
