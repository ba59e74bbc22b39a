package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// template is a component built with a sentinel in place of every string that
// differs between instances. kustomize moves the sentinels to wherever the
// strings belong; fill puts the strings there. It is never changed once built.
type template struct {
	texts    []text
	objects  []any        // trees of *mapping, sequence, hole and scalars
	jobs     map[int]text // the specs of Jobs as JSON, by index in objects
	prefixed bool         // whether the folder's names take a prefix
}

// hole is the index of the text that belongs in its place.
type hole int

// text is a string with sentinels in it: len(literals) == len(slots)+1.
type text struct {
	literals []string
	slots    []int
}

// mapping is a map. Its keys may be holes too: a patch can put a value there.
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
	t := &template{objects: make([]any, len(objects)), jobs: map[int]text{}, prefixed: prefixed}
	for i := range objects {
		t.objects[i] = compiler.tree(objects[i].Object)
		if objects[i].GetKind() == "Job" {
			spec, err := specOf(objects[i])
			if err != nil {
				return nil, err
			}
			t.jobs[i] = compiler.cut(string(spec))
		}
	}
	if compiler.keyHoles && len(t.jobs) > 0 {
		return nil, errors.New("a value stands in a key: Jobs are named by their spec with keys in order, so put it into a value")
	}
	t.texts = compiler.texts
	return t, nil
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
	component.Values = replaced(c.Values)
	return instance, &component
}

// slots lists the strings that differ between instances in a fixed order, and
// what names them: two instances with the same names can share a template.
func slots(in Instance, c *Component) (names, values []string) {
	n := 2 + len(in.Labels) + len(c.Values)
	names, values = make([]string, 0, n+2), make([]string, 0, n)
	values = append(values, in.Namespace, in.NamePrefix)
	for _, m := range []map[string]string{in.Labels, c.Values} {
		start := len(names)
		names = slices.AppendSeq(names, maps.Keys(m))
		slices.Sort(names[start:])
		for _, key := range names[start:] {
			values = append(values, m[key])
		}
		names = append(names, "") // where the next map begins
	}
	return names, values
}

// compiler cuts the objects of a build at the sentinels.
type compiler struct {
	sentinel *regexp.Regexp
	holes    map[string]hole // by the string with its sentinels
	texts    []text
	keyHoles bool // whether a key of a map is a hole
}

func (c *compiler) tree(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := &mapping{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			compiled := c.text(key)
			_, isHole := compiled.(hole)
			c.keyHoles = c.keyHoles || isHole
			m.keys = append(m.keys, compiled)
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
	if !c.sentinel.MatchString(s) {
		return s
	}
	if known, ok := c.holes[s]; ok {
		return known
	}
	c.texts = append(c.texts, c.cut(s))
	c.holes[s] = hole(len(c.texts) - 1)
	return c.holes[s]
}

// cut divides a string at its sentinels.
func (c *compiler) cut(s string) text {
	var t text
	end := 0
	for _, at := range c.sentinel.FindAllStringSubmatchIndex(s, -1) {
		slot, err := strconv.Atoi(s[at[2]:at[3]])
		if err != nil {
			panic(err) // the expression matches digits that sentinels wrote
		}
		t.literals = append(t.literals, s[end:at[0]])
		t.slots = append(t.slots, slot)
		end = at[1]
	}
	t.literals = append(t.literals, s[end:])
	return t
}
