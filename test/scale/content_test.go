package main

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

func parsed(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestContentLeavesOutWhoMadeIt(t *testing.T) {
	bySomebody := parsed(t, `
apiVersion: v1
kind: Service
metadata: {name: rme, namespace: ilp-9630, uid: "1", resourceVersion: "2", labels: {app: rme, app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: x}}
spec: {clusterIP: 10.0.0.7, clusterIPs: [10.0.0.7], selector: {app: rme}}
status: {loadBalancer: {}}`)
	byAnother := parsed(t, `
apiVersion: v1
kind: Service
metadata: {name: rme, namespace: ilp-9630, uid: "3", labels: {app: rme}}
spec: {clusterIP: 10.0.0.9, clusterIPs: [10.0.0.9], selector: {app: rme}}`)
	if a, b := digestOf(t, bySomebody), digestOf(t, byAnother); a != b {
		t.Errorf("the same content has two digests: %v and %v", contentOf(bySomebody), contentOf(byAnother))
	}
	byAnother.Object["spec"].(map[string]any)["selector"] = map[string]any{"app": "other"}
	if digestOf(t, bySomebody) == digestOf(t, byAnother) {
		t.Error("another selector has the same digest")
	}
}

func TestHeadlessServicesAreOthers(t *testing.T) {
	headless := parsed(t, `{apiVersion: v1, kind: Service, metadata: {name: rme}, spec: {clusterIP: None, clusterIPs: [None]}}`)
	other := parsed(t, `{apiVersion: v1, kind: Service, metadata: {name: rme}, spec: {clusterIP: 10.0.0.9, clusterIPs: [10.0.0.9]}}`)
	if digestOf(t, headless) == digestOf(t, other) {
		t.Error("a headless Service has the digest of another")
	}
}

func TestContentsSayWhatDiffers(t *testing.T) {
	name := func(n string) key {
		return key{map[string]schema.GroupVersionResource{"a": deployments, "b": jobs, "c": clusters, "d": databases}[n], "ilp-9630", n}
	}
	want := contents{name("a"): "1", name("b"): "2", name("c"): "3"}
	err := contents{name("a"): "1", name("b"): "0", name("d"): "4"}.equal(want)
	for _, sentence := range []string{"ilp-9630/b has another content", "ilp-9630/c is missing", "ilp-9630/d is not among", "jobs:1"} {
		if err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("got %v, want %q", err, sentence)
		}
	}
	if n := (contents{name("a"): "1", name("b"): "0", name("d"): "4"}).changed(want); n != 3 {
		t.Errorf("%d changed: one has another content, one is gone, one is new", n)
	}
	if err := want.equal(want); err != nil {
		t.Error(err)
	}
	if want.digest() == (contents{}).digest() {
		t.Error("other contents have the same digest")
	}
}

func digestOf(t *testing.T, object *unstructured.Unstructured) string {
	t.Helper()
	content, err := json.Marshal(contentOf(object))
	if err != nil {
		t.Fatal(err)
	}
	return contents{key{deployments, "ilp-9630", "rme"}: string(content)}.digest()
}
