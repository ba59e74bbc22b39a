package preview

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/controllers/stack/live"
)

// action is what happens to an object.
type action string

const (
	created   action = "Created"
	changed   action = "Changed"
	deleted   action = "Deleted"
	unchanged action = "Unchanged"
)

// cause is who does it.
type cause string

const (
	byFiles    cause = "Files"
	byOperator cause = "Operator"
)

// change is what happens to one object.
type change struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	// By tells whether the object is in the files, or one of the operator's.
	By     cause  `json:"by"`
	Action action `json:"action"`
	// Fields that differ, such as spec.template.spec.containers[0].image.
	Fields []string `json:"fields,omitempty"`

	// before and after are what people compare, as YAML; empty where there is no object.
	before, after string
}

// compare says what becomes of an object; either may be nil.
func compare(by cause, before, after *unstructured.Unstructured) (change, error) {
	is := after
	if is == nil {
		is = before
	}
	c := change{APIVersion: is.GetAPIVersion(), Kind: is.GetKind(), Namespace: is.GetNamespace(), Name: is.GetName(), By: by}
	was, now := plain(before), plain(after)
	c.Fields = differences("", was, now)
	switch {
	case before == nil:
		c.Action, c.Fields = created, nil
	case after == nil:
		c.Action, c.Fields = deleted, nil
	case len(c.Fields) > 0:
		c.Action = changed
	default:
		c.Action = unchanged
	}
	if isSecret(is) {
		mask(was, now)
	}
	var err error
	if c.before, err = text(was); err != nil {
		return c, err
	}
	c.after, err = text(now)
	return c, err
}

func text(object map[string]any) (string, error) {
	if object == nil {
		return "", nil
	}
	out, err := yaml.Marshal(object)
	return string(out), err
}

// plain is a copy without what the API server and the operator keep for
// themselves: bookkeeping, the status, and digests of all the rest.
func plain(object *unstructured.Unstructured) map[string]any {
	if object == nil {
		return nil
	}
	object = object.DeepCopy()
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(object.Object, "status")
	annotations := object.GetAnnotations()
	delete(annotations, live.AnnotationDigest)
	delete(annotations, lastApplied) // holds the values of a Secret, too
	if len(annotations) == 0 {
		annotations = nil
	}
	object.SetAnnotations(annotations)
	return object.Object
}

// Marks in the place of a Secret's values.
const (
	hidden      = "***"
	valueBefore = "*** (before)"
	valueAfter  = "*** (after)"
)

// mask hides the values of a Secret, and shows which of them differ.
func mask(was, now map[string]any) {
	for _, field := range []string{"data", "stringData"} {
		old, _ := was[field].(map[string]any)
		next, _ := now[field].(map[string]any)
		for key, value := range old {
			other, both := next[key]
			switch {
			case both && !reflect.DeepEqual(value, other):
				old[key], next[key] = valueBefore, valueAfter
			case both:
				old[key], next[key] = hidden, hidden
			default:
				old[key] = hidden
			}
		}
		for key := range next {
			if _, both := old[key]; !both {
				next[key] = hidden
			}
		}
	}
}

// differences lists the paths at which two values differ. Lists of another
// length differ as a whole.
func differences(path string, was, now any) []string {
	if a, b, ok := both[map[string]any](was, now); ok && len(a)+len(b) > 0 {
		keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
		slices.Sort(keys)
		var paths []string
		for _, key := range slices.Compact(keys) {
			paths = append(paths, differences(join(path, key), a[key], b[key])...)
		}
		return paths
	}
	if a, b, ok := both[[]any](was, now); ok && len(a) == len(b) && len(a) > 0 {
		var paths []string
		for i := range a {
			paths = append(paths, differences(fmt.Sprintf("%s[%d]", path, i), a[i], b[i])...)
		}
		return paths
	}
	if reflect.DeepEqual(was, now) {
		return nil
	}
	return []string{path}
}

// both takes two values of one type; nothing counts as an empty one.
func both[T any](was, now any) (a, b T, ok bool) {
	a, isA := was.(T)
	b, isB := now.(T)
	return a, b, (isA || was == nil) && (isB || now == nil) && (isA || isB)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
