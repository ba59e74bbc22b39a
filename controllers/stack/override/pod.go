package override

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/types"

	"ilp.health/operator/api/v1alpha1"
)

// Variables appends a facility's own variables to the pods of a kind. The
// values are params of the component, so that facilities share a template.
func Variables(kind string, pod v1alpha1.RMEPod) ([]types.Patch, map[string]string) {
	var adds []Add
	params := map[string]string{}
	for i, variable := range pod.Env {
		param := fmt.Sprintf("podVariable%d", i)
		params[param] = variable.Value
		adds = append(adds, Add{Container + "/env/-", corev1.EnvVar{Name: variable.Name, Value: "$(" + param + ")"}})
	}
	return patches(kind, adds), params
}

// Marks puts a facility's labels and annotations on the pods of a kind, the
// annotations' values by params.
func Marks(kind string, pod v1alpha1.RMEPod) ([]types.Patch, map[string]string) {
	var adds []Add
	params := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(pod.Labels)) {
		adds = append(adds, Add{podMetadata + "/labels/" + Pointer(key), pod.Labels[key]})
	}
	for i, key := range slices.Sorted(maps.Keys(pod.Annotations)) {
		param := fmt.Sprintf("podAnnotation%d", i)
		params[param] = string(pod.Annotations[key])
		adds = append(adds, Add{podMetadata + "/annotations/" + Pointer(key), "$(" + param + ")"})
	}
	return patches(kind, adds), params
}

const podMetadata = "/spec/template/metadata"

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
