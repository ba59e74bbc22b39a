package puskesmas

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"ilp.health/operator/config"
)

// A lost inventory is recalled by names, since Secrets are never listed: every
// Secret that a facility's components generate must be among them.
func TestSecretNames(t *testing.T) {
	generated := map[string]bool{}
	for _, component := range []string{"facility-database", "schema", "rme"} {
		err := fs.WalkDir(config.Stack(), component, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".yaml") {
				return err
			}
			content, err := fs.ReadFile(config.Stack(), path)
			if err != nil {
				return err
			}
			for document := range strings.SplitSeq(string(content), "\n---\n") {
				var object struct {
					Kind     string
					Metadata struct {
						Name        string
						Annotations map[string]string
					}
				}
				if err := yaml.Unmarshal([]byte(document), &object); err != nil {
					return err
				}
				if object.Kind == "Secret" && object.Metadata.Annotations["ilp.health/generate"] != "" {
					generated[object.Metadata.Name] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := slices.Sorted(maps.Keys(generated)); !slices.Equal(got, secretNames) {
		t.Errorf("components generate the Secrets %v; secretNames has %v", got, secretNames)
	}
}
