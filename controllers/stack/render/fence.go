package render

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The fence: whoever may write a spec patches what the operator applies with the
// operator's rights. So patches change what is listed here and nothing else,
// whatever way they do it: the result of all patches so far is compared with
// what was rendered.

// opening is a field that patches may change.
type opening struct {
	// field is its path; [] stands for any element of a list.
	field string
	// check says what is wrong with the change; either value may be missing.
	check func(was, is any) error
}

// workload are the openings of what makes pods.
var workload = []opening{
	{"metadata.labels", labelsAdded},
	{"metadata.annotations", annotationsAdded},
	{"spec.template.metadata.labels", labelsAdded},
	{"spec.template.metadata.annotations", annotationsAdded},
	{"spec.template.spec.nodeSelector", nodesNarrowed},
	{"spec.template.spec.tolerations", tolerationsAdded},
	{"spec.template.spec.containers[].env", variablesAdded},
	{"spec.template.spec.containers[].resources", resourcesSane},
}

// fence lists the openings by group and kind; other kinds have none.
var fence = map[string][]opening{
	"apps/Deployment":           append([]opening{{"spec.replicas", replicasSane}}, workload...),
	"batch/Job":                 workload,
	"networking.k8s.io/Ingress": {{"metadata.annotations", ingressAnnotationsAdded}},
	"postgresql.cnpg.io/Cluster": {
		{"spec.postgresql.parameters", parametersHarmless},
		{"spec.affinity", affinityNarrowed},
		{"spec.storage.size", storageGrown},
	},
}

// typed are fields of our own API for what people like to patch, by the kind and
// the start of the path.
var typed = []struct{ kind, field, use string }{
	{"Deployment", "spec.template.spec.containers[].image", "spec.rme.image of a Puskesmas"},
	{"Deployment", "spec.template.spec.containers[].ports", "spec.rme.custom.port of a Puskesmas"},
	{"Deployment", "spec.template.spec.imagePullSecrets", "spec.images.pullSecrets of the District"},
	{"Job", "spec.template.spec.containers[].command", "spec.rme.custom.migrateCommand of a Puskesmas"},
	{"Job", "spec.template.spec.imagePullSecrets", "spec.images.pullSecrets of the District"},
	{"Service", "spec.ports", "spec.rme.custom.port of a Puskesmas"},
	{"Ingress", "spec.rules", "spec.rme.host of a Puskesmas or spec.exposure.domain of the District"},
	{"Ingress", "spec.tls", "spec.exposure.tlsSecretName of the District"},
	{"Ingress", "spec.ingressClassName", "spec.exposure.ingressClassName of the District"},
	{"HTTPRoute", "spec", "spec.exposure of the District or spec.rme.host of a Puskesmas"},
	{"Cluster", "spec.instances", "spec.database.instances"},
	{"Cluster", "spec.resources", "spec.database.resources"},
	{"Cluster", "spec.storage.storageClass", "spec.database.storageClassName"},
	{"Cluster", "spec.imageName", "a StackRelease with this image"},
	{"Cluster", "spec.imagePullSecrets", "spec.images.pullSecrets"},
	{"Cluster", "metadata.annotations", "spec.state for hibernation"},
}

// missing stands for a field that is not there, which is not the same as null.
type missing struct{}

// place is where in an object a value is: its pattern as openings write it, and
// what a reader sees, with the names of list elements.
type place struct{ pattern, text string }

func (p place) field(key string) place {
	if p.pattern == "" {
		return place{key, key}
	}
	if strings.ContainsAny(key, "./[]") {
		return place{p.pattern + "." + key, p.text + "[" + key + "]"}
	}
	return place{p.pattern + "." + key, p.text + "." + key}
}

func (p place) element(i int, value any) place {
	name := fmt.Sprint(i)
	if element, ok := value.(map[string]any); ok {
		if text, ok := element["name"].(string); ok {
			name = text
		}
	}
	return place{p.pattern + "[]", p.text + "[" + name + "]"}
}

// withinFence refuses what patches have changed outside of the openings. after
// is nil where a patch has deleted the object.
func withinFence(rendered, after *unstructured.Unstructured) error {
	if after == nil {
		return fmt.Errorf("it deletes %s, which no patch may: patches add to what is there", describe(rendered))
	}
	if err := unharmed(rendered, after); err != nil {
		return err
	}
	kind := rendered.GroupVersionKind().GroupKind()
	f := fenced{kind: kind.Kind, object: describe(rendered), openings: fence[kind.Group+"/"+kind.Kind]}
	return f.compare(place{}, rendered.Object, after.Object)
}

// fenced compares one object before and after.
type fenced struct {
	kind, object string
	openings     []opening
}

func (f *fenced) compare(at place, was, is any) error {
	if reflect.DeepEqual(was, is) {
		return nil
	}
	for _, o := range f.openings {
		if o.field == at.pattern {
			if err := o.check(was, is); err != nil {
				return fmt.Errorf("it changes %s of %s: %w", at.text, f.object, err)
			}
			return nil
		}
	}
	switch before := was.(type) {
	case map[string]any:
		if after, ok := is.(map[string]any); ok {
			for _, key := range keysOfBoth(before, after) {
				if err := f.compare(at.field(key), value(before, key), value(after, key)); err != nil {
					return err
				}
			}
			return nil
		}
	case []any:
		if after, ok := is.([]any); ok && len(after) == len(before) {
			for i := range before {
				if err := f.compare(at.element(i, before[i]), before[i], after[i]); err != nil {
					return err
				}
			}
			return nil
		}
	case missing:
		// What is made anew on the way to an opening is no change of its own.
		if after, ok := is.(map[string]any); ok && len(after) > 0 && f.leadsToOpening(at) {
			return f.compare(at, map[string]any{}, is)
		}
	}
	return f.outside(at)
}

func (f *fenced) leadsToOpening(at place) bool {
	return slices.ContainsFunc(f.openings, func(o opening) bool { return strings.HasPrefix(o.field, at.pattern+".") })
}

// outside says what patches may change instead.
func (f *fenced) outside(at place) error {
	message := fmt.Sprintf("it changes %s of %s, which no patch may: ", at.text, f.object)
	for _, t := range typed {
		if t.kind == f.kind && strings.HasPrefix(at.pattern, t.field) {
			message += "use " + t.use + "; "
			break
		}
	}
	if len(f.openings) == 0 {
		return fmt.Errorf("%spatches change nothing of kind %s, only of %s", message, f.kind, kindsInFence())
	}
	fields := make([]string, len(f.openings))
	for i, o := range f.openings {
		fields[i] = o.field
	}
	return fmt.Errorf("%sof kind %s patches change only %s", message, f.kind, strings.Join(fields, ", "))
}

func kindsInFence() string {
	var kinds []string
	for kind := range fence {
		kinds = append(kinds, kind[strings.Index(kind, "/")+1:])
	}
	slices.Sort(kinds)
	return strings.Join(kinds, ", ")
}

func keysOfBoth(a, b map[string]any) []string {
	all := make(map[string]any, len(a)+len(b))
	maps.Copy(all, a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func value(m map[string]any, key string) any {
	if v, ok := m[key]; ok {
		return v
	}
	return missing{}
}
