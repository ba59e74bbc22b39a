package gitops

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// flux holds the health expressions of a Flux Kustomization.
type flux struct {
	evaluators map[schema.GroupVersionKind]*cel.StatusEvaluator
}

// loadFlux reads the expressions of the Flux Kustomizations in a file.
func loadFlux(file string) (*flux, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	f := &flux{evaluators: map[schema.GroupVersionKind]*cel.StatusEvaluator{}}
	for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
		var resource struct {
			Kind string `json:"kind"`
			Spec struct {
				HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs"`
			} `json:"spec"`
		}
		if err := yaml.Unmarshal(document, &resource); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, check := range resource.Spec.HealthCheckExprs {
			evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
			if err != nil {
				return nil, fmt.Errorf("%s: %s %s: %w", file, resource.Kind, check.Kind, err)
			}
			f.evaluators[schema.FromAPIVersionAndKind(check.APIVersion, check.Kind)] = evaluator
		}
	}
	return f, nil
}

// status evaluates the expressions of the resource's kind.
func (f *flux) status(ctx context.Context, object *unstructured.Unstructured) (status.Status, error) {
	evaluator, found := f.evaluators[object.GroupVersionKind()]
	if !found {
		return "", fmt.Errorf("there are no healthCheckExprs of %s", object.GroupVersionKind())
	}
	result, err := evaluator.Evaluate(ctx, object)
	if err != nil {
		return "", err
	}
	return result.Status, nil
}
