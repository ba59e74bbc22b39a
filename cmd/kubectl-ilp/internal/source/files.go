package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"

	"ilp.health/operator/api/v1alpha1"
)

var extensions = []string{".yaml", ".yml", ".json"}

// files gathers what the plugin knows from documents.
type files struct {
	waves     []v1alpha1.Wave
	districts []v1alpha1.District
	releases  []v1alpha1.StackRelease
	// seen has the place of each object, by kind and name.
	seen map[string]string
}

// FromFiles reads a snapshot from YAML and JSON files, from folders with all
// that is below them, and from in for "-". Documents of other kinds are ignored.
func FromFiles(paths []string, in io.Reader, wave string) (*Snapshot, error) {
	f := &files{seen: map[string]string{}}
	for _, path := range paths {
		if err := f.add(path, in); err != nil {
			return nil, err
		}
	}
	found, err := find(f.waves, wave)
	if err != nil {
		return nil, err
	}
	return &Snapshot{Wave: *found, Districts: f.districts, Releases: f.releases}, nil
}

func (f *files) add(path string, in io.Reader) error {
	if path == "-" {
		return f.read("standard input", in)
	}
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() || (name != path && !slices.Contains(extensions, filepath.Ext(name))):
			return nil
		}
		file, err := os.Open(name) //nolint:gosec // the user named it
		if err != nil {
			return err
		}
		return errors.Join(f.read(name, file), file.Close())
	})
}

// read takes the documents of one file.
func (f *files) read(place string, in io.Reader) error {
	decoder := utilyaml.NewYAMLOrJSONDecoder(in, 4096)
	for {
		var document runtime.RawExtension
		switch err := decoder.Decode(&document); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", place, err)
		}
		if err := f.take(place, document.Raw); err != nil {
			return err
		}
	}
}

// take keeps one document if its kind is one that a plan is made from.
func (f *files) take(place string, raw []byte) error {
	var head struct {
		metav1.TypeMeta `json:",inline"`
		Items           []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil //nolint:nilerr // no object, such as a list of patches
	}
	if head.Kind == "List" && head.APIVersion == "v1" {
		for _, item := range head.Items {
			if err := f.take(place, item); err != nil {
				return err
			}
		}
		return nil
	}
	if head.APIVersion != v1alpha1.GroupVersion.String() {
		return nil
	}
	switch head.Kind {
	case "Wave":
		return keep(f, &f.waves, place, raw)
	case "District":
		return keep(f, &f.districts, place, raw)
	case "StackRelease":
		return keep(f, &f.releases, place, raw)
	default:
		return nil
	}
}

// keep reads an object as strictly as an API server does.
func keep[T any, P interface {
	*T
	metav1.Object
	runtime.Object
}](f *files, list *[]T, place string, raw []byte) error {
	var object T
	strict, err := kjson.UnmarshalStrict(raw, &object)
	if err := errors.Join(append(strict, err)...); err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	kind, name := P(&object).GetObjectKind().GroupVersionKind().Kind, P(&object).GetName()
	if name == "" {
		return fmt.Errorf("%s: a %s has no metadata.name", place, kind)
	}
	key := kind + " " + name
	if other, again := f.seen[key]; again {
		return fmt.Errorf("%s: %s is already in %s: give each object once, or render the folder first (kubectl kustomize)", place, key, other)
	}
	f.seen[key] = place
	*list = append(*list, object)
	return nil
}
