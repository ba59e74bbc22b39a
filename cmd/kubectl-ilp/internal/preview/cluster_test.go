package preview

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// What others wrote on an object that kubectl apply has made stays, above all
// what the operator wrote down of its data.
func TestApplyPatch(t *testing.T) {
	live := func(last string) string {
		return `
apiVersion: v1
kind: Namespace
metadata:
  name: ilp-6105
  labels: {ilp.health/district: "61.05"}
  annotations:
    of: a-person
    data.ilp.health/district: "{}"
    kubectl.kubernetes.io/last-applied-configuration: '` + last + "'\n"
	}
	const (
		without = `{"apiVersion":"v1","kind":"Namespace","metadata":{"annotations":{},"labels":{"ilp.health/district":"61.05"},"name":"ilp-6105"}}`
		with    = `{"apiVersion":"v1","kind":"Namespace","metadata":{"annotations":{"of":"a-person"},"labels":{"ilp.health/district":"61.05"},"name":"ilp-6105"}}`
	)
	for name, test := range map[string]struct{ live, file, patch string }{
		"a file without annotations":              {live(without), `{apiVersion: v1, kind: Namespace, metadata: {name: ilp-6105, labels: {ilp.health/district: "61.05"}}}`, `{}`},
		"a file that has lost its one annotation": {live(with), `{apiVersion: v1, kind: Namespace, metadata: {name: ilp-6105, labels: {ilp.health/district: "61.05"}}}`, `{"metadata":{"annotations":{"of":null}}}`},
		"a file with another annotation":          {live(with), `{apiVersion: v1, kind: Namespace, metadata: {name: ilp-6105, labels: {ilp.health/district: "61.05"}, annotations: {of: a-team}}}`, `{"metadata":{"annotations":{"of":"a-team"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			patch, err := applyPatch(parse(t, test.live), parse(t, test.file))
			if err != nil || string(patch) != test.patch {
				t.Errorf("patch %s, error %v, want %s", patch, err, test.patch)
			}
		})
	}
}

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}
