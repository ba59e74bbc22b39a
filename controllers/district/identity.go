package district

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/upgrade"
)

// Fields of the cache's indexes.
const (
	// IndexCode finds Districts by their code.
	IndexCode = "spec.code"
	// IndexRelease finds Districts by the StackRelease that they name, or "" for the default.
	IndexRelease = "spec.release"
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

func older(a, b *v1alpha1.District) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.UID < b.UID
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

// resolveRelease finds the release: the one that the spec names, by Git or by
// the district's wave, or the default for a district without wave.
func (r *Reconciler) resolveRelease(ctx context.Context, s *scope) error {
	name := string(s.district.Spec.Release)
	if name == "" && s.district.Spec.WaveRef.Name != "" {
		err := r.awaitRelease(ctx, string(s.district.Spec.WaveRef.Name))
		// One that runs goes on with what it runs until the wave's turn comes to it.
		name = s.district.Status.Release.Current
		var stop *status.Stop
		switch {
		case name == "" || !errors.As(err, &stop):
			return err
		case stop.Stalled:
			s.held = stop
		}
	}
	if name == "" {
		release, err := r.defaultRelease(ctx)
		if err != nil {
			return err
		}
		s.release = release
		s.district.Status.Release.Target = release.Name
		return nil
	}
	release := &v1alpha1.StackRelease{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: name}, release); err != nil {
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("get StackRelease %s: %w", name, err)
		}
		return status.Stalled(v1alpha1.ReasonReleaseNotFound,
			"spec.release names StackRelease %q, which does not exist: create it or name another; kubectl get stackreleases lists those there are", name)
	}
	s.release = release
	s.district.Status.Release.Target = name
	return nil
}

// awaitRelease says which wave has to give the district its release. The wave's
// own status says why it does not yet.
func (r *Reconciler) awaitRelease(ctx context.Context, name string) error {
	err := r.Client.Get(ctx, client.ObjectKey{Name: name}, &v1alpha1.Wave{})
	switch {
	case client.IgnoreNotFound(err) != nil:
		return fmt.Errorf("get Wave %s: %w", name, err)
	case err != nil:
		return &status.Stop{
			Stalled: true,
			Reason:  v1alpha1.ReasonWaveNotFound,
			Message: fmt.Sprintf("spec.waveRef names Wave %q, which does not exist: create it, name another, or set spec.release; kubectl get waves lists those there are", name),
			// Waves are not watched here: one that comes gives the release, which is seen.
			RetryAfter: r.Pace.WaveRecheck,
		}
	default:
		return status.Waiting(0, v1alpha1.ReasonAwaitingRelease,
			"waiting for Wave %s to give this district its release: kubectl describe wave %s says whose turn it is and what is waited for", name, name)
	}
}

// defaultRelease is the newest StackRelease that is marked as default.
func (r *Reconciler) defaultRelease(ctx context.Context) (*v1alpha1.StackRelease, error) {
	var releases v1alpha1.StackReleaseList
	if err := r.Client.List(ctx, &releases); err != nil {
		return nil, fmt.Errorf("list StackReleases: %w", err)
	}
	newest := upgrade.Default(releases.Items)
	if newest == nil {
		return nil, status.Stalled(v1alpha1.ReasonReleaseNotFound,
			"spec.release is empty and no StackRelease is the default: set spec.release, or annotate a StackRelease with %s=true", v1alpha1.DefaultReleaseAnnotation)
	}
	return newest, nil
}
