package render

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"ilp.health/operator/api/v1alpha1"
)

// What is checked at the openings of the fence. The patterns are those by which
// the schema judges typed fields.
var (
	ownKey              = regexp.MustCompile(v1alpha1.OwnKey)
	controllerKeys      = regexp.MustCompile(v1alpha1.ControllerKeys)
	harmlessAnnotations = regexp.MustCompile(v1alpha1.HarmlessAnnotations)
	envName             = regexp.MustCompile(v1alpha1.EnvName)
	reservedEnv         = regexp.MustCompile(v1alpha1.ReservedEnv)
	taintKey            = regexp.MustCompile(v1alpha1.TaintKey)
	kubernetesKey       = regexp.MustCompile(v1alpha1.KubernetesKey)
	labelText           = regexp.MustCompile(v1alpha1.LabelText)
	plainResources      = regexp.MustCompile(v1alpha1.PlainResources)
)

// maxReplicas is what the API allows in its typed fields.
const maxReplicas = 10

func replicasSane(_, is any) error {
	if n, ok := is.(int64); !ok || n < 0 || n > maxReplicas {
		return fmt.Errorf("write a number from 0 to %d", maxReplicas)
	}
	return nil
}

func labelsAdded(was, is any) error {
	return added(was, is, func(key, text string) error {
		if !ownKey.MatchString(key) || controllerKeys.MatchString(key) {
			return errors.New("a label's key has no domain or one in Indonesia, such as cost-centre or dinkes.example.go.id/unit; others decide about isolation")
		}
		return labelsValue(text)
	})
}

func labelsValue(text string) error {
	if !labelText.MatchString(text) {
		return fmt.Errorf("%q is no value of a label: use letters and digits, with '-', '_' and '.' between them", text)
	}
	return nil
}

func annotationsAdded(was, is any) error {
	return added(was, is, func(key, _ string) error {
		if !ownKey.MatchString(key) && !harmlessAnnotations.MatchString(key) {
			return errors.New("an annotation's key has no domain or one in Indonesia, such as note or dinkes.example.go.id/note; others decide about isolation")
		}
		return nil
	})
}

// ingressAnnotations are keys and values of annotations that change how a page
// is served, not what or to whom.
var ingressAnnotations = map[string]*regexp.Regexp{
	"cert-manager.io/issuer":                         regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`),
	"cert-manager.io/cluster-issuer":                 regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`),
	"nginx.ingress.kubernetes.io/proxy-body-size":    regexp.MustCompile(`^[0-9]+[kmgKMG]?$`),
	"nginx.ingress.kubernetes.io/proxy-read-timeout": regexp.MustCompile(`^[0-9]+$`),
	"nginx.ingress.kubernetes.io/proxy-send-timeout": regexp.MustCompile(`^[0-9]+$`),
}

func ingressAnnotationsAdded(was, is any) error {
	return added(was, is, func(key, value string) error {
		pattern := ingressAnnotations[key]
		if pattern == nil {
			return fmt.Errorf("an Ingress takes only %s", keys(ingressAnnotations))
		}
		if !pattern.MatchString(value) {
			return fmt.Errorf("%q is no value of it", value)
		}
		return nil
	})
}

func nodesNarrowed(was, is any) error {
	return added(was, is, func(key, text string) error {
		if !taintKey.MatchString(key) {
			return errors.New("a node's label has a key such as disk or example.go.id/disk")
		}
		return labelsValue(text)
	})
}

// added checks that a map of strings keeps what it had and that each new entry
// is right.
func added(was, is any, check func(key, value string) error) error {
	before, _ := was.(map[string]any)
	after, ok := is.(map[string]any)
	if !ok {
		return errors.New("it stays a map: add to it")
	}
	for _, key := range keysOfBoth(before, after) {
		if old, ok := before[key]; ok {
			if !reflect.DeepEqual(old, value(after, key)) {
				return fmt.Errorf("%s stays %q", key, old)
			}
			continue
		}
		text, ok := after[key].(string)
		if !ok {
			return fmt.Errorf("%s is no text: write it in quotes", key)
		}
		if err := check(key, text); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// variablesAdded keeps the variables that are there, in their order: later ones
// refer to earlier ones.
func variablesAdded(was, is any) error {
	before, _ := was.([]any)
	after, ok := is.([]any)
	if !ok {
		return errors.New("it stays a list: add to it")
	}
	there := map[any]bool{}
	for _, v := range before {
		there[nameOf(v)] = true
	}
	var kept []any
	for _, v := range after {
		name := nameOf(v)
		if there[name] && len(kept) < len(before) {
			kept = append(kept, v)
			continue
		}
		if there[name] {
			return fmt.Errorf("%s is there twice", name)
		}
		there[name] = true
		if err := plainVariable(v); err != nil {
			return err
		}
	}
	for i, v := range before {
		if i >= len(kept) || !reflect.DeepEqual(v, kept[i]) {
			return fmt.Errorf("%s stays as it is and where it is: only further variables are added", nameOf(v))
		}
	}
	return nil
}

func nameOf(v any) string {
	m, _ := v.(map[string]any)
	name, _ := m["name"].(string)
	return name
}

func plainVariable(v any) error {
	variable, _ := v.(map[string]any)
	name := nameOf(v)
	text, ok := variable["value"].(string)
	switch {
	case !envName.MatchString(name):
		return fmt.Errorf("%q is no name of a variable: use letters, digits and _", name)
	case reservedEnv.MatchString(name):
		return fmt.Errorf("%s is a name that the operator provides or that a program's loader obeys: choose another", name)
	case !ok || len(variable) != 2:
		return fmt.Errorf("%s needs a name and a plain value in quotes, nothing else: no valueFrom", name)
	case strings.Contains(text, "$("):
		return fmt.Errorf("%s refers to other variables by $(…): write a plain value", name)
	}
	return nil
}

// resourcesSane lets requests and limits of plain resources change. A container
// without a limit of memory could take its whole node.
func resourcesSane(was, is any) error {
	after, ok := is.(map[string]any)
	if !ok {
		return errors.New("it stays a map of requests and limits")
	}
	before, _ := was.(map[string]any)
	for _, key := range keysOfBoth(before, after) {
		if key != "requests" && key != "limits" {
			return fmt.Errorf("%s is neither requests nor limits", key)
		}
		list, ok := after[key].(map[string]any)
		if !ok {
			return fmt.Errorf("%s stays a map", key)
		}
		for _, name := range slices.Sorted(maps.Keys(list)) {
			if !plainResources.MatchString(name) {
				return fmt.Errorf("%s.%s is not among cpu, memory, ephemeral-storage and hugepages-<size>", key, name)
			}
			if q, err := quantity(list[name]); err != nil || key == "limits" && q.IsZero() {
				return fmt.Errorf("%s.%s: %v is no quantity such as 512Mi, above zero for a limit", key, name, list[name])
			}
		}
	}
	limits, _ := after["limits"].(map[string]any)
	if _, ok := limits["memory"]; !ok {
		return errors.New("limits.memory is missing: a container without it could take its whole node")
	}
	return nil
}

// quantity reads an amount that is not negative. A limit of zero would be no
// limit at all.
func quantity(v any) (resource.Quantity, error) {
	switch v.(type) {
	case string, int64, float64:
	default:
		return resource.Quantity{}, fmt.Errorf("%v is no quantity, such as 20Gi", v)
	}
	q, err := resource.ParseQuantity(fmt.Sprint(v))
	if err != nil || q.Sign() < 0 {
		return q, fmt.Errorf("%v is no quantity, such as 20Gi", v)
	}
	return q, nil
}

// tolerationsAdded keeps what is there. A toleration without a key would let
// pods onto the control plane.
func tolerationsAdded(was, is any) error {
	before, _ := was.([]any)
	after, ok := is.([]any)
	if !ok {
		return errors.New("it stays a list: add to it")
	}
	for _, v := range before {
		if !slices.ContainsFunc(after, func(other any) bool { return reflect.DeepEqual(v, other) }) {
			return errors.New("what tolerations are there stay")
		}
	}
	for _, v := range after {
		if slices.ContainsFunc(before, func(other any) bool { return reflect.DeepEqual(v, other) }) {
			continue
		}
		toleration, _ := v.(map[string]any)
		key, _ := toleration["key"].(string)
		if !taintKey.MatchString(key) || kubernetesKey.MatchString(key) {
			return fmt.Errorf("a toleration names the key of a taint of your own, not %q: those of Kubernetes guard the control plane and broken nodes", key)
		}
	}
	return nil
}

func parametersHarmless(was, is any) error {
	before, _ := was.(map[string]any)
	after, ok := is.(map[string]any)
	if !ok {
		return errors.New("it stays a map")
	}
	for _, name := range keysOfBoth(before, after) {
		if reflect.DeepEqual(value(before, name), value(after, name)) {
			continue
		}
		if _, ok := after[name]; !ok {
			return fmt.Errorf("%s is taken out: write the value that you want", name)
		}
		if _, ok := after[name].(string); !ok {
			return fmt.Errorf("%s is no text: write it in quotes", name)
		}
		if err := v1alpha1.CheckParameter(name); err != nil {
			return err
		}
	}
	return nil
}

// affinityFields are those of CloudNativePG's affinity that choose among nodes;
// nodeSelector and tolerations are judged like a pod's.
var affinityFields = []string{"additionalPodAffinity", "additionalPodAntiAffinity", "enablePodAntiAffinity", "nodeAffinity", "podAntiAffinityType", "topologyKey"}

func affinityNarrowed(was, is any) error {
	before, _ := was.(map[string]any)
	after, ok := is.(map[string]any)
	if !ok {
		return errors.New("it stays a map: add to it")
	}
	for _, key := range keysOfBoth(before, after) {
		old, now := value(before, key), value(after, key)
		var err error
		switch {
		case reflect.DeepEqual(old, now):
		case key == "nodeSelector":
			err = nodesNarrowed(old, now)
		case key == "tolerations":
			err = tolerationsAdded(old, now)
		case !slices.Contains(affinityFields, key):
			err = errors.New("CloudNativePG has no such field")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func storageGrown(was, is any) error {
	now, err := quantity(is)
	if err != nil {
		return err
	}
	if old, err := quantity(was); err == nil && now.Cmp(old) < 0 {
		return fmt.Errorf("%v is less than %v: volumes grow, they never shrink", is, was)
	}
	return nil
}
