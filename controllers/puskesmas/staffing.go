package puskesmas

import (
	"context"
	"fmt"
	"strings"

	"ilp.health/operator/api/v1alpha1"
)

// namedPustu is how many Pustu a message names.
const namedPustu = 5

// reportStaffing says which Pustu have less than the minimum staff. It informs
// and never refuses: in the field few reach it.
func (r *Reconciler) reportStaffing(_ context.Context, s *scope) error {
	pustu := s.puskesmas.Spec.Pustu
	var below []string
	for _, p := range pustu {
		if !p.MeetsMinimum() {
			below = append(below, fmt.Sprintf("%s (%d bidan, %d perawat, %d kader)", p.Name, p.Bidan, p.Perawat, p.Kader))
		}
	}
	switch {
	case len(pustu) == 0:
		s.conditions.Remove(v1alpha1.ConditionPustuStaffingMet)
	case len(below) == 0:
		s.conditions.True(v1alpha1.ConditionPustuStaffingMet, v1alpha1.ReasonSucceeded,
			fmt.Sprintf("all %d Pustu have at least 1 bidan, 1 perawat and 2 kader", len(pustu)))
	default:
		named := below[:min(len(below), namedPustu)]
		message := fmt.Sprintf("%d of %d Pustu have less than 1 bidan, 1 perawat and 2 kader: %s", len(below), len(pustu), strings.Join(named, ", "))
		if rest := len(below) - len(named); rest > 0 {
			message += fmt.Sprintf(" and %d more", rest)
		}
		s.conditions.False(v1alpha1.ConditionPustuStaffingMet, v1alpha1.ReasonBelowMinimum, message)
	}
	return nil
}
