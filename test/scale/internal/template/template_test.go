package template_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ilp.health/operator/test/scale/internal/template"
)

type object = map[string]any

func TestGeneralize(t *testing.T) {
	p := template.Parameters{Of: "schema.spec"}
	got, err := p.Generalize([]any{
		object{"kind": "Service", "name": "a", "labels": object{"of": "a", "by": "all"}, "ports": []any{int64(1)}, "run": "echo ${HOME}"},
		object{"kind": "Service", "name": "b", "labels": object{"of": "b", "by": "all"}, "ports": []any{int64(2)}, "run": "echo ${HOME}"},
	})
	if err != nil {
		t.Fatal(err)
	}
	// Fields have no order, so the names of parameters are told by their values.
	byValue := map[any]string{}
	for name, value := range p.Values(0) {
		byValue[value] = "${schema.spec." + name + "}"
	}
	want := object{
		"kind": "Service", "name": byValue["a"], "labels": object{"of": byValue["a"], "by": "all"},
		"ports": []any{byValue[int64(1)]}, "run": byValue["echo ${HOME}"],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(p.Schema()) != 3 {
		t.Errorf("the same difference needs one parameter: %v", p.Schema())
	}
	for name, kind := range p.Schema() {
		value := p.Values(1)[name]
		if _, number := value.(int64); (kind == "integer") != number {
			t.Errorf("%s is %v and called %s", name, value, kind)
		}
	}
}

func TestDocumentsOfOtherShapes(t *testing.T) {
	for _, test := range []struct {
		versions []any
		want     string
	}{
		{[]any{object{"a": "x"}, object{"a": "x", "b": "y"}}, "other fields"},
		{[]any{object{"a": "x"}, object{"b": "x"}}, "no field a"},
		{[]any{object{"a": []any{"x"}}, object{"a": []any{"x", "y"}}}, "a: version 1 has not as many elements"},
		{[]any{"x", int64(1)}, "one version has a string, another a integer"},
	} {
		var p template.Parameters
		if _, err := p.Generalize(test.versions); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v, want %q", test.versions, err, test.want)
		}
	}
}
