package blocker

import (
	"time"

	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
	"ilp.health/operator/controllers/wave/planner"
)

// OfWave finds what keeps a district from the release of its wave; nil if it has
// been given it, or is pinned.
func OfWave(s *source.Snapshot, district string, now time.Time) *Blocker {
	spec := s.Wave.Spec
	decision := planner.Plan(spec, s.Memory(), s.Fleet(), now)
	for _, m := range decision.Members {
		if m.Name != district || m.State != planner.Held || m.Reason == "" {
			continue
		}
		b := &Blocker{
			Subject: Subject{Kind: Wave, Wave: s.Wave.Name, Release: string(spec.Release), Stage: m.Stage, District: district},
			Outcome: InProgress, Reason: m.Reason, Message: m.Message,
		}
		if p := decision.Problem; p != nil {
			b.Reason, b.Message = p.Reason, p.Message
			if !p.Planned {
				b.Outcome = Held
			}
		}
		b.Object, b.Next = b.Subject.Name(), Next(b.Subject, b.Reason)
		return b
	}
	return nil
}
