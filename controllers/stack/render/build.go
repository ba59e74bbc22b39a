package render

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
)

// kustomizeMutex serialises everything that runs in kustomize. Its OpenAPI
// schema is a variable of the process that each build sets and reads without
// holding one lock throughout; two builds at once ended in "concurrent map read
// and map write", which no recover catches (kustomize issue 3659). Flux holds
// such a lock for the same reason. Templates make builds rare, so it costs little.
var kustomizeMutex sync.Mutex

// build runs kustomize over a component's folder, configured as asked.
func (f *folder) build(in Instance, c *Component) ([]*unstructured.Unstructured, error) {
	if err := f.configure(in, c); err != nil {
		return nil, err
	}
	memory, err := f.write()
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	err = guarded(func() error {
		resources, err := krusty.MakeKustomizer(&krusty.Options{
			LoadRestrictions: types.LoadRestrictionsRootOnly,
			PluginConfig:     types.DisabledPluginConfig(),
		}).Run(memory, "/")
		if err != nil {
			return err
		}
		for _, resource := range resources.Resources() {
			object, err := toUnstructured(resource)
			if err != nil {
				return err
			}
			objects = append(objects, object)
		}
		return nil
	})
	return objects, err
}

// guarded runs kustomize alone and turns its panics into errors: some of its
// code panics where input has an unexpected shape.
func guarded(run func() error) (err error) {
	kustomizeMutex.Lock()
	defer kustomizeMutex.Unlock()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("kustomize panicked: %v", p)
		}
	}()
	return run()
}

// toUnstructured converts by way of JSON, so that numbers become int64 or
// float64, the only ones that unstructured objects may hold.
func toUnstructured(node interface{ MarshalJSON() ([]byte, error) }) (*unstructured.Unstructured, error) {
	content, err := node.MarshalJSON()
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(content, &object.Object); err != nil {
		return nil, err
	}
	return object, nil
}
