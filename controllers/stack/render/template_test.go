package render

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/types"

	"ilp.health/operator/config"
)

// TestTemplateEqualsBuild is the proof of the rule that makes rendering fast:
// filling a template gives what kustomize gives for the same strings.
func TestTemplateEqualsBuild(t *testing.T) {
	const rounds = 12
	for _, path := range componentPaths(t) {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			renderer := New(config.Stack())
			random := rand.New(rand.NewPCG(6105, 1))
			for range rounds {
				in, c := exampleOf(t, path)
				randomise(random, &in, &c)
				compare(t, renderer, in, c)
			}
		})
	}
}

// TestTemplateEqualsBuildWithPatches does so with patches of the operator,
// which put values where values.yaml puts none: into keys and new objects.
func TestTemplateEqualsBuildWithPatches(t *testing.T) {
	in, c := exampleOf(t, "rme/custom")
	c.Patches = []types.Patch{
		{Target: selector("Deployment", "rme"), Patch: `
- {op: replace, path: /spec/replicas, value: 3}
- {op: replace, path: /spec/template/spec/containers/0/ports/0/containerPort, value: 8443}
- {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: PGHOST, value: $(DB_HOST)}}
- {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: CLIENT, valueFrom: {secretKeyRef: {name: $(satusehatSecret), key: client_id}}}}`},
		{Patch: `{apiVersion: apps/v1, kind: Deployment, metadata: {name: rme}, spec: {template: {metadata: {annotations: {note/$(note): $(note)}}, spec: {nodeSelector: {zone: $(zone)}}}}}`},
	}
	renderer := New(config.Stack())
	random := rand.New(rand.NewPCG(6105, 2))
	for range 20 {
		maps.Copy(c.Values, map[string]string{"satusehatSecret": "", "note": "", "zone": ""})
		randomise(random, &in, &c)
		compare(t, renderer, in, c)
	}
	if n := renderer.templates.Len(); n != 1 {
		t.Errorf("20 facilities needed %d templates: their values must not be part of them", n)
	}
}

func compare(t *testing.T, renderer *Renderer, in Instance, c Component) {
	t.Helper()
	got, err := renderer.Render(in, []Component{c}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := readFolder(renderer.stack, c.Path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := f.build(in, &c)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range want {
		if err := nameBySpec(object); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("with %q and %q the template differs from the build (-build +template):\n%s", in, c.Values, diff)
	}
}

func selector(kind, name string) *types.Selector {
	s := &types.Selector{}
	s.Kind, s.Name = kind, name
	return s
}

// randomise gives every string of an example another value.
func randomise(random *rand.Rand, in *Instance, c *Component) {
	name := func(n int) string {
		b := make([]byte, 1+random.IntN(n))
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[random.IntN(36)]
		}
		return string(b)
	}
	in.Namespace = name(20)
	if in.NamePrefix != "" {
		in.NamePrefix = name(20) + "-"
	}
	for _, key := range slices.Sorted(maps.Keys(in.Labels)) {
		in.Labels[key] = name(20)
	}
	// Strings that YAML likes to take for something else, and plain ones.
	odd := []string{
		"true", "null", "~", "61.05", "1e3", "0x1F", "010", "2026-11-21", "yes", "- a", "a: b", "{}", "#", "'", `"`, "\\", "&a", "*a", "!t", "%", "@",
		"Puskesmas Sungai Durian", "Wamena Kota – Jayawijaya", "100Gi", "1.5", "registry.example.go.id:5000/ilp/gnuhealth:5.0.6", "$(DB_HOST)", "x\ny",
	}
	for _, key := range slices.Sorted(maps.Keys(c.Values)) {
		inPatch := slices.ContainsFunc(c.Patches, func(p types.Patch) bool { return strings.Contains(p.Patch, "$("+key+")") })
		// Values are strings whatever they look like; in a patch of a build of their
		// own they would be YAML, so that only plain ones compare.
		if c.Values[key] = "p" + name(30); !inPatch && random.IntN(2) == 0 {
			c.Values[key] = odd[random.IntN(len(odd))]
		}
	}
}

func TestRenderBuildsOnce(t *testing.T) {
	in, c := exampleOf(t, "facility-database/cloudnative-pg")
	opened := &countingFS{FS: config.Stack(), opened: map[string]int{}}
	renderer := New(opened)
	var group sync.WaitGroup
	for i := range 300 {
		group.Go(func() {
			mine, values := in, maps.Clone(c.Values)
			mine.NamePrefix = fmt.Sprintf("puskesmas%d-", i)
			if _, err := renderer.Render(mine, []Component{{Path: c.Path, Values: values}}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := opened.opened[c.Path+"/"+kustomizationFile]; n != 1 {
		t.Errorf("300 first renders at once built the template %d times", n)
	}
}

// TestTemplateSharesNothing changes all that a render returned.
func TestTemplateSharesNothing(t *testing.T) {
	in, c := exampleOf(t, "rme/custom")
	renderer := New(config.Stack())
	render := func() []*unstructured.Unstructured {
		objects, err := renderer.Render(in, []Component{c}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return objects
	}
	first := render()
	want := toYAML(t, first)
	for _, object := range first {
		spoil(object.Object)
	}
	if diff := cmp.Diff(string(want), string(toYAML(t, render()))); diff != "" {
		t.Errorf("a caller reached the template:\n%s", diff)
	}
}

func spoil(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			spoil(v[key])
			v[key] = "spoilt"
		}
	case []any:
		for i := range v {
			spoil(v[i])
			v[i] = "spoilt"
		}
	}
}

// TestMarkerInInput renders content that looks like a sentinel.
func TestMarkerInInput(t *testing.T) {
	in, c := exampleOf(t, "rme/custom")
	c.Patches = []types.Patch{{Target: selector("Deployment", "rme"), Patch: `- {op: add, path: /metadata/annotations, value: {note: ilp0q0x ilp1q0x}}`}}
	c.Values["facilityName"] = "ilp0q1x ilp2q1x"
	compare(t, New(config.Stack()), in, c)
}

func TestTemplatesAreBounded(t *testing.T) {
	in, c := exampleOf(t, "exposure/ingress")
	renderer := New(mapFS(t, c.Path))
	for i := range templateCacheSize + 8 {
		c.Patches = []types.Patch{{Target: selector("Ingress", "web"), Patch: fmt.Sprintf(`- {op: add, path: /spec/ingressClassName, value: c%d}`, i)}}
		if _, err := renderer.Render(in, []Component{c}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := renderer.templates.Len(); n != templateCacheSize {
		t.Errorf("%d templates are kept, want %d", n, templateCacheSize)
	}
}
