package district

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/render"
)

// Offline returns what the operator applies for a district with these Puskesmas
// that stands on a release, without a cluster and without the objects of the
// Puskesmas. An error is a *status.Stop that says what is wrong with the spec.
func Offline(ctx context.Context, renderer *render.Renderer, identity Identity,
	district *v1alpha1.District, puskesmas []v1alpha1.Puskesmas, release *v1alpha1.StackRelease,
) ([]*unstructured.Unstructured, error) {
	r := &Reconciler{Renderer: renderer, Identity: identity}
	s := newScope(district.DeepCopy())
	s.puskesmas, s.release, s.dashboard = puskesmas, release, release
	if err := r.render(ctx, s); err != nil {
		return nil, err
	}
	return s.all, nil
}

// Owner is whose the objects of a district are.
func Owner(district *v1alpha1.District) apply.Owner { return newScope(district).owner() }
