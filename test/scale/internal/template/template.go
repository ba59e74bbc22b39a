// Package template finds what several documents have in common, so that a tool
// that works by templates can be given the very same objects.
package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Parameters are what documents differ by.
type Parameters struct {
	// Of is what the expressions read them from, such as "schema.spec".
	Of string

	names   map[string]string
	columns []column
}

type column struct {
	name, kind string
	values     []any
}

// Generalize returns the document that all versions are made from: the first,
// with an expression in place of every value in which they differ. Values that
// differ in the same way share a parameter. Strings that a template would
// take for an expression are parameters too.
func (p *Parameters) Generalize(versions []any) (any, error) {
	switch first := versions[0].(type) {
	case map[string]any:
		return p.generalizeMap(first, versions)
	case []any:
		return p.generalizeList(first, versions)
	}
	text, isText := versions[0].(string)
	if equal(versions) && (!isText || !strings.Contains(text, "${")) {
		return versions[0], nil
	}
	return p.parameter(versions)
}

func (p *Parameters) generalizeMap(first map[string]any, versions []any) (any, error) {
	out := map[string]any{}
	// In order, so that parameters always have the same names.
	for _, name := range slices.Sorted(maps.Keys(first)) {
		below := make([]any, len(versions))
		for i, version := range versions {
			fields, ok := version.(map[string]any)
			if !ok || len(fields) != len(first) {
				return nil, fmt.Errorf("version %d has other fields than the first: %v", i, version)
			}
			if below[i], ok = fields[name]; !ok {
				return nil, fmt.Errorf("version %d has no field %s", i, name)
			}
		}
		var err error
		if out[name], err = p.Generalize(below); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
}

func (p *Parameters) generalizeList(first []any, versions []any) (any, error) {
	out := make([]any, len(first))
	for n := range first {
		below := make([]any, len(versions))
		for i, version := range versions {
			elements, ok := version.([]any)
			if !ok || len(elements) != len(first) {
				return nil, fmt.Errorf("version %d has not as many elements as the first", i)
			}
			below[i] = elements[n]
		}
		var err error
		if out[n], err = p.Generalize(below); err != nil {
			return nil, fmt.Errorf("[%d]: %w", n, err)
		}
	}
	return out, nil
}

func (p *Parameters) parameter(versions []any) (any, error) {
	kind, err := kindOf(versions)
	if err != nil {
		return nil, err
	}
	key, err := json.Marshal(versions)
	if err != nil {
		return nil, err
	}
	name, known := p.names[string(key)]
	if !known {
		if p.names == nil {
			p.names = map[string]string{}
		}
		name = fmt.Sprintf("p%d", len(p.columns)+1)
		p.names[string(key)] = name
		p.columns = append(p.columns, column{name, kind, versions})
	}
	return "${" + p.Of + "." + name + "}", nil
}

// Schema are the parameters' types by name, in kro's words.
func (p *Parameters) Schema() map[string]any {
	out := map[string]any{}
	for _, c := range p.columns {
		out[c.name] = c.kind
	}
	return out
}

// Values are the parameters of one version.
func (p *Parameters) Values(version int) map[string]any {
	out := map[string]any{}
	for _, c := range p.columns {
		out[c.name] = c.values[version]
	}
	return out
}

func equal(versions []any) bool {
	for _, version := range versions[1:] {
		if version != versions[0] {
			return false
		}
	}
	return true
}

func kindOf(versions []any) (string, error) {
	kind := ""
	for _, version := range versions {
		var is string
		switch version.(type) {
		case string:
			is = "string"
		case bool:
			is = "boolean"
		case int64, float64:
			is = "integer"
		default:
			return "", fmt.Errorf("no parameter can be %T", version)
		}
		if kind != "" && is != kind {
			return "", fmt.Errorf("one version has a %s, another a %s", kind, is)
		}
		kind = is
	}
	return kind, nil
}
