package preview

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/admission"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
)

// inFlight is how many objects are compared at once.
const inFlight = 8

// preview gathers what would change.
type preview struct {
	cluster *cluster

	// wanted are the operator's own resources as the files make them.
	wanted wanted

	mu       sync.Mutex
	changes  []change
	problems []manifest.Problem
	notes    []string
}

// wanted are resources as they are after the files are applied.
type wanted struct {
	districts []v1alpha1.District
	puskesmas []v1alpha1.Puskesmas
	waves     []v1alpha1.Wave
	releases  []v1alpha1.StackRelease
}

// compareFiles compares the objects of the files themselves.
func (p *preview) compareFiles(ctx context.Context, objects []manifest.Object) error {
	checker, err := admission.New()
	if err != nil {
		return err
	}
	present, err := p.namespacesOf(ctx, objects)
	if err != nil {
		return err
	}
	results := make([]*unstructured.Unstructured, len(objects))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inFlight)
	for i, object := range objects {
		group.Go(func() error {
			mapping, err := p.cluster.client.RESTMapper().RESTMapping(object.GroupVersionKind().GroupKind(), object.GroupVersionKind().Version)
			switch {
			case meta.IsNoMatchError(err):
				p.problem(object.Problem("", "the cluster has no such kind: install what brings it, such as the operator, first"))
				return nil
			case err != nil:
				return err
			case mapping.Scope.Name() == meta.RESTScopeNameNamespace && object.GetNamespace() == "":
				p.problem(object.Problem("metadata.namespace", "is missing: write the namespace that it belongs in"))
				return nil
			}
			if namespace := object.GetNamespace(); namespace != "" && !present[namespace] {
				results[i], err = p.compareNew(ctx, checker, object)
			} else {
				results[i], err = p.compareFile(ctx, object)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, result := range results {
		if err := p.wanted.take(result); err != nil {
			return err
		}
	}
	return nil
}

// namespacesOf tells which of the objects' namespaces there are: in others a dry
// run is not possible.
func (p *preview) namespacesOf(ctx context.Context, objects []manifest.Object) (map[string]bool, error) {
	present := map[string]bool{}
	for _, object := range objects {
		name := object.GetNamespace()
		if _, known := present[name]; name == "" || known {
			continue
		}
		there, err := p.cluster.hasNamespace(ctx, name)
		if err != nil {
			return nil, err
		}
		present[name] = there
	}
	return present, nil
}

// compareNew takes an object whose namespace is to be made with it, by what is
// known of its kind without the API server.
func (p *preview) compareNew(ctx context.Context, checker *admission.Checker, object manifest.Object) (*unstructured.Unstructured, error) {
	if problems := checker.Check(ctx, object); len(problems) > 0 {
		p.problem(problems...)
		return nil, nil
	}
	return object.Unstructured, p.compare(byFiles, nil, object.Unstructured)
}

// compareFile asks the API server what it would make of an object. What it
// refuses becomes a problem.
func (p *preview) compareFile(ctx context.Context, object manifest.Object) (*unstructured.Unstructured, error) {
	live, err := p.cluster.get(ctx, object)
	if err != nil {
		return nil, err
	}
	after, err := p.cluster.afterFiles(ctx, live, object.Unstructured)
	if err != nil {
		p.problem(object.Problem("", refused(object, err).Error()))
		return nil, nil
	}
	return after, p.compare(byFiles, live, after)
}

func (p *preview) compare(by cause, before, after *unstructured.Unstructured) error {
	c, err := compare(by, before, after)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes = append(p.changes, c)
	return nil
}

func (p *preview) problem(problems ...manifest.Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = manifest.Sort(append(p.problems, problems...))
}

// take keeps the operator's own resources.
func (w *wanted) take(object *unstructured.Unstructured) error {
	if object == nil || object.GroupVersionKind().GroupVersion() != v1alpha1.GroupVersion {
		return nil
	}
	switch object.GetKind() {
	case "District":
		return keep(&w.districts, object)
	case "Puskesmas":
		return keep(&w.puskesmas, object)
	case "Wave":
		return keep(&w.waves, object)
	case "StackRelease":
		return keep(&w.releases, object)
	default:
		return errors.New("there is no kind " + object.GetKind() + " in " + v1alpha1.GroupVersion.String())
	}
}

func keep[T any](list *[]T, object *unstructured.Unstructured) error {
	var value T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &value); err != nil {
		return err
	}
	*list = append(*list, value)
	return nil
}
