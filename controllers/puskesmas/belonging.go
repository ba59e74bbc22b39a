package puskesmas

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/status"
)

// Fields of the cache's indexes.
const (
	// IndexCode finds Puskesmas by their code.
	IndexCode = "spec.code"
	// IndexRelease finds Puskesmas by the StackReleases that they need.
	IndexRelease = "release"
	// DistrictIndexCode finds Districts by their code.
	DistrictIndexCode = "spec.code"
)

// findDistrict finds the District in whose namespace the facility lives.
func (r *Reconciler) findDistrict(ctx context.Context, s *scope) error {
	code, ok := v1alpha1.CodeForNamespace(s.puskesmas.Namespace)
	if !ok {
		return status.Stalled(v1alpha1.ReasonDistrictNotFound,
			"namespace %s is no district's: move this Puskesmas to ilp-<code of its district without dot>", s.puskesmas.Namespace)
	}
	var districts v1alpha1.DistrictList
	if err := r.Client.List(ctx, &districts, client.MatchingFields{DistrictIndexCode: string(code)}); err != nil {
		return fmt.Errorf("find district %s: %w", code, err)
	}
	for i := range districts.Items {
		if d := &districts.Items[i]; d.DeletionTimestamp.IsZero() && d.Status.Namespace == s.puskesmas.Namespace {
			s.district = d
		}
	}
	if s.district == nil {
		if len(districts.Items) > 0 {
			return status.Waiting(0, v1alpha1.ReasonDependencyNotReady,
				"waiting for District %s to take this namespace; see its conditions", districts.Items[0].Name)
		}
		return status.Waiting(0, v1alpha1.ReasonDistrictNotFound,
			"there is no District with code %s: apply one; data of this Puskesmas is kept", code)
	}
	if s.district.Spec.State == v1alpha1.StateSuspended {
		return &status.Stop{Reason: v1alpha1.ReasonSuspended, Message: fmt.Sprintf("District %s is Suspended: nothing is changed or checked until it is Active", s.district.Name)}
	}
	return nil
}

// checkCode lets the oldest of several Puskesmas with one code go on. They would
// share one database.
func (r *Reconciler) checkCode(ctx context.Context, s *scope) error {
	var same v1alpha1.PuskesmasList
	if err := r.Client.List(ctx, &same, client.MatchingFields{IndexCode: s.puskesmas.Spec.Code}); err != nil {
		return fmt.Errorf("find Puskesmas %s: %w", s.puskesmas.Spec.Code, err)
	}
	oldest := s.puskesmas
	for i := range same.Items {
		if other := &same.Items[i]; older(other, oldest) {
			oldest = other
		}
	}
	if oldest.UID == s.puskesmas.UID {
		return nil
	}
	return status.Stalled(v1alpha1.ReasonDuplicateCode,
		"spec.code %s is already that of Puskesmas %s in namespace %s: correct one of the two codes, or delete one", s.puskesmas.Spec.Code, oldest.Name, oldest.Namespace)
}

func older(a, b *v1alpha1.Puskesmas) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.UID < b.UID
}
