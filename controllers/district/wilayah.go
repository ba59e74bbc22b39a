package district

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/wilayah"
)

// verifyWilayah says whether the codes and names of the district and of the
// places that its Puskesmas serve are those of the registry. It informs: a
// registry may be older than a district.
func (r *Reconciler) verifyWilayah(ctx context.Context, s *scope) error {
	code := string(s.district.Spec.Code)
	known, broken, err := r.book.Of(ctx, r.Registry, code[:len("61")])
	switch {
	case err != nil:
		return err
	case known == nil && broken != "":
		s.conditions.Set(v1alpha1.ConditionWilayahVerified, metav1.ConditionUnknown, v1alpha1.ReasonRegistryInvalid, broken)
		return nil
	case known == nil:
		s.conditions.Remove(v1alpha1.ConditionWilayahVerified)
		return nil
	}
	var list v1alpha1.PuskesmasList
	if err := r.Client.List(ctx, &list, client.InNamespace(s.namespace)); err != nil {
		return fmt.Errorf("list Puskesmas: %w", err)
	}
	found := wilayah.Verify(known, s.district.Spec, list.Items)
	if found.Agree() {
		s.conditions.True(v1alpha1.ConditionWilayahVerified, v1alpha1.ReasonSucceeded, found.Message())
	} else {
		s.conditions.False(v1alpha1.ConditionWilayahVerified, v1alpha1.ReasonNotInRegistry, found.Message())
	}
	return nil
}

// ofRegistry finds all districts: a change in the registry is rare, and looking
// at one costs no call.
func (r *Reconciler) ofRegistry(ctx context.Context, _ *corev1.ConfigMap) []reconcile.Request {
	var districts v1alpha1.DistrictList
	if err := r.Client.List(ctx, &districts); err != nil {
		return nil // only possible while the cache is being shut down
	}
	return requestsFor(districts.Items)
}
