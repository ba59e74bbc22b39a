package release

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/record"
)

// Place is the namespace of a district, on which is written what runs there.
type Place struct {
	// Present tells that the namespace exists.
	Present bool

	client      client.Client
	name        string
	annotations map[string]string
}

// PlaceOf reads the namespace of a district.
func PlaceOf(ctx context.Context, c client.Client, code v1alpha1.KabKotaCode) (*Place, error) {
	p := &Place{client: c, name: v1alpha1.NamespaceFor(code)}
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := c.Get(ctx, client.ObjectKey{Name: p.name}, namespace)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("get namespace %s: %w", p.name, err)
	}
	p.Present, p.annotations = err == nil, namespace.Annotations
	return p, nil
}

// record is what a writer has written down, nil if nothing. outdated tells that an
// operator before 0.2.0 has worked since.
func (p *Place) record(writer string, outdated bool) (*record.Record, error) {
	r, err := record.Read(p.annotations, writer)
	if err != nil {
		return nil, fmt.Errorf("namespace %s: %w", p.name, err)
	}
	if outdated {
		r = r.WithoutReleases()
	}
	return r, nil
}

// exists looks whether one of some objects is there.
func (p *Place) exists(ctx context.Context, refs ...inventory.Ref) (bool, error) {
	for _, ref := range refs {
		object := &metav1.PartialObjectMetadata{}
		object.SetGroupVersionKind(ref.GVK)
		err := p.client.Get(ctx, ref.Key, object)
		switch {
		case err == nil:
			return true, nil
		case client.IgnoreNotFound(err) != nil && !meta.IsNoMatchError(err):
			return false, fmt.Errorf("get %s: %w", ref, err)
		}
	}
	return false, nil
}

func (p *Place) programs(puskesmas string) []inventory.Ref {
	key := func(name string) types.NamespacedName {
		return types.NamespacedName{Namespace: p.name, Name: puskesmas + name}
	}
	return []inventory.Ref{{GVK: live.Deployments, Key: key("-rme")}, {GVK: live.Jobs, Key: key("-schema")}}
}
