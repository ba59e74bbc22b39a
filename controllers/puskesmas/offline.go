package puskesmas

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/render"
)

// Offline returns what the operator applies for a Puskesmas that stands on a
// release, without a cluster. SATUSEHAT's credentials are in a Secret of the
// given version, and the RME rolls when it changes; without a version they are
// not there. An error is a *status.Stop that says what is wrong with the spec.
func Offline(ctx context.Context, renderer *render.Renderer, district *v1alpha1.District,
	puskesmas *v1alpha1.Puskesmas, release *v1alpha1.StackRelease, credentialsVersion string,
) ([]*unstructured.Unstructured, error) {
	r := &Reconciler{Renderer: renderer}
	s := newScope(puskesmas.DeepCopy())
	s.district = district
	s.release, s.schema, s.rme = release, release, release
	s.profile = s.wantedProfile()
	if puskesmas.Spec.SatuSehat.OrganizationID != "" && credentialsVersion != "" {
		s.satusehat = s.satusehatWith(credentialsVersion)
	}
	if err := r.render(ctx, s); err != nil {
		return nil, err
	}
	return s.all, nil
}

// Owner is whose the objects of a facility are.
func Owner(puskesmas *v1alpha1.Puskesmas) apply.Owner { return newScope(puskesmas).owner() }
