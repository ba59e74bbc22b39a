package render

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/config"
)

var embedded = New(config.Stack())

// facility renders the objects of one Puskesmas with patches.
func facility(t testing.TB, patches ...v1alpha1.Patch) ([]*unstructured.Unstructured, error) {
	t.Helper()
	var components []Component
	var in Instance
	for _, path := range []string{"facility-database/cloudnative-pg", "schema/custom", "rme/custom"} {
		var c Component
		in, c = exampleOf(t, path)
		components = append(components, c)
	}
	return embedded.Render(in, components, patches)
}

func find(objects []*unstructured.Unstructured, kind string) *unstructured.Unstructured {
	i := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == kind })
	if i < 0 {
		return nil
	}
	return objects[i]
}

var rmeDeployment = v1alpha1.PatchTarget{Kind: "Deployment", Name: "tebidah-rme"}

func TestPatches(t *testing.T) {
	objects, err := facility(t,
		v1alpha1.Patch{Target: rmeDeployment, Patch: "spec:\n  template:\n    spec:\n      containers:\n      - name: rme\n        env:\n        - {name: FEATURE_LAB, value: \"on\"}\n"},
		v1alpha1.Patch{Target: v1alpha1.PatchTarget{Kind: "Deployment", Name: ".*-rme"}, Patch: `[{op: replace, path: /spec/replicas, value: 2}]`},
		v1alpha1.Patch{Patch: "# Two documents that name their objects themselves.\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: tebidah-rme\n  annotations: {note: a}\n---\nkind: Job\nmetadata:\n  name: tebidah-schema\n  annotations: {note: b}\n"},
		v1alpha1.Patch{Target: v1alpha1.PatchTarget{Group: "apps", LabelSelector: "app.kubernetes.io/component=rme"}, Patch: `metadata: {labels: {cost-centre: a7}}`},
		// A later patch takes back what an earlier one has added.
		v1alpha1.Patch{Target: rmeDeployment, Patch: `metadata: {labels: {cost-centre: null}}`},
	)
	if err != nil {
		t.Fatal(err)
	}
	deployment := find(objects, "Deployment").Object
	if replicas, _, _ := unstructured.NestedInt64(deployment, "spec", "replicas"); replicas != 2 {
		t.Errorf("replicas is %d", replicas)
	}
	containers, _, _ := unstructured.NestedSlice(deployment, "spec", "template", "spec", "containers")
	env, _, _ := unstructured.NestedSlice(containers[0].(map[string]any), "env")
	feature := slices.IndexFunc(env, func(v any) bool { return v.(map[string]any)["name"] == "FEATURE_LAB" })
	if len(containers) != 1 || len(env) != 12 || feature < 0 {
		t.Errorf("%d containers, variables %v: lists were not merged by name", len(containers), env)
	}
	if note := find(objects, "Deployment").GetAnnotations()["note"]; note != "a" {
		t.Errorf("the Deployment's note is %q", note)
	}
	if note := find(objects, "Job").GetAnnotations()["note"]; note != "b" {
		t.Errorf("the Job's note is %q", note)
	}
	if centre, found := find(objects, "Deployment").GetLabels()["cost-centre"]; found {
		t.Errorf("the label is still %q", centre)
	}
}

// TestPatchLeavesTheRest applies a patch that changes nothing.
func TestPatchLeavesTheRest(t *testing.T) {
	want, err := facility(t)
	if err != nil {
		t.Fatal(err)
	}
	got, err := facility(t, v1alpha1.Patch{Target: v1alpha1.PatchTarget{Name: ".*"}, Patch: `metadata: {labels: {ilp.health/puskesmas: tebidah}}`})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPatchRenamesJob(t *testing.T) {
	want, _ := facility(t)
	got, err := facility(t, v1alpha1.Patch{Target: v1alpha1.PatchTarget{Kind: "Job", Name: "tebidah-schema"}, Patch: `[{op: add, path: /spec/template/spec/containers/0/resources/limits/memory, value: 2Gi}]`})
	if err != nil {
		t.Fatal(err)
	}
	if find(want, "Job").GetName() == find(got, "Job").GetName() {
		t.Error("a Job of another spec kept its name")
	}
}

func TestPatchErrors(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for _, i := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		before := string(i[0] - 1)
		bomb += "a" + i + ": &a" + i + " [" + strings.Repeat("*a"+before+",", 9) + "*a" + before + "]\n"
	}
	doubling := `[{"op":"add","path":"/spec/x","value":{"text":"` + strings.Repeat("x", 1000) + `"}}`
	for i := range 200 {
		doubling += fmt.Sprintf(`,{"op":"copy","from":"/spec/x","path":"/spec/x/%d"}`, i)
	}
	doubling += "]"
	tests := map[string]struct {
		patch v1alpha1.Patch
		want  string
	}{
		"matches nothing": {
			v1alpha1.Patch{Target: v1alpha1.PatchTarget{Kind: "Deployment", Name: "rme"}, Patch: `spec: {replicas: 2}`},
			"spec.patches[1] (Deployment/rme): the target matches nothing; there are Database/tebidah-database, DatabaseRole/tebidah-database, Deployment/tebidah-rme, ",
		},
		"no target, JSON 6902": {v1alpha1.Patch{Patch: `[{op: remove, path: /spec/replicas}]`}, "spec.patches[1]: a list of JSON 6902 operations needs a target"},
		"no target, no name":   {v1alpha1.Patch{Patch: `spec: {replicas: 2}`}, "spec.patches[1]: the patch has neither a target nor kind and metadata.name"},
		"not YAML":             {v1alpha1.Patch{Target: rmeDeployment, Patch: "spec: {"}, "spec.patches[1] (Deployment/tebidah-rme): the patch is not YAML"},
		"duplicate keys":       {v1alpha1.Patch{Target: rmeDeployment, Patch: "spec: {}\nspec: {}"}, "already set in map"},
		"aliases without end":  {v1alpha1.Patch{Target: rmeDeployment, Patch: bomb}, "excessive aliasing"},
		"copies without end":   {v1alpha1.Patch{Target: rmeDeployment, Patch: doubling}, "accumulated size increase of copy"},
		"empty":                {v1alpha1.Patch{Target: rmeDeployment, Patch: "# nothing"}, "the patch is empty"},
		"no operations":        {v1alpha1.Patch{Target: rmeDeployment, Patch: "[]"}, "the patch has no operations"},
		"a scalar":             {v1alpha1.Patch{Target: rmeDeployment, Patch: "replicas"}, `the patch is "replicas": write a strategic merge patch (an object) or JSON 6902 operations (a list)`},
		"wrong path":           {v1alpha1.Patch{Target: rmeDeployment, Patch: `[{op: remove, path: /spec/no}]`}, "on Deployment/tebidah-rme: error in remove for path: '/spec/no'"},
		"bad expression":       {v1alpha1.Patch{Target: v1alpha1.PatchTarget{Name: "("}, Patch: `{}`}, "target.name is not a regular expression"},
		"bad selector":         {v1alpha1.Patch{Target: v1alpha1.PatchTarget{LabelSelector: "a in"}, Patch: `{}`}, "target.labelSelector is not a selector"},
		"another kind":         {v1alpha1.Patch{Target: rmeDeployment, Patch: `kind: StatefulSet`}, "kind is StatefulSet but the object's is Deployment"},
		"another name":         {v1alpha1.Patch{Target: rmeDeployment, Patch: `metadata: {name: rme}`}, `metadata.name is rme but the object's is tebidah-rme`},
		"renamed":              {v1alpha1.Patch{Target: rmeDeployment, Patch: `[{op: replace, path: /metadata/name, value: x}]`}, `it changes metadata.name of Deployment/tebidah-rme: leave it at "tebidah-rme"`},
		"name not a string":    {v1alpha1.Patch{Target: rmeDeployment, Patch: `[{op: replace, path: /metadata/name, value: {}}]`}, `it changes metadata.name of Deployment/tebidah-rme`},
		"moved":                {v1alpha1.Patch{Target: rmeDeployment, Patch: `[{op: replace, path: /metadata/namespace, value: ilp-6104}]`}, `it changes metadata.namespace of Deployment/tebidah-rme: leave it at "ilp-6105"`},
		"moved by merge":       {v1alpha1.Patch{Target: rmeDeployment, Patch: `metadata: {namespace: ilp-6104}`}, `metadata.namespace is ilp-6104 but the object's is ilp-6105`},
		"label removed":        {v1alpha1.Patch{Target: rmeDeployment, Patch: `metadata: {labels: null}`}, "it changes the label app.kubernetes.io/managed-by of Deployment/tebidah-rme"},
		"label changed":        {v1alpha1.Patch{Target: rmeDeployment, Patch: `metadata: {labels: {ilp.health/district: "61.04"}}`}, `it changes the label ilp.health/district of Deployment/tebidah-rme: leave it at "61.05"`},
		"data unprotected":     {v1alpha1.Patch{Target: v1alpha1.PatchTarget{Kind: "Database"}, Patch: `metadata: {labels: {ilp.health/stateful: null}}`}, "it changes the label ilp.health/stateful of Database/tebidah-database"},
		"data deleted":         {v1alpha1.Patch{Target: v1alpha1.PatchTarget{Kind: "Database"}, Patch: `$patch: delete`}, "it deletes Database/tebidah-database, which no patch may"},
		"nothing left":         {v1alpha1.Patch{Target: rmeDeployment, Patch: `[{op: replace, path: "", value: null}]`}, "it changes apiVersion of Deployment/tebidah-rme"},
	}
	good := v1alpha1.Patch{Target: rmeDeployment, Patch: `spec: {replicas: 1}`}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := facility(t, good, test.patch)
			var patchError *PatchError
			if !errors.As(err, &patchError) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want a PatchError with %q", err, test.want)
			}
			if patchError.Index != 1 {
				t.Errorf("the index is %d", patchError.Index)
			}
		})
	}
}

// FuzzPatches feeds patches that people might write and worse.
func FuzzPatches(f *testing.F) {
	for _, seed := range []string{
		`spec: {replicas: 2}`, `$patch: delete`, `$patch: replace`, `[{op: add, path: /spec/x, value: 1}]`, `- {op: test, path: /kind, value: Deployment}`,
		"spec:\n  template:\n    spec:\n      containers:\n      - $patch: delete\n        name: rme\n", `spec: {template: null}`, "kind: Service\nmetadata: {name: tebidah-rme}\nspec: {ports: [{port: 1}]}",
		`spec: {template: {spec: {containers: [{name: rme, $retainKeys: [name]}], $setElementOrder/containers: [{name: rme}]}}}`, `{metadata: {annotations: {a: "\u0007"}}}`,
		`spec: {template: {spec: {containers: x}}}`, `spec: {template: {spec: {containers: [x, [y], {}]}}}`, `[{op: copy, from: "", path: /spec/x}]`, `metadata: []`, `? [a]`, "---\n---\n", `!!binary x`,
	} {
		f.Add(seed, "Deployment", "")
		f.Add(seed, "", "tebidah-rme")
	}
	objects, err := facility(f)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, patch, kind, name string) {
		defer time.AfterFunc(8*time.Second, func() { panic("a patch takes too long") }).Stop()
		input := make([]*unstructured.Unstructured, len(objects))
		for i := range objects {
			input[i] = objects[i].DeepCopy()
		}
		patched, err := applyPatches(input, []v1alpha1.Patch{{Patch: patch, Target: v1alpha1.PatchTarget{Kind: kind, Name: name}}})
		if err != nil {
			if patchError := (*PatchError)(nil); !errors.As(err, &patchError) {
				t.Errorf("%T is not a PatchError: %v", err, err)
			}
			return
		}
		if err := outsideFence(objects, patched); err != nil {
			t.Error(err)
		}
	})
}
