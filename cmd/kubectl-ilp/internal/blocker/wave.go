package blocker

import (
	"time"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
	"ilp.health/operator/controllers/wave/planner"
)

// OfWave finds what keeps a district from the release of its wave; nil if it may
// go there, or is pinned.
func OfWave(s *source.Snapshot, district string, now time.Time) *Blocker {
	spec := s.Wave.Spec
	decision := planner.Plan(spec, s.Wave.Status, s.Fleet(), now)
	for _, m := range decision.Members {
		if m.Name != district || m.State != planner.Held || m.Reason == "" {
			continue
		}
		b := &Blocker{
			Subject: Subject{Kind: Wave, Wave: s.Wave.Name, Release: string(spec.Release), Stage: m.Stage, District: district},
			Reason:  m.Reason, Message: m.Message,
		}
		if p := decision.Problem; p != nil {
			b.Reason, b.Message = p.Reason, p.Message
		}
		b.Object, b.Outcome, b.Next = b.Subject.Name(), outcomeInWave(b.Reason), Next(b.Subject, b.Reason)
		return b
	}
	return nil
}

// outcomeInWave of a district that may not go to the release: as the plan has it,
// or against it.
func outcomeInWave(reason string) Outcome {
	switch reason {
	case v1alpha1.ReasonAwaitingApproval, v1alpha1.ReasonAwaitingStage, v1alpha1.ReasonAwaitingSlot, v1alpha1.ReasonSoaking, v1alpha1.ReasonOutsideWindow:
		return InProgress
	case v1alpha1.ReasonSuspended, v1alpha1.ReasonDistrictInactive:
		return Suspended
	default:
		return Held
	}
}
