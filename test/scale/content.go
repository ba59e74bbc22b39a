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

// differences bound what is said of objects that are all different.
const differences = 3

// equal compares with what ought to be there.
func (c contents) equal(want contents) error {
	var errs []error
	for _, k := range slices.SortedFunc(maps.Keys(want), byName) {
		switch got, there := c[k]; {
		case !there:
			errs = append(errs, fmt.Errorf("%s is missing", k))
		case got != want[k]:
			errs = append(errs, fmt.Errorf("%s has another content: %s", k, difference(got, want[k])))
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(c), byName) {
		if _, wanted := want[k]; !wanted {
			errs = append(errs, fmt.Errorf("%s is not among the operator's objects", k))
		}
	}
	if more := len(errs) - differences; more > 0 {
		errs = append(errs[:differences], fmt.Errorf("and %d more", more))
	}
	return errors.Join(errs...)
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
	if object.GetKind() == "Namespace" {
		delete(stripped, "spec")
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
