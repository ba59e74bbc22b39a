package override

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/types"

	"ilp.health/operator/api/v1alpha1"
)

// Variables appends a facility's own variables to the pods of a kind. The
// values are values of the component, so that facilities share a template.
func Variables(kind string, pod v1alpha1.RMEPod) ([]types.Patch, map[string]string) {
	var adds []Add
	values := map[string]string{}
	for i, variable := range pod.Env {
		key := fmt.Sprintf("podVariable%d", i)
		values[key] = variable.Value
		adds = append(adds, Add{Container + "/env/-", corev1.EnvVar{Name: variable.Name, Value: "$(" + key + ")"}})
	}
	return patches(kind, adds), values
}

// Marks puts a facility's labels and annotations on the pods of Deployments, the
// annotations' values by values of the component.
func Marks(pod v1alpha1.RMEPod) ([]types.Patch, map[string]string) {
	if len(pod.Labels)+len(pod.Annotations) == 0 {
		return nil, nil
	}
	values, annotations := map[string]string{}, map[string]string{}
	for i, key := range slices.Sorted(maps.Keys(pod.Annotations)) {
		value := fmt.Sprintf("podAnnotation%d", i)
		values[value] = string(pod.Annotations[key])
		annotations[key] = "$(" + value + ")"
	}
	// Merged, for the folder's own labels are put there only after patches.
	return []types.Patch{merge("apps/v1", Deployments, map[string]any{
		"template": map[string]any{"metadata": map[string]any{"labels": pod.Labels, "annotations": annotations}},
	})}, values
}

// merge makes a patch that is merged into the specs of all objects of a kind.
func merge(apiVersion, kind string, spec map[string]any) types.Patch {
	raw, err := json.Marshal(map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": "all"}, "spec": spec})
	if err != nil {
		panic(fmt.Sprintf("values of patches are plain data: %v", err))
	}
	return types.Patch{Patch: string(raw), Target: targetOf(kind)}
}

func patches(kind string, adds []Add) []types.Patch {
	if len(adds) == 0 {
		return nil
	}
	return []types.Patch{Patch(kind, adds...)}
}

func tolerations(list []v1alpha1.PodToleration) []corev1.Toleration {
	converted := make([]corev1.Toleration, len(list))
	for i, t := range list {
		converted[i] = corev1.Toleration{Key: t.Key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffect(t.Effect)}
		if t.Value != "" {
			converted[i].Operator, converted[i].Value = corev1.TolerationOpEqual, string(t.Value)
		}
	}
	return converted
}
