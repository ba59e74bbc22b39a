// Package override makes the kustomize patches and values by which specs
// differ from what the components' folders say: images, replicas, resources,
// nodes. All functions are pure.
package override

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/render"
)

// Kinds of objects that patches are for, as kustomize's regular expressions.
const (
	Deployments = "Deployment"
	Jobs        = "Job"
	// Pods are all that make pods.
	Pods = "Deployment|Job"
	// Clusters are CloudNativePG's.
	Clusters = "Cluster"
	Ingress  = "Ingress"
	Routes   = "HTTPRoute"
)

// Paths of JSON patches within Deployments and Jobs.
const (
	PodSpec   = "/spec/template/spec"
	Container = PodSpec + "/containers/0"
)

// Add is a JSON patch operation that sets a field, or appends where the path
// ends in "/-".
type Add struct {
	Path  string
	Value any
}

// Pointer escapes a key for a JSON pointer (RFC 6901).
func Pointer(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// Patch makes a kustomize patch of all objects of a kind in a component.
func Patch(kind string, adds ...Add) types.Patch {
	operations := make([]map[string]any, 0, len(adds))
	for _, add := range adds {
		operations = append(operations, map[string]any{"op": "add", "path": add.Path, "value": add.Value})
	}
	raw, err := json.Marshal(operations)
	if err != nil {
		panic(fmt.Sprintf("values of patches are plain data: %v", err))
	}
	return types.Patch{Patch: string(raw), Target: targetOf(kind)}
}

// targetOf selects all objects of a kind in a component.
func targetOf(kind string) *types.Selector {
	return &types.Selector{ResId: resid.ResId{Gvk: resid.Gvk{Kind: kind}}}
}

// Replicas sets the number of pods of Deployments; 0 leaves the folder's.
func Replicas(n int32) []types.Patch {
	if n == 0 {
		return nil
	}
	return []types.Patch{Patch(Deployments, Add{"/spec/replicas", n})}
}

// Stopped scales Deployments to no pod.
func Stopped() []types.Patch {
	return []types.Patch{Patch(Deployments, Add{"/spec/replicas", 0})}
}

// Resources replaces requests and limits at a path; an empty spec leaves the folder's.
func Resources(kind, path string, r v1alpha1.ResourceRequirements) []types.Patch {
	if len(r.Requests) == 0 && len(r.Limits) == 0 {
		return nil
	}
	return []types.Patch{Patch(kind, Add{path, r})}
}

// Placement keeps pods on the district's nodes, on those of them that the
// facility asks for, and lets them pull the district's images.
func Placement(d v1alpha1.DistrictSpec, pod v1alpha1.RMEPod) []types.Patch {
	var adds []Add
	selector := map[string]string{}
	for key, value := range pod.NodeSelector {
		selector[key] = string(value)
	}
	maps.Copy(selector, d.DataProtection.ResidencyNodeSelector)
	if len(selector) > 0 {
		adds = append(adds, Add{PodSpec + "/nodeSelector", selector})
	}
	if len(pod.Tolerations) > 0 {
		adds = append(adds, Add{PodSpec + "/tolerations", tolerations(pod.Tolerations)})
	}
	if len(d.Images.PullSecrets) > 0 {
		adds = append(adds, Add{PodSpec + "/imagePullSecrets", d.Images.PullSecrets})
	}
	if len(adds) == 0 {
		return nil
	}
	return []types.Patch{Patch(Pods, adds...)}
}

// Image takes an image from the district's registry, if it has one: the
// registry's name is replaced, or put before a name without one.
func Image(image v1alpha1.ImageReference, source v1alpha1.ImageSource) string {
	name := string(image)
	if source.Registry == "" {
		return name
	}
	first, rest, found := strings.Cut(name, "/")
	if found && (first == "localhost" || strings.ContainsAny(first, ".:")) {
		name = rest
	}
	return source.Registry + "/" + name
}

// Without leaves an object of a component out.
func Without(apiVersion, kind, name string) types.Patch {
	return types.Patch{Patch: fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s}\n$patch: delete\n", apiVersion, kind, name)}
}

// Exposure publishes the port of a Service by HTTPRoute where the district names
// a Gateway, and by Ingress otherwise, which finds the port by its name.
func Exposure(e v1alpha1.Exposure, port int32) render.Component {
	if e.Gateway.Name != "" {
		return render.Component{
			Path:    "exposure/gateway",
			Patches: []types.Patch{Patch(Routes, Add{"/spec/rules/0/backendRefs/0/port", port})},
		}
	}
	var adds []Add
	if e.IngressClassName != "" {
		adds = append(adds, Add{"/spec/ingressClassName", e.IngressClassName})
	}
	if e.TLSSecretName != "" {
		adds = append(adds, Add{"/spec/tls", []map[string]any{{"hosts": []string{"$(host)"}, "secretName": e.TLSSecretName}}})
	}
	component := render.Component{Path: "exposure/ingress"}
	if len(adds) > 0 {
		component.Patches = []types.Patch{Patch(Ingress, adds...)}
	}
	return component
}
