package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/record"
)

// Missing is what is not as it was written down.
type Missing struct {
	// Gone were there.
	Gone []inventory.Ref
	// Changed are Secrets with other contents.
	Changed []inventory.Ref
}

// None reports whether nothing is missing.
func (m Missing) None() bool { return len(m.Gone)+len(m.Changed) == 0 }

func (m Missing) String() string {
	var parts []string
	if len(m.Gone) > 0 {
		parts = append(parts, inventory.Names(m.Gone)+" was there and is gone")
	}
	if len(m.Changed) > 0 {
		parts = append(parts, inventory.Names(m.Changed)+" has other contents than those in use")
	}
	return strings.Join(parts, "; ")
}

// Expectation tells whether an object was there, and for Secrets the digest of
// its contents if it is known.
type Expectation func(inventory.Ref) (digest string, was bool)

// Missing looks which of the objects that were there are not as they were. What
// the cache shows costs no request; Secrets are looked at as seldom as Apply
// does.
func (a *Applier) Missing(ctx context.Context, objs []*unstructured.Unstructured, expect Expectation, opts Options) (Missing, error) {
	var missing Missing
	var errs []error
	for _, obj := range objs {
		ref := inventory.RefOf(obj)
		digest, was := expect(ref)
		if !was {
			continue
		}
		gone, changed, err := a.misses(ctx, ref, obj, digest, opts)
		switch {
		case err != nil:
			errs = append(errs, &Error{Ref: ref, Err: err})
		case gone:
			missing.Gone = append(missing.Gone, ref)
		case changed:
			missing.Changed = append(missing.Changed, ref)
		}
	}
	return missing, errors.Join(errs...)
}

// Gone reports whether an object does not exist. The API server is asked only
// where the cache does not show it: it may have lost its label.
func (a *Applier) Gone(ctx context.Context, ref inventory.Ref) (bool, error) {
	_, err := live.Get(ctx, a.cache, ref)
	if err == nil || client.IgnoreNotFound(err) != nil {
		return false, err
	}
	existing := &metav1.PartialObjectMetadata{}
	existing.SetGroupVersionKind(ref.GVK)
	err = a.apiReader.Get(ctx, ref.Key, existing)
	return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
}

func (a *Applier) misses(ctx context.Context, ref inventory.Ref, obj *unstructured.Unstructured, digest string, opts Options) (gone, changed bool, err error) {
	if !isSecret(obj) {
		gone, err = a.Gone(ctx, ref)
		return gone, false, err
	}
	if a.secretKnown(ref, obj, opts.Trusted) {
		return false, false, nil
	}
	found, err := a.readSecret(ctx, ref, obj)
	switch {
	case apierrors.IsNotFound(err):
		return true, false, nil
	case err != nil:
		return false, false, err
	}
	if digest != "" && digest != found {
		a.doubt(ref)
		return false, true, nil
	}
	return false, false, nil
}

// doubt makes the next look at a Secret a real one.
func (a *Applier) doubt(ref inventory.Ref) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.secrets, ref)
}

// Extend returns what a record says of objects that hold data. Those that are
// recorded stay as they are recorded; nothing is asked where all are. So do
// Secrets that are not asked for any more, until they are pruned: Secrets are
// never listed, so nothing else names them.
func (a *Applier) Extend(ctx context.Context, recorded *record.Record, objs []*unstructured.Unstructured) (map[string]string, error) {
	var further []*unstructured.Unstructured
	for _, obj := range objs {
		if _, was := recorded.Has(inventory.RefOf(obj)); !was {
			further = append(further, obj)
		}
	}
	described, err := a.Describe(ctx, further)
	if err != nil {
		return nil, err
	}
	for _, obj := range objs {
		if digest, was := recorded.Has(inventory.RefOf(obj)); was {
			described[record.Name(inventory.RefOf(obj))] = digest
		}
	}
	for _, name := range recorded.Secrets() {
		described["Secret/"+name] = recorded.Objects["Secret/"+name]
	}
	return described, nil
}

// Restart deletes the operator's programs and Jobs that match, so that they are
// made anew and begin once more, on other data. A program that makes its schema
// when it starts would miss it otherwise.
func (a *Applier) Restart(ctx context.Context, namespace string, selector labels.Selector) error {
	var errs []error
	for gvk, list := range map[schema.GroupVersionKind]client.ObjectList{
		live.Deployments: &appsv1.DeploymentList{},
		live.Jobs:        &batchv1.JobList{},
	} {
		if err := a.cache.List(ctx, list, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
			return fmt.Errorf("list every %s: %w", gvk.Kind, err)
		}
		errs = append(errs, meta.EachListItem(list, func(item runtime.Object) error {
			obj := item.(client.Object)
			if live.Fields(obj) == "" || obj.GetDeletionTimestamp() != nil {
				return nil
			}
			ref := inventory.Ref{GVK: gvk, Key: client.ObjectKeyFromObject(obj)}
			if err := a.deleteExactly(ctx, ref, obj); err != nil {
				return &Error{Ref: ref, Err: err}
			}
			return nil
		}))
	}
	return errors.Join(errs...)
}

// DeleteExactly deletes an object of the cache, which holds data, and no other
// one of its name. Whoever calls it has a consent.
func (a *Applier) DeleteExactly(ctx context.Context, ref inventory.Ref, cached client.Object) error {
	if err := a.deleteExactly(ctx, ref, cached); err != nil {
		return &Error{Ref: ref, Err: err}
	}
	return nil
}
