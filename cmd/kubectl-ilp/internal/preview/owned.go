package preview

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/render"
)

// owned are the objects that the operator makes for one resource.
type owned struct {
	// title of the resource.
	title string
	// present tells that the namespace exists.
	present bool
	// stopped tells that nothing new is made: the resource is hibernated.
	stopped bool
	// keeps is a component that stays as it is, or empty.
	keeps string
	// objects that are asked for.
	objects []*unstructured.Unstructured
	// namespace in which they are, and whose they are.
	namespace string
	owner     apply.Owner
}

func (p *preview) compareOwned(ctx context.Context, o *owned) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(inFlight)
	for _, object := range o.objects {
		if o.keeps == "" || object.GetLabels()[render.LabelComponent] != o.keeps {
			group.Go(func() error { return p.compareObject(groupCtx, o, object) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if !o.present {
		return nil
	}
	stale, err := p.cluster.stale(ctx, o)
	if err != nil {
		return err
	}
	for i := range stale {
		if err := p.comparePruned(ctx, o, &stale[i]); err != nil {
			return err
		}
	}
	return nil
}

// stale lists what the resource has and does not ask for any more, as the operator
// finds it, without what anything holds. What one may not list is left out.
func (c *cluster) stale(ctx context.Context, o *owned) ([]metav1.PartialObjectMetadata, error) {
	asked := make(map[inventory.Ref]bool, len(o.objects))
	for _, object := range o.objects {
		asked[inventory.RefOf(object)] = true
	}
	var stale []metav1.PartialObjectMetadata
	for _, gvk := range slices.Concat(live.BuiltinKinds, cnpg.Kinds, []schema.GroupVersionKind{live.RouteKind, corev1.SchemeGroupVersion.WithKind("Secret")}) {
		if gvk.Kind == "Namespace" {
			continue
		}
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		err := c.client.List(ctx, list, client.InNamespace(o.namespace), client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagerName})
		if err := ignoreAbsent(err); err != nil && !apierrors.IsForbidden(err) {
			return nil, fmt.Errorf("list %s: %w", gvk.Kind, err)
		}
		for _, item := range list.Items {
			item.SetGroupVersionKind(gvk)
			if !asked[inventory.Ref{GVK: gvk, Key: client.ObjectKeyFromObject(&item)}] && o.owner.Owns(&item) {
				stale = append(stale, item)
			}
		}
	}
	return stale, nil
}

// compareObject asks the API server what it would make of an object that the
// operator applies.
func (p *preview) compareObject(ctx context.Context, o *owned, wanted *unstructured.Unstructured) error {
	if isSecret(wanted) {
		return p.compareSecret(ctx, o, wanted)
	}
	live, err := p.cluster.get(ctx, wanted)
	if err != nil {
		return err
	}
	if live == nil && o.stopped {
		return nil
	}
	after := wanted
	if o.present {
		after, err = p.cluster.afterOperator(ctx, wanted)
	}
	switch {
	case meta.IsNoMatchError(err):
		p.missing(wanted)
	case apply.Immutable(err) && live != nil && !apply.Stateful(wanted):
		after = wanted // the operator makes it anew
	case err != nil:
		p.problem(manifest.Problem{Object: o.title, Message: fmt.Sprintf("%s: %v", inventory.RefOf(wanted), err)})
		return nil
	}
	if live == nil {
		after = wanted // without what the API server adds
	}
	return p.compare(byOperator, live, after)
}

// compareSecret looks whether a Secret is there: the operator generates its
// values once and never looks at it again.
func (p *preview) compareSecret(ctx context.Context, o *owned, wanted *unstructured.Unstructured) error {
	live, err := p.cluster.metadata(ctx, wanted)
	switch {
	case err != nil || (live == nil && o.stopped):
		return err
	case live == nil:
		return p.compare(byOperator, nil, wanted)
	default:
		return p.compare(byOperator, wanted, wanted)
	}
}

// comparePruned tells what becomes of an object that is no longer asked for.
func (p *preview) comparePruned(ctx context.Context, o *owned, there *metav1.PartialObjectMetadata) error {
	switch {
	case o.keeps != "" && there.Labels[render.LabelComponent] == o.keeps:
		return nil
	case apply.Stateful(there):
		p.notef("%s no longer asks for %s, which holds data and stays until somebody consents", o.title,
			inventory.Ref{GVK: there.GroupVersionKind(), Key: client.ObjectKeyFromObject(there)})
		return nil
	}
	object, err := p.cluster.get(ctx, there)
	if err != nil || object == nil {
		return err
	}
	return p.compare(byOperator, object, nil)
}

// missing notes once that the cluster lacks a kind.
func (p *preview) missing(object *unstructured.Unstructured) {
	note := fmt.Sprintf("the cluster has no kind %s in %s: the operator waits until it is installed", object.GetKind(), object.GetAPIVersion())
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, other := range p.notes {
		if other == note {
			return
		}
	}
	p.notes = append(p.notes, note)
}
