package gitops

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// FluxExample is the file with the Flux Kustomization.
const FluxExample = "config/gitops/flux/sintang.yaml"

// Judges tell the health of resources by what config/gitops has.
type Judges struct {
	argocd *argoCD
	flux   *Flux
}

// verdict is how the tools see one resource.
type verdict struct {
	kstatus, flux status.Status
	argocd        health
}

// LoadJudges reads config/gitops of the repository whose root it is given.
func LoadJudges(root string) (*Judges, error) {
	argocd, err := loadArgoCD(filepath.Join(root, "config/gitops/argocd/argocd-cm.yaml"))
	if err != nil {
		return nil, err
	}
	flux, err := LoadFlux(filepath.Join(root, FluxExample))
	if err != nil {
		return nil, err
	}
	return &Judges{argocd: argocd, flux: flux}, nil
}

// Agree asks all of them. It is an error if one has no answer, or if they
// contradict each other.
func (j *Judges) Agree(ctx context.Context, object *unstructured.Unstructured) error {
	_, _, err := j.judge(ctx, object)
	return err
}

// judge returns what Agree finds, and the message that Argo CD shows.
func (j *Judges) judge(ctx context.Context, object *unstructured.Unstructured) (v verdict, message string, err error) {
	result, err := status.Compute(object)
	if err != nil {
		return v, "", fmt.Errorf("kstatus: %w", err)
	}
	v.kstatus = result.Status
	if v.flux, err = j.flux.status(ctx, object); err != nil {
		return v, "", fmt.Errorf("by the expressions of Flux: %w", err)
	}
	if v.argocd, message, err = j.argocd.health(ctx, object); err != nil {
		return v, "", fmt.Errorf("by the script of Argo CD: %w", err)
	}
	switch {
	case message == "":
		return v, "", fmt.Errorf("the script of Argo CD has no message for %s", v.argocd)
	case !slices.Contains(agreements, v):
		return v, message, fmt.Errorf("kstatus says %s, Flux %s and Argo CD %s", v.kstatus, v.flux, v.argocd)
	}
	return v, message, nil
}

// agreements are the answers that go together.
var agreements = []verdict{
	{status.CurrentStatus, status.CurrentStatus, healthy},
	{status.InProgressStatus, status.InProgressStatus, progressing},
	{status.FailedStatus, status.FailedStatus, degraded},
	// Hibernated stands as asked for.
	{status.CurrentStatus, status.CurrentStatus, suspended},
	// Of what is suspended kstatus knows nothing, and says that it goes on.
	{status.InProgressStatus, status.CurrentStatus, suspended},
	// Expressions and scripts have no word for it.
	{status.TerminatingStatus, status.InProgressStatus, progressing},
}
