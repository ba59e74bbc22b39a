package render

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	k8syaml "sigs.k8s.io/yaml"

	"ilp.health/operator/api/v1alpha1"
)

// document is one YAML document of a patch: operations or something to merge.
type document struct {
	target     *target
	operations jsonpatch.Patch
	merged     map[string]any
}

// target selects objects.
type target struct {
	group, kind string         // empty matches any
	name        *regexp.Regexp // nil matches any
	selector    labels.Selector
	text        string // for messages
}

// parsePatch reads a patch. Everything passes through JSON first: it refuses
// duplicate keys and aliases that expand without end, which kustomize would follow.
func parsePatch(p v1alpha1.Patch) ([]*document, error) {
	var documents []*document
	reader := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(p.Patch)))
	for {
		content, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the patch is not YAML: %w", err)
		}
		content, err = k8syaml.YAMLToJSONStrict(content)
		if err != nil {
			return nil, fmt.Errorf("the patch is not YAML: %w", err)
		}
		if bytes.Equal(content, []byte("null")) {
			continue // only comments
		}
		d, err := parseDocument(content, p.Target)
		if err != nil {
			return nil, err
		}
		documents = append(documents, d)
	}
	if len(documents) == 0 {
		return nil, errors.New("the patch is empty: write what is to change or take it out")
	}
	return documents, nil
}

// parseDocument reads one document, which is JSON by now.
func parseDocument(content []byte, wanted v1alpha1.PatchTarget) (*document, error) {
	d := &document{}
	switch content[0] {
	case '[':
		if wanted == (v1alpha1.PatchTarget{}) {
			return nil, errors.New("a list of JSON 6902 operations needs a target: name the kind and name of the object that it changes")
		}
		var err error
		if d.operations, err = jsonpatch.DecodePatch(content); err != nil {
			return nil, fmt.Errorf("the patch is not a list of JSON 6902 operations: %w", err)
		}
		if len(d.operations) == 0 {
			return nil, errors.New("the patch has no operations: write some or take it out")
		}
	case '{':
		if err := utiljson.Unmarshal(content, &d.merged); err != nil {
			return nil, fmt.Errorf("the patch is not an object: %w", err)
		}
	default:
		return nil, fmt.Errorf("the patch is %.40s: write a strategic merge patch (an object) or JSON 6902 operations (a list)", content)
	}
	if wanted == (v1alpha1.PatchTarget{}) {
		var err error
		d.target, err = ownTarget(d.merged)
		return d, err
	}
	var err error
	d.target, err = newTarget(wanted)
	return d, err
}

// ownTarget is the object that a strategic merge patch names itself.
func ownTarget(patch map[string]any) (*target, error) {
	named := unstructured.Unstructured{Object: patch}
	if named.GetKind() == "" || named.GetName() == "" {
		return nil, errors.New("the patch has neither a target nor kind and metadata.name: name the object that it changes")
	}
	return newTarget(v1alpha1.PatchTarget{
		Group: named.GroupVersionKind().Group,
		Kind:  named.GetKind(),
		Name:  regexp.QuoteMeta(named.GetName()),
	})
}

func newTarget(wanted v1alpha1.PatchTarget) (*target, error) {
	t := &target{group: wanted.Group, kind: wanted.Kind, text: targetName(wanted)}
	var err error
	if wanted.Name != "" {
		if t.name, err = regexp.Compile("^(?:" + wanted.Name + ")$"); err != nil {
			return nil, fmt.Errorf("target.name is not a regular expression: %w", err)
		}
	}
	if t.selector, err = labels.Parse(wanted.LabelSelector); err != nil {
		return nil, fmt.Errorf("target.labelSelector is not a selector: %w", err)
	}
	return t, nil
}

// matches reports whether the target selects the object; what it does not name
// it does not ask for.
func (t *target) matches(object *unstructured.Unstructured) bool {
	return (t.group == "" || t.group == object.GroupVersionKind().Group) &&
		(t.kind == "" || t.kind == object.GetKind()) &&
		(t.name == nil || t.name.MatchString(object.GetName())) &&
		t.selector.Matches(labels.Set(object.GetLabels()))
}

// targetName names a target as people write objects; it is empty where the
// patch has none.
func targetName(t v1alpha1.PatchTarget) string {
	name := t.Kind
	if t.Group != "" {
		name = strings.TrimPrefix(name+"."+t.Group, ".")
	}
	if t.Name != "" {
		name += "/" + t.Name
	}
	if t.LabelSelector != "" {
		name = strings.TrimSpace(name + " with labels " + t.LabelSelector)
	}
	return name
}
