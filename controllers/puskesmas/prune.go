package puskesmas

import (
	"context"
	"fmt"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/consent"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/status"
)

// prune deletes what the spec no longer asks for, after everything it does ask
// for has been applied.
func (r *Reconciler) prune(ctx context.Context, s *scope) error {
	stale, err := r.Applier.Stale(ctx, s.puskesmas.Namespace, s.owner(), r.owned.Kinds(), s.all)
	if err != nil {
		return fmt.Errorf("find what is not asked for any more: %w", err)
	}
	stale = append(stale, s.record.Unasked(s.puskesmas.Namespace, s.all, s.made)...)
	if len(stale) == 0 {
		s.dropInventory()
		return nil
	}
	refusal := consent.Check(s.puskesmas.Spec.Consent, v1alpha1.ConsentPrune, s.puskesmas.Spec.Code, r.Clock.Now())
	pruned, err := r.Applier.Prune(ctx, stale, s.owner().Owns, refusal == nil)
	if err != nil {
		return fmt.Errorf("prune: %w", err)
	}
	if err := r.write(ctx, s, s.record.Keep(stale, pruned.Kept)); err != nil {
		return err
	}
	s.dropInventory()
	if len(pruned.Kept) > 0 {
		return status.Stalled(v1alpha1.ReasonConsentRequired,
			"no longer asked for, but it holds data and is kept: %s. To delete it %v", inventory.Names(pruned.Kept), refusal)
	}
	return nil
}

// dropInventory drops what a version before 0.2.0 has written down, as soon as the
// record says it too.
func (s *scope) dropInventory() {
	if s.record != nil && s.record.Objects != nil {
		s.puskesmas.Status.Inventory = nil
	}
}
