package district

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/status"
)

// Fields of the cache's indexes.
const (
	// IndexCode finds Districts by their code.
	IndexCode = "spec.code"
	// IndexRelease finds Districts by the StackReleases that they need, or "" for
	// those that may wait for the default.
	IndexRelease = "releases"
	// IndexWave finds Districts by the Wave that they name; package wave makes it.
	IndexWave = "spec.waveRef.name"
)

var namespaceKind = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}

// checkCode lets the oldest of several Districts with one code go on. They would
// share one namespace.
func (r *Reconciler) checkCode(ctx context.Context, s *scope) error {
	var same v1alpha1.DistrictList
	if err := r.Client.List(ctx, &same, client.MatchingFields{IndexCode: string(s.district.Spec.Code)}); err != nil {
		return fmt.Errorf("find District %s: %w", s.district.Spec.Code, err)
	}
	oldest := s.district
	for i := range same.Items {
		if other := &same.Items[i]; older(other, oldest) {
			oldest = other
		}
	}
	if oldest.UID == s.district.UID {
		return nil
	}
	return status.Stalled(v1alpha1.ReasonDuplicateCode,
		"spec.code %s is already that of District %s: correct one of the two codes, or delete one", s.district.Spec.Code, oldest.Name)
}

func older(a, b metav1.Object) bool {
	made, other := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if !made.Equal(&other) {
		return made.Before(&other)
	}
	return a.GetUID() < b.GetUID()
}

// checkNamespace makes sure that the namespace is the district's or free.
func (r *Reconciler) checkNamespace(ctx context.Context, s *scope) error {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(namespaceKind)
	key := client.ObjectKey{Name: s.namespace}
	err := r.Client.Get(ctx, key, namespace)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get namespace: %w", err)
	}
	if err != nil {
		// The cache holds only namespaces that are labelled as a district's.
		err = r.APIReader.Get(ctx, key, namespace)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("get namespace: %w", err)
		}
	}
	switch found := err == nil; {
	case found && namespace.Labels[v1alpha1.LabelDistrict] != string(s.district.Spec.Code):
		return &status.Stop{
			Stalled: true,
			Reason:  v1alpha1.ReasonNamespaceNotOwned,
			Message: fmt.Sprintf("namespace %s exists and is not this district's. If the district may have it, and all that is in it, say so: kubectl label namespace %s %s=%s",
				s.namespace, s.namespace, v1alpha1.LabelDistrict, s.district.Spec.Code),
			RetryAfter: r.Pace.NamespaceRecheck,
		}
	case found && namespace.DeletionTimestamp != nil:
		return status.Waiting(r.Pace.NamespaceRecheck, v1alpha1.ReasonDependencyNotReady, "namespace %s is being deleted; it is made anew when it is gone", s.namespace)
	}
	s.district.Status.Namespace = s.namespace
	return nil
}
