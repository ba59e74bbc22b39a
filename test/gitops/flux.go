package gitops

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// Flux is what a Flux Kustomization of this project says.
type Flux struct {
	// Name and namespace are the Kustomization's own.
	Name, Namespace string
	// Path is the folder that it applies.
	Path string
	// Patches are applied to it.
	Patches []types.Patch
	// HealthChecks tell the health of what is applied.
	HealthChecks []kustomize.CustomHealthCheck
}

// LoadFlux reads the Flux Kustomization of a file.
func LoadFlux(file string) (*Flux, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
		var resource struct {
			Kind     string            `json:"kind"`
			Metadata metav1.ObjectMeta `json:"metadata"`
			Spec     struct {
				Path             string                        `json:"path"`
				Patches          []types.Patch                 `json:"patches"`
				HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs"`
			} `json:"spec"`
		}
		if err := yaml.Unmarshal(document, &resource); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if resource.Kind == "Kustomization" {
			return &Flux{
				Name: resource.Metadata.Name, Namespace: resource.Metadata.Namespace,
				Path: resource.Spec.Path, Patches: resource.Spec.Patches, HealthChecks: resource.Spec.HealthCheckExprs,
			}, nil
		}
	}
	return nil, fmt.Errorf("%s holds no Kustomization", file)
}

// status evaluates the expressions of the resource's kind.
func (f *Flux) status(ctx context.Context, object *unstructured.Unstructured) (status.Status, error) {
	for _, check := range f.HealthChecks {
		if schema.FromAPIVersionAndKind(check.APIVersion, check.Kind) != object.GroupVersionKind() {
			continue
		}
		evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
		if err != nil {
			return "", err
		}
		result, err := evaluator.Evaluate(ctx, object)
		if err != nil {
			return "", err
		}
		return result.Status, nil
	}
	return "", fmt.Errorf("there are no healthCheckExprs of %s", object.GroupVersionKind())
}
