package render

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// template is a component built with a sentinel in place of every string that
// differs between instances. kustomize moves the sentinels to wherever the
// strings belong; fill puts the strings there. It is never changed once built.
type template struct {
	texts    []text
	objects  []any // trees of *mapping, sequence, hole and scalars
	prefixed bool  // whether the folder's names take a prefix
}

// hole is the index of the text that belongs in its place.
type hole int

// text is a string with sentinels in it: len(literals) == len(slots)+1.
type text struct {
	literals []string
	slots    []int
}

// mapping is a map. Its keys may be holes too: a patch can put a param there.
type mapping struct {
	keys   []any // string or hole
	values []any
}

type sequence []any

// newTemplate builds a component with sentinels and cuts it at them.
func newTemplate(stack fs.FS, in Instance, c *Component) (*template, error) {
	f, err := readFolder(stack, c.Path)
	if err != nil {
		return nil, err
	}
	marker := unusedMarker(f, c)
	withSentinels, component := sentinels(marker, in, c)
	prefixed := f.kustomization.NamePrefix != ""
	if !prefixed {
		withSentinels.NamePrefix = ""
	}
	objects, err := f.build(withSentinels, component)
	if err != nil {
		return nil, err
	}
	compiler := &compiler{
		sentinel: regexp.MustCompile(marker + "([0-9]+)x"),
		holes:    map[string]hole{},
	}
	compiled := make([]any, len(objects))
	for i := range objects {
		compiled[i] = compiler.tree(objects[i].Object)
	}
	return &template{texts: compiler.texts, objects: compiled, prefixed: prefixed}, nil
}

// unusedMarker returns letters and digits that occur in no input, so that
// everything found after the build that looks like a sentinel is one. Names,
// labels, quantities and addresses may all hold them.
func unusedMarker(f *folder, c *Component) string {
	for salt := 0; ; salt++ {
		marker := fmt.Sprintf("ilp%dq", salt)
		used := false
		for _, content := range f.files {
			used = used || bytes.Contains(content, []byte(marker))
		}
		for _, content := range c.Files {
			used = used || strings.Contains(content, marker)
		}
		for i := range c.Patches {
			used = used || strings.Contains(c.Patches[i].Patch, marker)
		}
		if !used {
			return marker
		}
	}
}

// sentinels returns the instance and the component with the n-th of their
// strings, as slots orders them, replaced by the n-th sentinel.
func sentinels(marker string, in Instance, c *Component) (Instance, *Component) {
	n := -1
	next := func() string {
		n++
		return marker + strconv.Itoa(n) + "x"
	}
	replaced := func(m map[string]string) map[string]string {
		out := make(map[string]string, len(m))
		for _, key := range slices.Sorted(maps.Keys(m)) {
			out[key] = next()
		}
		return out
	}
	instance := Instance{Namespace: next(), NamePrefix: next(), Labels: replaced(in.Labels)}
	component := *c
	component.Values, component.Params = replaced(c.Values), replaced(c.Params)
	return instance, &component
}

// slots lists the strings that differ between instances in a fixed order.
func slots(in Instance, c *Component) []string {
	list := make([]string, 0, 2+len(in.Labels)+len(c.Values)+len(c.Params))
	list = append(list, in.Namespace, in.NamePrefix)
	for _, m := range []map[string]string{in.Labels, c.Values, c.Params} {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			list = append(list, m[key])
		}
	}
	return list
}

// compiler cuts the objects of a build at the sentinels.
type compiler struct {
	sentinel *regexp.Regexp
	holes    map[string]hole // by the string with its sentinels
	texts    []text
}

func (c *compiler) tree(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := &mapping{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			m.keys = append(m.keys, c.text(key))
			m.values = append(m.values, c.tree(v[key]))
		}
		return m
	case []any:
		s := make(sequence, len(v))
		for i := range v {
			s[i] = c.tree(v[i])
		}
		return s
	case string:
		return c.text(v)
	default:
		return v
	}
}

// text returns s itself or, if it has sentinels, the hole for it.
func (c *compiler) text(s string) any {
	found := c.sentinel.FindAllStringSubmatchIndex(s, -1)
	if len(found) == 0 {
		return s
	}
	if known, ok := c.holes[s]; ok {
		return known
	}
	var t text
	end := 0
	for _, at := range found {
		slot, err := strconv.Atoi(s[at[2]:at[3]])
		if err != nil {
			panic(err) // the expression matches digits that we wrote
		}
		t.literals = append(t.literals, s[end:at[0]])
		t.slots = append(t.slots, slot)
		end = at[1]
	}
	t.literals = append(t.literals, s[end:])
	c.texts = append(c.texts, t)
	c.holes[s] = hole(len(c.texts) - 1)
	return c.holes[s]
}

// fill makes the objects of one instance.
func (t *template) fill(in Instance, c *Component) ([]*unstructured.Unstructured, error) {
	if in.NamePrefix != "" && !t.prefixed {
		return nil, errNoPrefix
	}
	list := slots(in, c)
	filled := make([]any, len(t.texts)) // boxed once, used in many places
	for i := range t.texts {
		filled[i] = t.texts[i].fill(list)
	}
	objects := make([]*unstructured.Unstructured, len(t.objects))
	for i := range t.objects {
		objects[i] = &unstructured.Unstructured{Object: copyTree(t.objects[i], filled).(map[string]any)}
	}
	return objects, nil
}

func (t *text) fill(slots []string) string {
	if len(t.slots) == 1 && t.literals[0] == "" && t.literals[1] == "" {
		return slots[t.slots[0]]
	}
	var b strings.Builder
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
