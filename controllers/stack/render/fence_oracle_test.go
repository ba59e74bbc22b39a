package render

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// stacks are all objects of a facility and of a district, each as the folders
// give them, by the profile of the RME.
func stacks(t testing.TB) map[string][]*unstructured.Unstructured {
	t.Helper()
	facility := func(profile string, more ...string) []string {
		return append([]string{"facility-database/cloudnative-pg", "rme/" + profile, "isolation/satusehat-egress"}, more...)
	}
	rendered := map[string][]*unstructured.Unstructured{}
	for name, paths := range map[string][]string{
		"gnuhealth": facility("gnuhealth", "schema/gnuhealth", "exposure/ingress"),
		"custom":    facility("custom", "schema/custom", "exposure/gateway"),
		"hapi-fhir": facility("hapi-fhir"),
		"district":  {"isolation/namespace", "isolation/policies", "database/cloudnative-pg", "pws", "dashboard/superset"},
	} {
		in, components := Instance{Labels: map[string]string{}}, make([]Component, len(paths))
		for i, path := range paths {
			var example Instance
			example, components[i] = exampleOf(t, path)
			in.Namespace, in.NamePrefix = example.Namespace, example.NamePrefix
			maps.Copy(in.Labels, example.Labels)
		}
		for i := range components {
			objects, err := embedded.render(in, &components[i], false) // patches see Jobs by their plain names
			if err != nil {
				t.Fatal(err)
			}
			rendered[name] = append(rendered[name], objects...)
		}
	}
	return rendered
}

// outsideFence says what patches have done to objects that they may not. It
// shares no code with the fence.
func outsideFence(before, after []*unstructured.Unstructured) error {
	if len(after) != len(before) {
		return fmt.Errorf("%d objects became %d", len(before), len(after))
	}
	for i := range before {
		was, is := before[i].DeepCopy(), after[i].DeepCopy()
		name := was.GetKind() + "/" + was.GetName()
		if err := compareAllowed(was, is); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		strip(was)
		strip(is)
		if !reflect.DeepEqual(was.Object, is.Object) {
			return fmt.Errorf("%s: besides the allowed fields it was\n%v\nand is\n%v", name, was.Object, is.Object)
		}
	}
	return nil
}

// strip takes out what may change, and what is left empty by that.
func strip(o *unstructured.Unstructured) {
	remove := func(m map[string]any, path ...string) { unstructured.RemoveNestedField(m, path...) }
	switch o.GetKind() {
	case "Deployment", "Job":
		if o.GetKind() == "Deployment" {
			remove(o.Object, "spec", "replicas")
		}
		for _, path := range [][]string{{"metadata"}, {"spec", "template", "metadata"}} {
			remove(o.Object, append(path, "labels")...)
			remove(o.Object, append(path, "annotations")...)
		}
		remove(o.Object, "spec", "template", "spec", "nodeSelector")
		remove(o.Object, "spec", "template", "spec", "tolerations")
		for _, c := range containers(o) {
			remove(c, "env")
			remove(c, "resources")
		}
	case "Ingress":
		remove(o.Object, "metadata", "annotations")
	case "Cluster":
		remove(o.Object, "spec", "postgresql", "parameters")
		remove(o.Object, "spec", "affinity")
		remove(o.Object, "spec", "storage", "size")
	}
}

func containers(o *unstructured.Unstructured) []map[string]any {
	template, _, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "template", "spec", "containers")
	list, _ := template.([]any)
	var found []map[string]any
	for _, c := range list {
		if m, ok := c.(map[string]any); ok {
			found = append(found, m)
		}
	}
	return found
}

// compareAllowed looks into the fields that may change.
func compareAllowed(was, is *unstructured.Unstructured) error {
	for _, path := range [][]string{
		{"metadata", "labels"},
		{"metadata", "annotations"},
		{"spec", "template", "metadata", "labels"},
		{"spec", "template", "metadata", "annotations"},
		{"spec", "template", "spec", "nodeSelector"},
		{"spec", "affinity", "nodeSelector"},
		{"spec", "postgresql", "parameters"},
	} {
		old, _, _ := unstructured.NestedMap(was.Object, path...)
		now, found, err := unstructured.NestedMap(is.Object, path...)
		if err != nil || len(old) > 0 && !found {
			return fmt.Errorf("%v: found %v, %w", path, found, err)
		}
		for key, v := range old {
			if _, ok := now[key]; !ok || (path[len(path)-1] != "parameters" && v != now[key]) {
				return fmt.Errorf("%v[%s] was %v and is %v", path, key, v, now[key])
			}
		}
		for key, v := range now {
			if _, text := v.(string); !text {
				return fmt.Errorf("%v[%s] is %v", path, key, v)
			}
			if reflect.DeepEqual(old[key], v) {
				continue
			}
			for _, bad := range forbiddenKeys[path[len(path)-1]] {
				if strings.Contains(strings.ToLower(key), bad) {
					return fmt.Errorf("%v[%s] is %v", path, key, v)
				}
			}
		}
	}
	if n, found, err := unstructured.NestedInt64(is.Object, "spec", "replicas"); was.GetKind() == "Deployment" && (err != nil || !found || n < 0 || n > 10) {
		return fmt.Errorf("replicas are %d: %w", n, err)
	}
	oldSize, _, _ := unstructured.NestedString(was.Object, "spec", "storage", "size")
	if size, found, err := unstructured.NestedString(is.Object, "spec", "storage", "size"); was.GetKind() == "Cluster" {
		if q, parsed := resource.ParseQuantity(size); !found || err != nil || parsed != nil || q.Cmp(resource.MustParse(oldSize)) < 0 {
			return fmt.Errorf("storage was %s and is %s", oldSize, size)
		}
	}
	tolerations, _, _ := unstructured.NestedSlice(is.Object, "spec", "template", "spec", "tolerations")
	for _, v := range tolerations {
		if key, _, _ := unstructured.NestedString(v.(map[string]any), "key"); key == "" || strings.Contains(key, "kubernetes.io") {
			return fmt.Errorf("it tolerates %v", v)
		}
	}
	old := containers(was)
	for i, c := range containers(is) {
		if i >= len(old) {
			break // told by the rest
		}
		if err := compareContainer(old[i], c); err != nil {
			return err
		}
	}
	return nil
}

var forbiddenKeys = map[string][]string{
	"labels":      {"ilp.health", "kubernetes.io", "k8s.io", "cnpg.io", "cncf.io", "istio", "pod-template-hash"},
	"annotations": {"ilp.health", "app.kubernetes.io", "k8s.io", "cnpg.io", "cncf.io", "istio", "snippet", "alias", "apparmor", "seccomp", "config.kubernetes.io"},
	"parameters":  {"fsync", "full_page_writes", "synchronous_commit", "archive_", "wal_level", "ssl", "preload", "include", "log_statement", "pgaudit", "=", "\n", " "},
}

func compareContainer(was, is map[string]any) error {
	if limit, found, err := unstructured.NestedFieldNoCopy(is, "resources", "limits", "memory"); !found || err != nil {
		return fmt.Errorf("the limit of memory is gone: %v", is["resources"])
	} else if q, err := resource.ParseQuantity(fmt.Sprint(limit)); err != nil || q.Sign() <= 0 {
		return fmt.Errorf("the limit of memory is %v", limit)
	}
	resources, _ := is["resources"].(map[string]any)
	for what, list := range resources {
		for key := range list.(map[string]any) {
			if what != "requests" && what != "limits" || strings.Contains(key, "/") {
				return fmt.Errorf("resources hold %s of %s", what, key)
			}
		}
	}
	old, _ := was["env"].([]any)
	now, _ := is["env"].([]any)
	names := map[any]int{}
	var kept []any
	for _, v := range now {
		variable, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("env holds %v", v)
		}
		names[variable["name"]]++
		known := false
		for _, o := range old {
			known = known || reflect.DeepEqual(o, v)
		}
		if known {
			kept = append(kept, v)
			continue
		}
		text, plain := variable["value"].(string)
		name, _ := variable["name"].(string)
		if !plain || len(variable) != 2 || strings.Contains(text, "$(") {
			return fmt.Errorf("env was given %v", v)
		}
		for _, prefix := range []string{"DB_", "SATUSEHAT_", "LD_", "PG", "BASH"} {
			if strings.HasPrefix(name, prefix) || strings.ContainsAny(name, "%=() ") {
				return fmt.Errorf("env was given %v", v)
			}
		}
	}
	for name, n := range names {
		if n > 1 {
			return fmt.Errorf("env has %v %d times", name, n)
		}
	}
	if !reflect.DeepEqual(old, kept) && len(old)+len(kept) > 0 {
		return fmt.Errorf("env lost or moved some of %v: %v", old, kept)
	}
	return nil
}
