// Package render turns components, the kustomize folders of config/stack, into
// the objects of one district or one Puskesmas.
//
// kustomize takes milliseconds for each build and one process can run only one
// build at a time, while a country has ten thousand facilities that differ in
// nothing but strings. A component is therefore built once with a placeholder
// for every string, and that template is filled for each instance.
package render

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"golang.org/x/sync/singleflight"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/lru"
	"sigs.k8s.io/kustomize/api/types"

	"ilp.health/operator/api/v1alpha1"
)

// templateCacheSize bounds the templates that are kept. Components times the
// resources and replicas that people choose stay far below it; only components
// whose files differ by district, such as pws, push each other out.
const templateCacheSize = 256

// Component is one folder of config/stack with what the operator fills in.
type Component struct {
	// Path of the folder below config/stack, such as rme/gnuhealth.
	Path string
	// Values are the strings that differ by instance: every key of values.yaml, and
	// those that Patches refer to as $(key), since a patch whose text differs by
	// facility would need a template for each. What they hold is never read as YAML.
	Values map[string]string
	// Files replace files of the folder, such as the CSVs of a configMapGenerator.
	Files map[string]string
	// Patches are kustomize patches for what is not a string: replicas,
	// resources, node selectors. They name objects as the folder does, without prefix.
	Patches []types.Patch
}

// Instance says for whom components are rendered.
type Instance struct {
	// Namespace of the objects.
	Namespace string
	// NamePrefix of the objects' names, such as "tebidah-"; empty for a district.
	NamePrefix string
	// Labels are set on every object. A folder that carries LabelDistrict or
	// LabelPuskesmas as an example must be given a value for it here.
	Labels map[string]string
}

// Renderer renders components of one stack. It is safe for concurrent use.
type Renderer struct {
	stack     fs.FS
	templates *lru.Cache
	building  singleflight.Group
	values    sync.Map // path of a component → sorted keys of its values
	published sync.Map // path of a component → port at which it may be published
}

// New returns a Renderer of the components in stack.
func New(stack fs.FS) *Renderer {
	return &Renderer{stack: stack, templates: lru.New(templateCacheSize)}
}

// Render returns the objects of all components in their order, after patches of
// the user. The objects belong to the caller. Errors are a *ComponentError,
// which is a mistake in the stack or the operator, or a *PatchError, which is
// the user's.
func (r *Renderer) Render(in Instance, components []Component, patches []v1alpha1.Patch) ([]*unstructured.Unstructured, error) {
	if in.Namespace == "" {
		return nil, errors.New("cannot render: the instance has no namespace")
	}
	var objects []*unstructured.Unstructured
	for i := range components {
		rendered, err := r.render(in, &components[i], len(patches) == 0)
		if err != nil {
			return nil, &ComponentError{Path: components[i].Path, Err: err}
		}
		objects = append(objects, rendered...)
	}
	if len(patches) == 0 {
		return objects, nil
	}
	objects, err := applyPatches(objects, patches)
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		if err := nameBySpec(object); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// render fills the template of one component and checks the objects; what it
// checks no patch of a user can change. Patches find Jobs by their plain names,
// so that Jobs are named afterwards if there are any.
func (r *Renderer) render(in Instance, c *Component, nameJobs bool) ([]*unstructured.Unstructured, error) {
	names, values := slots(in, c)
	t, err := r.template(in, c, names)
	if err != nil {
		return nil, err
	}
	if in.NamePrefix != "" && !t.prefixed {
		return nil, errNoPrefix
	}
	objects := t.fill(values)
	for _, object := range objects {
		if err := check(object); err != nil {
			return nil, fmt.Errorf("%s: %w", describe(object), err)
		}
	}
	if nameJobs {
		t.nameJobs(objects, values)
	}
	return objects, nil
}

// LabelComponent tells which component an object comes from.
const LabelComponent = "app.kubernetes.io/component"

// ByComponent groups objects by the component that they come from.
func ByComponent(objects []*unstructured.Unstructured) map[string][]*unstructured.Unstructured {
	groups := map[string][]*unstructured.Unstructured{}
	for _, object := range objects {
		component := object.GetLabels()[LabelComponent]
		groups[component] = append(groups[component], object)
	}
	return groups
}
