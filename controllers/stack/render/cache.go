package render

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"maps"
	"slices"

	"sigs.k8s.io/kustomize/api/types"
)

// template returns the template of a component, built once by whoever is first.
func (r *Renderer) template(in Instance, c *Component) (*template, error) {
	key := templateKey(in, c)
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
func templateKey(in Instance, c *Component) [sha256.Size]byte {
	d := digest{sha256.New()}
	d.strings(c.Path)
	for _, filled := range []map[string]string{in.Labels, c.Values, c.Params} {
		d.strings(slices.Sorted(maps.Keys(filled))...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		d.strings(name, c.Files[name])
	}
	d.count(len(c.Files))
	for i := range c.Patches {
		d.patch(&c.Patches[i])
	}
	return [sha256.Size]byte(d.Sum(nil))
}

// digest takes strings in with their lengths, so that no two lists look alike.
type digest struct{ hash.Hash }

func (d digest) count(n int) {
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(n))
	d.Write(length[:])
}

func (d digest) strings(list ...string) {
	d.count(len(list))
	for _, s := range list {
		d.count(len(s))
		d.Write([]byte(s))
	}
}

func (d digest) patch(p *types.Patch) {
	d.strings(p.Path, p.Patch)
	if p.Target != nil {
		d.strings(p.Target.String())
	}
	if p.Options != nil {
		d.strings(fmt.Sprint(*p.Options))
	}
}
