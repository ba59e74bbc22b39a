package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/test/scale/internal/template"
)

// graph is a definition for kro with its instances.
type graph struct {
	kind       string
	resource   schema.GroupVersionResource
	definition map[string]any
	instances  []map[string]any
}

func (g *graph) name() string { return g.resource.Resource }

func newGraph(kind, plural string, schemaOf map[string]any, resources []any) graph {
	gvr := schema.GroupVersionResource{Group: "kro.run", Version: "v1alpha1", Resource: plural}
	schemaOf["apiVersion"], schemaOf["kind"] = gvr.Version, kind
	return graph{kind: kind, resource: gvr, definition: map[string]any{
		"kind": "ResourceGraphDefinition", "metadata": map[string]any{"name": plural},
		"spec": map[string]any{"schema": schemaOf, "resources": resources},
	}}
}

// stacks are the objects of each district and of each facility, in an order in
// which those of one are beside those of the other.
type stacks struct {
	districts, facilities [][]any
	// districtOf is each facility's district.
	districtOf []int
}

func stacksOf(objects []applied) (stacks, error) {
	type facility struct{ namespace, code string }
	var s stacks
	districts, facilities := map[string]int{}, map[facility]int{}
	sorted := slices.SortedStableFunc(slices.Values(objects), func(a, b applied) int {
		return cmp.Or(cmp.Compare(a.Key.Resource, b.Key.Resource), cmp.Compare(a.Key.Name, b.Key.Name))
	})
	for _, object := range sorted {
		var content unstructured.Unstructured
		if err := json.Unmarshal(object.Body, &content.Object); err != nil {
			return s, err
		}
		if err := spellOut(content.Object); err != nil {
			return s, fmt.Errorf("%s: %w", object.Key, err)
		}
		district, code := content.GetLabels()[v1alpha1.LabelDistrict], content.GetLabels()[v1alpha1.LabelPuskesmas]
		if _, known := districts[district]; !known {
			districts[district] = len(s.districts)
			s.districts = append(s.districts, nil)
		}
		d := districts[district]
		if code == "" {
			s.districts[d] = append(s.districts[d], content.Object)
			continue
		}
		f := facility{object.Key.Namespace, code}
		if _, known := facilities[f]; !known {
			facilities[f] = len(s.facilities)
			s.facilities, s.districtOf = append(s.facilities, nil), append(s.districtOf, d)
		}
		s.facilities[facilities[f]] = append(s.facilities[facilities[f]], content.Object)
	}
	return s, nil
}

// spellOut gives a Secret's values as text: a string is no parameter for bytes.
func spellOut(object map[string]any) error {
	data, ok := object["data"].(map[string]any)
	if object["kind"] != "Secret" || !ok {
		return nil
	}
	text := map[string]any{}
	for name, value := range data {
		content, err := base64.StdEncoding.DecodeString(fmt.Sprint(value))
		if err != nil {
			return err
		}
		text[name] = string(content)
	}
	delete(object, "data")
	object["stringData"] = text
	return nil
}

// resourcesOf makes the resources of a graph from all that it is to make.
func resourcesOf(prefix string, p *template.Parameters, versions [][]any, further map[string]any) ([]any, error) {
	lists := make([]any, len(versions))
	for i := range versions {
		lists[i] = versions[i]
	}
	common, err := p.Generalize(lists)
	if err != nil {
		return nil, err
	}
	var out []any
	for n, object := range common.([]any) {
		resource := map[string]any{"id": fmt.Sprintf("%s%d", prefix, n+1), "template": object}
		maps.Copy(resource, further)
		out = append(out, resource)
	}
	return out, nil
}

// whole is one graph of a district with its facilities.
func (s stacks) whole() (graph, error) {
	p, f := template.Parameters{Of: "schema.spec"}, template.Parameters{Of: "facility"}
	resources, err := resourcesOf("d", &p, s.districts, nil)
	if err != nil {
		return graph{}, err
	}
	collections, err := resourcesOf("f", &f, s.facilities, map[string]any{"forEach": []any{map[string]any{"facility": "${schema.spec.facilities}"}}})
	if err != nil {
		return graph{}, err
	}
	spec := p.Schema()
	spec["facilities"] = "[]Facility"
	g := newGraph("BenchDistrict", "benchdistricts", map[string]any{"spec": spec, "types": map[string]any{"Facility": f.Schema()}}, append(resources, collections...))
	for d := range s.districts {
		instance := p.Values(d)
		var facilities []any
		for i, of := range s.districtOf {
			if of == d {
				facilities = append(facilities, f.Values(i))
			}
		}
		instance["facilities"] = facilities
		g.instances = append(g.instances, instance)
	}
	return g, nil
}

// apart are a graph of a district and one of a facility.
func (s stacks) apart() ([]graph, error) {
	var out []graph
	for _, part := range []struct {
		kind, plural string
		versions     [][]any
	}{{"BenchDistrict", "benchdistricts", s.districts}, {"BenchFacility", "benchfacilities", s.facilities}} {
		p := template.Parameters{Of: "schema.spec"}
		resources, err := resourcesOf("r", &p, part.versions, nil)
		if err != nil {
			return nil, err
		}
		g := newGraph(part.kind, part.plural, map[string]any{"spec": p.Schema()}, resources)
		for i := range part.versions {
			g.instances = append(g.instances, p.Values(i))
		}
		out = append(out, g)
	}
	return out, nil
}
