package render

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// template returns the template of a component, built once by whoever is first.
func (r *Renderer) template(in Instance, c *Component, names []string) (*template, error) {
	key := templateKey(c, names)
	if cached, ok := r.templates.Get(key); ok {
		return cached.(*template), nil
	}
	built, err, _ := r.building.Do(string(key[:]), func() (any, error) {
		if cached, ok := r.templates.Get(key); ok {
			return cached, nil
		}
		t, err := newTemplate(r.stack, in, c)
		if err != nil {
			return nil, err
		}
		r.templates.Add(key, t)
		return t, nil
	})
	if err != nil {
		return nil, err
	}
	return built.(*template), nil
}

// templateKey digests all that a template depends on: everything but the
// strings that are filled in.
func templateKey(c *Component, names []string) [sha256.Size]byte {
	key := make(key, 0, 512)
	key.add(c.Path)
	key.add(names...)
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		key.add(name, c.Files[name])
	}
	for i := range c.Patches {
		p := &c.Patches[i]
		key.add("patch", p.Path, p.Patch)
		if p.Target != nil {
			key.add("target", p.Target.String())
		}
		if p.Options != nil {
			key.add("options", fmt.Sprint(*p.Options))
		}
	}
	return sha256.Sum256(key)
}

// key collects strings with their lengths, so that no two lists look alike.
type key []byte

func (k *key) add(list ...string) {
	*k = binary.AppendUvarint(*k, uint64(len(list)))
	for _, s := range list {
		*k = append(binary.AppendUvarint(*k, uint64(len(s))), s...)
	}
}
