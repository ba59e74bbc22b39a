package render

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// Pick returns those of the offered values that the component's values.yaml
// asks for. The caller offers all it knows, so that a new folder that asks for
// other values of these needs no new code.
func (r *Renderer) Pick(path string, offered map[string]string) (map[string]string, error) {
	wanted, err := r.wanted(path)
	if err != nil {
		return nil, &ComponentError{Path: path, Err: err}
	}
	picked := make(map[string]string, len(wanted))
	for _, key := range wanted {
		value, ok := offered[key]
		if !ok {
			return nil, &ComponentError{Path: path, Err: fmt.Errorf("%s asks for %q, which is not among %s", valuesFile, key, keys(offered))}
		}
		picked[key] = value
	}
	return picked, nil
}

// wanted lists the keys of a component's values; folders never change while the
// operator runs.
func (r *Renderer) wanted(path string) ([]string, error) {
	if known, ok := r.values.Load(path); ok {
		return known.([]string), nil
	}
	f, err := readFolder(r.stack, path)
	if err != nil {
		return nil, err
	}
	_, data, err := f.values()
	if err != nil {
		return nil, err
	}
	list := slices.Sorted(maps.Keys(data))
	r.values.Store(path, list)
	return list, nil
}

// Has reports whether the stack has a component at path.
func (r *Renderer) Has(path string) bool {
	_, err := fs.Stat(r.stack, path)
	return err == nil
}
