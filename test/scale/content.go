package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// contents are what objects say, so that two who brought the same objects up can
// be held to have said the same.
type contents map[key]string

// digest is one of all.
func (c contents) digest() string {
	h := sha256.New()
	for _, k := range slices.SortedFunc(maps.Keys(c), byName) {
		fmt.Fprintln(h, k, c[k])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func byName(a, b key) int { return strings.Compare(a.String(), b.String()) }

// contents reads them.
func (c *cluster) contents(ctx context.Context) (contents, error) {
	out := contents{}
	err := c.eachObject(ctx, func(k key, object *unstructured.Unstructured) (err error) {
		content, err := json.Marshal(contentOf(object))
		out[k] = string(content)
		return err
	})
	return out, err
}

// equal compares with what ought to be there. It says what is wrong with the
// first of each kind: the others are seldom wrong in another way.
func (c contents) equal(want contents) error {
	wrong := map[string]int{}
	var errs []error
	note := func(k key, format string, args ...any) {
		if wrong[k.Resource]++; wrong[k.Resource] == 1 {
			errs = append(errs, fmt.Errorf("%s "+format, append([]any{k}, args...)...))
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(want), byName) {
		switch got, there := c[k]; {
		case !there:
			note(k, "is missing")
		case got != want[k]:
			note(k, "has another content: %s", difference(got, want[k]))
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(c), byName) {
		if _, wanted := want[k]; !wanted {
			note(k, "is not among the operator's objects")
		}
	}
	if len(errs) > 0 {
		errs = append(errs, fmt.Errorf("in all: %v", wrong))
	}
	return errors.Join(errs...)
}

// changed counts objects that are new, gone, or say something else than before.
func (c contents) changed(before contents) int {
	n := 0
	for k, content := range c {
		if before[k] != content {
			n++
		}
	}
	for k := range before {
		if _, there := c[k]; !there {
			n++
		}
	}
	return n
}

// difference shows where two contents part.
func difference(got, want string) string {
	const before, shown = 60, 120
	n := 0
	for n < min(len(got), len(want)) && got[n] == want[n] {
		n++
	}
	cut := func(text string) string { return text[max(n-before, 0):min(n+shown, len(text))] }
	return fmt.Sprintf("%q, not %q", cut(got), cut(want))
}

// marks are labels and annotations by which tools know what is theirs, the
// operator's records among them. The API server labels Namespaces.
var marks = []string{
	"app.kubernetes.io/managed-by", "meta.helm.sh/", "kustomize.toolkit.fluxcd.io/", "kro.run/", "internal.kro.run/", "applyset.kubernetes.io/",
	"data.ilp.health/", "kubernetes.io/metadata.name",
}

// contentOf is an object as people would compare it: without its status, what
// the API server makes anew each time, marks, the UIDs of owners, and the values
// of Secrets, which are drawn.
func contentOf(object *unstructured.Unstructured) map[string]any {
	stripped := object.DeepCopy().Object
	delete(stripped, "status")
	metadata := map[string]any{"name": object.GetName(), "namespace": object.GetNamespace()}
	for name, all := range map[string]map[string]string{"labels": object.GetLabels(), "annotations": object.GetAnnotations()} {
		if kept := withoutMarks(all); len(kept) > 0 {
			metadata[name] = kept
		}
	}
	var owners []any
	for _, owner := range object.GetOwnerReferences() {
		owners = append(owners, owner.Kind+" "+owner.Name)
	}
	metadata["owners"] = owners
	stripped["metadata"] = metadata
	for _, field := range []string{"clusterIP", "clusterIPs"} {
		if ip, _, _ := unstructured.NestedFieldNoCopy(stripped, "spec", field); !reflect.DeepEqual(ip, "None") && !reflect.DeepEqual(ip, []any{"None"}) {
			unstructured.RemoveNestedField(stripped, "spec", field)
		}
	}
	if data, ok := stripped["data"].(map[string]any); ok && object.GetKind() == "Secret" {
		for name := range data {
			data[name] = "drawn"
		}
	}
	switch object.GetKind() {
	case "Namespace":
		delete(stripped, "spec")
	case "Job":
		// The API server selects a Job's pods by its UID.
		unstructured.RemoveNestedField(stripped, "spec", "selector")
		for _, label := range []string{"batch.kubernetes.io/controller-uid", "controller-uid"} {
			unstructured.RemoveNestedField(stripped, "spec", "template", "metadata", "labels", label)
		}
	}
	return stripped
}

func withoutMarks(all map[string]string) map[string]string {
	kept := maps.Clone(all)
	maps.DeleteFunc(kept, func(name, _ string) bool {
		return slices.ContainsFunc(marks, func(mark string) bool { return strings.HasPrefix(name, mark) })
	})
	return kept
}
