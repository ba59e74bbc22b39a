package cnpg

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/test/testenv"
)

var resources = map[string]string{
	"Cluster": "clusters", "Database": "databases", "DatabaseRole": "databaseroles", "ScheduledBackup": "scheduledbackups",
}

// TestEveryFieldIsJudged goes through the schemas of the CloudNativePG that this
// project builds. When it fails after an update, read in CloudNativePG's source
// what the field does, judge it, and have config/policy refuse what destroys.
func TestEveryFieldIsJudged(t *testing.T) {
	folder := testenv.CloudNativePG(t)
	for kind, resource := range resources {
		t.Run(kind, func(t *testing.T) {
			used := map[string]bool{}
			for path, enum := range leaves(t, filepath.Join(folder, "postgresql.cnpg.io_"+resource+".yaml")) {
				field, ok := judge(kind, path)
				if !ok {
					t.Errorf("nobody has judged what %s of %s can do to data", path, kind)
					continue
				}
				used[field.Path] = true
				if field.Path == path && field.Judgement == Destroys && len(enum) > 0 {
					if diff := cmp.Diff(slices.Sorted(slices.Values(field.Values)), enum); diff != "" {
						t.Errorf("%s of %s can have other values than were judged (-judged +schema):\n%s", path, kind, diff)
					}
				}
			}
			for _, field := range Fields(kind) {
				if !used[field.Path] {
					t.Errorf("%s of %s is judged and not in the schema", field.Path, kind)
				}
			}
		})
	}
}

// leaves are the paths of all fields of spec that have no fields of their own,
// with the values they may have.
func leaves(t *testing.T, file string) map[string][]string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(content, crd); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for i := range crd.Spec.Versions {
		walk(crd.Spec.Versions[i].Schema.OpenAPIV3Schema.Properties["spec"], "spec", out)
	}
	return out
}

func walk(schema apiextensionsv1.JSONSchemaProps, path string, out map[string][]string) {
	switch {
	case len(schema.Properties) > 0:
		for name, property := range schema.Properties {
			walk(property, path+"."+name, out)
		}
	case schema.Items != nil && schema.Items.Schema != nil && len(schema.Items.Schema.Properties) > 0:
		walk(*schema.Items.Schema, path+"[]", out)
	case schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil && len(schema.AdditionalProperties.Schema.Properties) > 0:
		walk(*schema.AdditionalProperties.Schema, path+"{}", out)
	default:
		var enum []string
		for _, value := range schema.Enum {
			enum = append(enum, strings.Trim(string(value.Raw), `"`))
		}
		slices.Sort(enum)
		out[path] = slices.Compact(enum)
	}
}

// TestEveryKeyIsJudged reads CloudNativePG's own list of labels and annotations.
func TestEveryKeyIsJudged(t *testing.T) {
	source := filepath.Join(testenv.CloudNativePG(t), "../../../pkg/utils/labels_annotations.go")
	content, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, key := range regexp.MustCompile(`= (AlphaMetadataNamespace \+ "|MetadataNamespace \+ "|"cnpg\.io)(/[\w-]+)"`).FindAllStringSubmatch(string(content), -1) {
		prefix := "cnpg.io"
		if strings.HasPrefix(key[1], "Alpha") {
			prefix = "alpha.cnpg.io"
		}
		known[prefix+key[2]] = true
	}
	if len(known) < 50 {
		t.Fatalf("found only %d keys in %s: has it another form now?", len(known), source)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(Metadata)), slices.Sorted(maps.Keys(known))); diff != "" {
		t.Errorf("labels and annotations (-judged +CloudNativePG):\n%s", diff)
	}
}

// TestDestroysIsComplete makes sure that what destroys has an example that the
// policies are tried with.
func TestDestroysIsComplete(t *testing.T) {
	for kind := range resources {
		for _, field := range Fields(kind) {
			if field.Judgement == Destroys && field.Refused == "" {
				t.Errorf("%s of %s destroys, and no example is given", field.Path, kind)
			}
			if field.Why == "" {
				t.Errorf("%s of %s is judged without a reason", field.Path, kind)
			}
		}
	}
}

// TestRendered makes sure that the stack says the harmless value wherever there is one.
func TestRendered(t *testing.T) {
	files, err := filepath.Glob("../render/testdata/golden/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split(string(content), "---\n") {
			var object map[string]any
			if err := yaml.Unmarshal([]byte(document), &object); err != nil {
				t.Fatal(err)
			}
			kind, _ := object["kind"].(string)
			for _, field := range Fields(kind) {
				var want map[string]any
				if err := yaml.Unmarshal([]byte(field.Rendered), &want); err != nil {
					t.Fatal(err)
				}
				seen[kind] = true
				if missing := lacks(object, want); missing != "" {
					t.Errorf("%s: %s does not say %s", file, kind, missing)
				}
			}
		}
	}
	if !seen["Cluster"] || !seen["Database"] || !seen["DatabaseRole"] {
		t.Errorf("only these were looked at: %v", seen)
	}
}

// lacks names the first field of want that an object has not, or has otherwise.
func lacks(object, want map[string]any) string {
	for key, value := range want {
		inner, isMap := value.(map[string]any)
		has, there := object[key]
		switch child, _ := has.(map[string]any); {
		case isMap:
			if missing := lacks(child, inner); missing != "" {
				return key + "." + missing
			}
		case !there || !cmp.Equal(has, value):
			return key
		}
	}
	return ""
}
