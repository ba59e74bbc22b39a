package preview

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/inventory"
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
	// inventory is what there is by now, and labels prove that it is the resource's own.
	inventory []v1alpha1.InventoryEntry
	labels    map[string]string
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
	for _, entry := range inventory.Stale(o.inventory, inventory.Of(o.objects)) {
		if err := p.comparePruned(ctx, o, entry); err != nil {
			return err
		}
	}
	return nil
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
func (p *preview) comparePruned(ctx context.Context, o *owned, entry v1alpha1.InventoryEntry) error {
	ref, err := inventory.Parse(entry)
	if err != nil {
		return err
	}
	like := &unstructured.Unstructured{}
	like.SetGroupVersionKind(ref.GVK)
	like.SetNamespace(ref.Key.Namespace)
	like.SetName(ref.Key.Name)
	there, err := p.cluster.metadata(ctx, like)
	if err != nil || there == nil {
		return err
	}
	for key, value := range o.labels {
		if there.Labels[key] != value {
			return nil // somebody else's by now
		}
	}
	switch {
	case o.keeps != "" && there.Labels[render.LabelComponent] == o.keeps:
		return nil
	case apply.Stateful(there):
		p.notef("%s no longer asks for %s, which holds data and stays until somebody consents", o.title, ref)
		return nil
	}
	live, err := p.cluster.get(ctx, like)
	if err != nil || live == nil {
		return err
	}
	return p.compare(byOperator, live, nil)
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
