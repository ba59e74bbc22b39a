package render

import (
	"encoding/json"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// fill makes the objects of one instance from its strings. Jobs have their
// plain names still.
func (t *template) fill(values []string) []*unstructured.Unstructured {
	filled := make([]any, len(t.texts)) // boxed once, used in many places
	for i := range t.texts {
		filled[i] = t.texts[i].fill(values)
	}
	objects := make([]*unstructured.Unstructured, len(t.objects))
	for i := range t.objects {
		objects[i] = &unstructured.Unstructured{Object: copyTree(t.objects[i], filled).(map[string]any)}
	}
	return objects
}

// nameJobs gives the Jobs among the filled objects the names that nameBySpec
// would, without writing their specs as JSON once more.
func (t *template) nameJobs(objects []*unstructured.Unstructured, values []string) {
	if len(t.jobs) == 0 {
		return
	}
	escaped := make([]string, len(values))
	for i := range values {
		escaped[i] = escape(values[i])
	}
	for i, spec := range t.jobs {
		nameByDigest(objects[i], []byte(spec.fill(escaped)))
	}
}

// escape returns a string as it stands between the quotes of JSON.
func escape(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // no string fails
	}
	return string(quoted[1 : len(quoted)-1])
}

func (t *text) fill(slots []string) string {
	if len(t.slots) == 1 && t.literals[0] == "" && t.literals[1] == "" {
		return slots[t.slots[0]]
	}
	size := len(t.literals[len(t.slots)])
	for i, slot := range t.slots {
		size += len(t.literals[i]) + len(slots[slot])
	}
	var b strings.Builder
	b.Grow(size)
	for i, slot := range t.slots {
		b.WriteString(t.literals[i])
		b.WriteString(slots[slot])
	}
	b.WriteString(t.literals[len(t.slots)])
	return b.String()
}

// copyTree copies a tree with its holes filled. Nothing of the template is
// shared, so the caller may change what it gets.
func copyTree(v any, filled []any) any {
	switch v := v.(type) {
	case *mapping:
		m := make(map[string]any, len(v.keys))
		for i, key := range v.keys {
			if at, ok := key.(hole); ok {
				key = filled[at]
			}
			m[key.(string)] = copyTree(v.values[i], filled)
		}
		return m
	case sequence:
		s := make([]any, len(v))
		for i := range v {
			s[i] = copyTree(v[i], filled)
		}
		return s
	case hole:
		return filled[v]
	default:
		return v
	}
}
