package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ilp.health/operator/api/v1alpha1"
)

// stackObjects are those of two districts with two facilities each.
func stackObjects(t *testing.T) []applied {
	t.Helper()
	var out []applied
	add := func(k key, district, code string, content map[string]any) {
		labels := map[string]any{v1alpha1.LabelDistrict: district}
		if code != "" {
			labels[v1alpha1.LabelPuskesmas] = code
		}
		content["metadata"] = map[string]any{"name": k.Name, "namespace": k.Namespace, "labels": labels}
		body, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, applied{Key: k, Body: body})
	}
	secrets := kinds[4]
	for d := range 2 {
		namespace := fmt.Sprintf("ilp-963%d", d)
		add(key{clusters, namespace, "database"}, namespace, "", map[string]any{"kind": "Cluster", "spec": map[string]any{"instances": 1}})
		for f := range 2 {
			name := fmt.Sprintf("contoh-%d", f+9)
			add(key{deployments, namespace, name}, namespace, name, map[string]any{"kind": "Deployment", "spec": map[string]any{"replicas": 1}})
			add(key{secrets, namespace, name}, namespace, name, map[string]any{"kind": "Secret", "data": map[string]any{"password": "cmFoYXNpYQ=="}})
		}
	}
	return out
}

func TestKroPerDistrict(t *testing.T) {
	s, err := stacksOf(stackObjects(t))
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.whole()
	if err != nil {
		t.Fatal(err)
	}
	if len(g.instances) != 2 {
		t.Fatalf("%d instances for two districts", len(g.instances))
	}
	for d, instance := range g.instances {
		facilities := instance["facilities"].([]any)
		if len(facilities) != 2 {
			t.Fatalf("district %d has %d facilities", d, len(facilities))
		}
		if cmp.Equal(facilities[0], facilities[1]) {
			t.Errorf("two facilities are the same: %v", facilities)
		}
	}
	resources := g.definition["spec"].(map[string]any)["resources"].([]any)
	var collections, secrets int
	for _, resource := range resources {
		r := resource.(map[string]any)
		if r["forEach"] != nil {
			collections++
		}
		if r["template"].(map[string]any)["stringData"] != nil {
			secrets++
		}
	}
	if len(resources) != 3 || collections != 2 || secrets != 1 {
		t.Errorf("%d resources, %d of them collections, %d Secrets in plain text: %v", len(resources), collections, secrets, resources)
	}
}

func TestKroPerPuskesmas(t *testing.T) {
	s, err := stacksOf(stackObjects(t))
	if err != nil {
		t.Fatal(err)
	}
	graphs, err := s.apart()
	if err != nil {
		t.Fatal(err)
	}
	if len(graphs) != 2 || len(graphs[0].instances) != 2 || len(graphs[1].instances) != 4 {
		t.Errorf("not a graph for two districts and one for four facilities: %v", graphs)
	}
}
