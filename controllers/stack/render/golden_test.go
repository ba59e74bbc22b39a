package render

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/config"
)

var update = flag.Bool("update", false, "write the golden files")

const stackFolder = "../../../config/stack"

// TestGolden shows in a review what a change of a component does to its objects.
func TestGolden(t *testing.T) {
	renderer := New(config.Stack())
	unused := map[string]bool{}
	existing, err := filepath.Glob("testdata/golden/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range existing {
		unused[file] = true
	}
	for _, path := range componentPaths(t) {
		file := filepath.Join("testdata", "golden", strings.ReplaceAll(path, "/", "-")+".yaml")
		delete(unused, file)
		t.Run(path, func(t *testing.T) {
			in, c := exampleOf(t, path)
			objects, err := renderer.Render(in, []Component{c}, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := toYAML(t, objects)
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v: go test ./controllers/stack/render -run Golden -update writes it", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the objects changed; if that is wanted: go test ./controllers/stack/render -run Golden -update\n%s", diff)
			}
			plain := plainBuild(t, filepath.Join(stackFolder, path))
			if diff := cmp.Diff(string(toYAML(t, plain)), string(got)); diff != "" {
				t.Errorf("kubectl kustomize would show something else (-kustomize +operator):\n%s", diff)
			}
		})
	}
	for file := range unused {
		if *update {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s belongs to no component: remove it", file)
	}
}

// plainBuild is kustomize's own build of the folder on disk; only the names of
// Jobs are finished.
func plainBuild(t *testing.T, dir string) []*unstructured.Unstructured {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for _, resource := range resources.Resources() {
		object, err := toUnstructured(resource)
		if err != nil {
			t.Fatal(err)
		}
		if err := nameBySpec(object); err != nil {
			t.Fatalf("%s: %v", describe(object), err)
		}
		objects = append(objects, object)
	}
	return objects
}

func toYAML(t *testing.T, objects []*unstructured.Unstructured) []byte {
	t.Helper()
	var out bytes.Buffer
	for i, object := range objects {
		if i > 0 {
			out.WriteString("---\n")
		}
		content, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(content)
	}
	return out.Bytes()
}
