package preview

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	if text == "" {
		return nil
	}
	out := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte("apiVersion: v1\n"+text), &out.Object); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCompare(t *testing.T) {
	for name, test := range map[string]struct {
		before, after string
		action        action
		fields        []string
	}{
		"new":  {"", "kind: A\nspec: {a: 1}", created, nil},
		"gone": {"kind: A\nspec: {a: 1}", "", deleted, nil},
		"what the API server keeps for itself": {
			"kind: A\nmetadata: {uid: a, resourceVersion: '1', generation: 1, annotations: {ilp.health/digest: a}}\nstatus: {a: 1}",
			"kind: A\nmetadata: {uid: b, resourceVersion: '2', generation: 2}\nstatus: {a: 2}", unchanged, nil,
		},
		"a value":            {"kind: A\nspec: {a: {b: 1, c: 2}}", "kind: A\nspec: {a: {b: 3, c: 2}}", changed, []string{"spec.a.b"}},
		"in a list":          {"kind: A\nspec: [{a: 1}, {b: 1}]", "kind: A\nspec: [{a: 1}, {b: 2}]", changed, []string{"spec[1].b"}},
		"a longer list":      {"kind: A\nspec: [1]", "kind: A\nspec: [1, 2]", changed, []string{"spec"}},
		"a first list":       {"kind: A", "kind: A\nspec: [1]", changed, []string{"spec"}},
		"a branch that came": {"kind: A", "kind: A\nspec: {a: {b: 1}}", changed, []string{"spec.a.b"}},
		"a branch that went": {"kind: A\nspec: {a: {b: 1}, c: 1}", "kind: A", changed, []string{"spec.a.b", "spec.c"}},
		"an empty branch":    {"kind: A", "kind: A\nspec: {}", changed, []string{"spec"}},
		"another type":       {"kind: A\nspec: 1", "kind: A\nspec: {a: 1}", changed, []string{"spec"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := compare(byFiles, object(t, test.before), object(t, test.after))
			if err != nil || got.Action != test.action || !slices.Equal(got.Fields, test.fields) {
				t.Errorf("%s at %v (%v), want %s at %v", got.Action, got.Fields, err, test.action, test.fields)
			}
			if same := got.before == got.after; same != (test.action == unchanged) {
				t.Errorf("the text is\n%s\n%s", got.before, got.after)
			}
		})
	}
}

// TestMask prints which values of a Secret differ, and none of them.
func TestMask(t *testing.T) {
	const annotation = "metadata: {name: a, annotations: {kubectl.kubernetes.io/last-applied-configuration: secret-a}}\n"
	was := object(t, "kind: Secret\n"+annotation+"data: {same: secret-s, other: secret-a, gone: secret-g}\nstringData: {x: secret-x}")
	now := object(t, "kind: Secret\nmetadata: {name: a}\ndata: {same: secret-s, other: secret-b, come: secret-c}")
	for name, pair := range map[string][2]*unstructured.Unstructured{"both": {was, now}, "created": {nil, now}, "deleted": {was, nil}, "unchanged": {was, was}} {
		got, err := compare(byFiles, pair[0], pair[1])
		if err != nil || strings.Contains(got.before+got.after, "secret-") {
			t.Errorf("%s: %v, and prints\n%s\n%s", name, err, got.before, got.after)
		}
		if name == "both" {
			if want := []string{"data.come", "data.gone", "data.other", "stringData.x"}; !slices.Equal(got.Fields, want) {
				t.Errorf("the fields are %v, want %v", got.Fields, want)
			}
			if !strings.Contains(got.after, "come: '***'\n  other: '*** (after)'\n  same: '***'\n") {
				t.Errorf("it prints %s", got.after)
			}
		}
	}
	if was.Object["data"].(map[string]any)["same"] != "secret-s" {
		t.Error("the object itself was changed")
	}
}
