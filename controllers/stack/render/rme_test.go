package render

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/types"

	"ilp.health/operator/config"
)

// TestRMEsTakeSuppliedSecrets patches each RME as the operator does for
// SATUSEHAT: Secrets of the facility get its prefix, those of people keep their names.
func TestRMEsTakeSuppliedSecrets(t *testing.T) {
	profiles, err := fs.ReadDir(config.Stack(), "rme")
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range profiles {
		t.Run(profile.Name(), func(t *testing.T) {
			in, c := exampleOf(t, path.Join("rme", profile.Name()))
			in.NamePrefix = "sungai-durian-"
			maps.Copy(c.Values, map[string]string{"secret": "satusehat", "version": "7"})
			c.Patches = []types.Patch{{Target: selector("Deployment", ""), Patch: `
- {op: add, path: /spec/template/metadata/annotations, value: {ilp.health/satusehat-credentials: $(version)}}
- {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: SATUSEHAT_CLIENT_ID, valueFrom: {secretKeyRef: {name: $(secret), key: client_id}}}}`}}
			objects, err := embedded.Render(in, []Component{c}, nil)
			if err != nil {
				t.Fatal(err)
			}
			deployment := find(objects, "Deployment").Object
			containers, _, _ := unstructured.NestedSlice(deployment, "spec", "template", "spec", "containers")
			env, _, _ := unstructured.NestedSlice(containers[0].(map[string]any), "env")
			var secrets []string
			for _, v := range env {
				if name, ok, _ := unstructured.NestedString(v.(map[string]any), "valueFrom", "secretKeyRef", "name"); ok {
					secrets = append(secrets, name)
				}
			}
			if !slices.Contains(secrets, "satusehat") || !slices.Contains(secrets, "sungai-durian-database") {
				t.Errorf("the pods refer to %v; want satusehat and sungai-durian-database among them", secrets)
			}
		})
	}
}
