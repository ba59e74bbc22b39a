package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
)

// applied is an object as the operator applied it, for others to apply.
type applied struct {
	Key  key             `json:"key"`
	Path string          `json:"path"`
	Body json.RawMessage `json:"body"`
}

// listPage bounds what is in memory at once: a country does not fit.
const listPage = 500

// selector selects the objects of all stacks, whoever has made them.
const selector = v1alpha1.LabelDistrict

// eachObject reads every object of the stacks.
func (c *cluster) eachObject(ctx context.Context, handle func(key, *unstructured.Unstructured) error) error {
	for _, gvr := range kinds {
		options := metav1.ListOptions{LabelSelector: selector, Limit: listPage}
		for {
			page, err := c.dynamic.Resource(gvr).List(ctx, options)
			if err != nil {
				return fmt.Errorf("list %s: %w", gvr.Resource, err)
			}
			for i := range page.Items {
				object := &page.Items[i]
				if err := handle(key{gvr, object.GetNamespace(), object.GetName()}, object); err != nil {
					return err
				}
			}
			if options.Continue = page.GetContinue(); options.Continue == "" {
				break
			}
		}
	}
	return nil
}

// capture takes out of each object the fields that the operator owns: what it
// sent, without what the API server filled in and others wrote.
func capture(ctx context.Context, c *cluster) ([]applied, error) {
	var namespaces, others []applied
	err := c.eachObject(ctx, func(k key, live *unstructured.Unstructured) error {
		object, err := ownedPart(live)
		if err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		body, err := json.Marshal(object)
		if err != nil {
			return err
		}
		if a := (applied{k, pathOf(k), body}); k.Resource == "namespaces" {
			namespaces = append(namespaces, a)
		} else {
			others = append(others, a)
		}
		return nil
	})
	// As an operator would send them: district by district, not kind by kind.
	slices.SortStableFunc(others, func(a, b applied) int { return cmp.Compare(a.Key.Namespace, b.Key.Namespace) })
	return append(namespaces, others...), err
}

func pathOf(k key) string {
	p := "/apis/" + k.Group
	if k.Group == "" {
		p = "/api"
	}
	p = path.Join(p, k.Version)
	if k.Namespace != "" {
		p = path.Join(p, "namespaces", k.Namespace)
	}
	return path.Join(p, k.Resource, k.Name)
}

// ownedPart reads managedFields: most objects are applied, some are created.
func ownedPart(live *unstructured.Unstructured) (map[string]any, error) {
	fields := map[string]any{}
	for _, managed := range live.GetManagedFields() {
		if managed.Manager != v1alpha1.ManagerName || managed.Subresource != "" || managed.FieldsV1 == nil {
			continue
		}
		var more map[string]any
		if err := json.Unmarshal(managed.FieldsV1.GetRawBytes(), &more); err != nil {
			return nil, err
		}
		mergeInto(fields, more)
	}
	object, ok := extract(fields, live.Object).(map[string]any)
	if len(fields) == 0 || !ok {
		return nil, fmt.Errorf("the operator owns no field of it")
	}
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		metadata = map[string]any{}
		object["metadata"] = metadata
	}
	metadata["name"] = live.GetName()
	if live.GetNamespace() != "" {
		metadata["namespace"] = live.GetNamespace()
	}
	object["apiVersion"], object["kind"] = live.GetAPIVersion(), live.GetKind()
	return object, nil
}

// mergeInto adds fields to fields.
func mergeInto(fields, more map[string]any) {
	for name, below := range more {
		here, known := fields[name].(map[string]any)
		there, ok := below.(map[string]any)
		// No fields below mean the whole value.
		if known && ok && len(here) > 0 && len(there) > 0 {
			mergeInto(here, there)
		} else if !known || len(there) == 0 {
			fields[name] = below
		}
	}
}

// extract returns the part of a value that a set of fields names: f: is a field,
// k: an element of a list by its keys, v: a member of a set.
func extract(fields map[string]any, value any) any {
	if len(fields) == 0 {
		return value
	}
	switch value := value.(type) {
	case map[string]any:
		part := map[string]any{}
		for name, below := range fields {
			field, ok := strings.CutPrefix(name, "f:")
			if inner, there := value[field]; ok && there {
				part[field] = extract(below.(map[string]any), inner)
			}
		}
		return part
	case []any:
		var part []any
		for _, element := range value {
			if inner, ok := extractElement(fields, element); ok {
				part = append(part, inner)
			}
		}
		return part
	default:
		return value
	}
}

// extractElement returns the part of a list's element, if the fields name it.
func extractElement(fields map[string]any, element any) (any, bool) {
	for name, below := range fields {
		if text, ok := strings.CutPrefix(name, "v:"); ok {
			var member any
			if json.Unmarshal([]byte(text), &member) == nil && reflect.DeepEqual(member, element) {
				return element, true
			}
		}
		text, ok := strings.CutPrefix(name, "k:")
		if !ok {
			continue
		}
		var keys map[string]any
		object, isObject := element.(map[string]any)
		if json.Unmarshal([]byte(text), &keys) != nil || !isObject || !has(object, keys) {
			continue
		}
		part, _ := extract(below.(map[string]any), element).(map[string]any)
		maps.Copy(part, keys)
		return part, true
	}
	return nil, false
}

// has compares by what is printed: one side's numbers are integers, the other's are not.
func has(object, keys map[string]any) bool {
	for name, want := range keys {
		if fmt.Sprint(object[name]) != fmt.Sprint(want) {
			return false
		}
	}
	return true
}
