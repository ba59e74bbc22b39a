package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOwnedPart(t *testing.T) {
	live := parsed(t, `
apiVersion: v1
kind: ConfigMap
metadata:
  name: rme
  namespace: ilp-9630
  uid: "1"
  labels: {app: rme, seen-by: somebody}
  managedFields:
  - {manager: ilp-operator, operation: Update, fieldsV1: {"f:metadata": {"f:labels": {"f:app": {}}}, "f:data": {"f:a": {}}}}
  - {manager: ilp-operator, operation: Apply, fieldsV1: {"f:data": {"f:b": {}}}}
  - {manager: somebody, operation: Update, fieldsV1: {"f:metadata": {"f:labels": {"f:seen-by": {}}}, "f:data": {"f:c": {}}}}
data: {a: "1", b: "2", c: "3"}`)
	got, err := ownedPart(live)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "rme", "namespace": "ilp-9630", "labels": map[string]any{"app": "rme"}},
		"data":     map[string]any{"a": "1", "b": "2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
