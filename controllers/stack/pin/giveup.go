package pin

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"ilp.health/operator/api/v1alpha1"
)

// GiveUp takes away what an operator before 0.2.0 wrote into the spec of a
// District (as ilp-wave) or a Puskesmas (as ilp-district): its release, unless
// somebody else holds it too. Whatever runs must be recorded before.
//
// ilp-district wrote the finalizer together with the release, and often alone;
// that stays, and so does its name with it.
func GiveUp(ctx context.Context, c client.Client, object client.Object, manager string) error {
	gvk, err := apiutil.GVKForObject(object, c.Scheme())
	if err != nil {
		return fmt.Errorf("give up spec.release: %w", err)
	}
	nothing := &unstructured.Unstructured{}
	nothing.SetGroupVersionKind(gvk)
	nothing.SetNamespace(object.GetNamespace())
	nothing.SetName(object.GetName())
	nothing.SetUID(object.GetUID())
	if manager == v1alpha1.ManagerDistrict && controllerutil.ContainsFinalizer(object, v1alpha1.Finalizer) {
		nothing.SetFinalizers([]string{v1alpha1.Finalizer})
	}
	if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(nothing), client.FieldOwner(manager)); err != nil {
		return fmt.Errorf("give up spec.release of %s %s, which %s wrote: %w", gvk.Kind, object.GetName(), manager, err)
	}
	return nil
}
