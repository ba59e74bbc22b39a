package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/kustomize/api/filters/patchstrategicmerge"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"ilp.health/operator/api/v1alpha1"
)

// copySizeLimit bounds what the copy operations of one JSON patch may add: a
// few lines of them could otherwise double an object beyond all memory.
const copySizeLimit = 1 << 20

// protectedLabels are those by which the operator finds its objects again and
// knows what it must not lose.
var protectedLabels = []string{v1alpha1.LabelManagedBy, v1alpha1.LabelDistrict, v1alpha1.LabelPuskesmas, v1alpha1.LabelStateful}

// identity are the fields that make an object the one it is.
var identity = [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}, {"metadata", "namespace"}}

// applyPatches applies the user's patches in their order. It uses kustomize's
// own merge, but not a build: that would read and write all objects once more,
// would let a patch without a match pass in silence and could not tell which of
// the patches is wrong. No object comes or goes, so that each can be compared
// with how it was rendered.
func applyPatches(rendered []*unstructured.Unstructured, patches []v1alpha1.Patch) ([]*unstructured.Unstructured, error) {
	objects := slices.Clone(rendered)
	for i := range patches {
		documents, err := parsePatch(patches[i])
		if err != nil {
			return nil, &PatchError{Index: i, Target: targetName(patches[i].Target), Reason: err.Error()}
		}
		for _, d := range documents {
			if err := d.apply(rendered, objects); err != nil {
				return nil, &PatchError{Index: i, Target: d.target.text, Reason: err.Error()}
			}
		}
	}
	for i := range objects {
		keepStopped(rendered[i], objects[i])
	}
	return objects, nil
}

// keepStopped leaves a Deployment that is rendered without pods, since its stack
// hibernates, as it is: how many pods a patch asks for counts again afterwards.
func keepStopped(rendered, patched *unstructured.Unstructured) {
	replicas, found, _ := unstructured.NestedInt64(rendered.Object, "spec", "replicas")
	if found && replicas == 0 {
		unstructured.SetNestedField(patched.Object, replicas, "spec", "replicas") //nolint:errcheck // spec is a map, or there were no replicas in it
	}
}

// apply patches the objects that the document's target matches.
func (d *document) apply(rendered, objects []*unstructured.Unstructured) error {
	matched := false
	for i, before := range objects {
		if !d.target.matches(before) {
			continue
		}
		matched = true
		after, err := d.patch(before)
		if err != nil {
			return fmt.Errorf("on %s: %w", describe(before), err)
		}
		if err := withinFence(rendered[i], after); err != nil {
			return err
		}
		objects[i] = after
	}
	if !matched {
		return fmt.Errorf("the target matches nothing; there are %s", list(objects))
	}
	return nil
}

// patch returns the patched object, or nil if the patch deletes it.
func (d *document) patch(object *unstructured.Unstructured) (after *unstructured.Unstructured, err error) {
	err = guarded(func() error {
		if d.operations != nil {
			after, err = d.patchJSON(object)
		} else {
			after, err = d.merge(object)
		}
		return err
	})
	return after, err
}

func (d *document) patchJSON(object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	content, err := json.Marshal(object.Object)
	if err != nil {
		return nil, err
	}
	options := jsonpatch.NewApplyOptions()
	options.AccumulatedCopySizeLimit = copySizeLimit
	content, err = d.operations.ApplyWithOptions(content, options)
	if err != nil {
		return nil, err
	}
	after := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(content, &after.Object); err != nil {
		return nil, fmt.Errorf("the patch leaves no object: %w", err)
	}
	return after, nil
}

func (d *document) merge(object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	node, err := toNode(object.Object)
	if err != nil {
		return nil, err
	}
	patch, err := d.mergePatchFor(object)
	if err != nil {
		return nil, err
	}
	merged, err := patchstrategicmerge.Filter{Patch: patch}.Filter([]*yaml.RNode{node})
	if err != nil || len(merged) == 0 {
		return nil, err
	}
	return toUnstructured(merged[0])
}

// mergePatchFor completes the patch by the object's identity, by which
// kustomize finds the schema that says how lists are merged. An identity that
// differs would be dropped by kustomize in silence.
func (d *document) mergePatchFor(object *unstructured.Unstructured) (*yaml.RNode, error) {
	for _, path := range identity {
		given, found, err := unstructured.NestedFieldNoCopy(d.merged, path...)
		if err != nil {
			return nil, err
		}
		if is, _, _ := unstructured.NestedString(object.Object, path...); found && given != is {
			return nil, fmt.Errorf("%s is %v but the object's is %s: write that or leave it out", strings.Join(path, "."), given, is)
		}
	}
	patch := &unstructured.Unstructured{Object: maps.Clone(d.merged)}
	patch.SetAPIVersion(object.GetAPIVersion())
	patch.SetKind(object.GetKind())
	return toNode(patch.Object)
}

// unharmed refuses a patch that makes another object of one, or takes away what
// the operator needs to look after it.
func unharmed(before, after *unstructured.Unstructured) error {
	for _, path := range identity {
		was, _, _ := unstructured.NestedString(before.Object, path...)
		is, _, err := unstructured.NestedString(after.Object, path...)
		if err != nil || is != was {
			return fmt.Errorf("it changes %s of %s: leave it at %q", strings.Join(path, "."), describe(before), was)
		}
	}
	for _, key := range protectedLabels {
		if was := label(before, key); label(after, key) != was {
			return fmt.Errorf("it changes the label %s of %s: leave it at %q", key, describe(before), was)
		}
	}
	return nil
}

// toNode converts by way of JSON, whose strings are quoted: none turns into a
// number or a date on the way.
func toNode(object map[string]any) (*yaml.RNode, error) {
	content, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return yaml.Parse(string(content))
}

// list names all objects for a message.
func list(objects []*unstructured.Unstructured) string {
	names := make([]string, len(objects))
	for i := range objects {
		names[i] = describe(objects[i])
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
