package wave

import (
	"cmp"
	"fmt"
	"slices"

	"ilp.health/operator/api/v1alpha1"
	stackstatus "ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/wave/planner"
)

const (
	// namedDistricts is how many districts a reason names in the status.
	namedDistricts = 10
	// longestMessage of a reason in the status.
	longestMessage = 1024
)

// report writes a decision into the status: whom it admits, and all that people
// want to know of it.
func (s *scope) report(d planner.Decision) {
	status := &s.wave.Status
	status.ObservedGeneration = s.wave.Generation
	status.Admitted, status.Memory = d.Admitted, d.Memory
	status.Districts = count(len(d.Members))
	status.CurrentStage = d.Stage
	status.Progress = v1alpha1.WaveProgress{
		Done:          count(d.Counts[planner.Done]),
		InFlight:      count(d.Counts[planner.InFlight]),
		Failed:        count(d.Counts[planner.Failed]),
		FailedByCause: failedByCause(d.Members),
		Pinned:        count(d.Counts[planner.Pinned]),
		Held:          count(d.Counts[planner.Held]),
		Summary:       fmt.Sprintf("%d/%d", d.Counts[planner.Done], len(d.Members)-d.Counts[planner.Pinned]),
	}
	status.Blocked = blocked(d.Members)
	s.judge(d)
}

func count(n int) *int32 {
	out := int32(n) //nolint:gosec // there are 514 districts
	return &out
}

// failedByCause counts those that failed, the most frequent cause first.
func failedByCause(members []planner.Member) []v1alpha1.CauseCount {
	counts := map[v1alpha1.FailureCause]int32{}
	for _, m := range members {
		if m.State == planner.Failed {
			counts[m.Cause]++
		}
	}
	var list []v1alpha1.CauseCount
	for cause, n := range counts {
		list = append(list, v1alpha1.CauseCount{Cause: cause, Count: n})
	}
	slices.SortFunc(list, func(a, b v1alpha1.CauseCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Cause, b.Cause))
	})
	return list
}

// blocked groups the districts that are not there by their reason, the most
// frequent first.
func blocked(members []planner.Member) []v1alpha1.BlockedDistricts {
	byReason := map[string]*v1alpha1.BlockedDistricts{}
	var out []*v1alpha1.BlockedDistricts
	for _, m := range members {
		if m.Reason == "" {
			continue
		}
		group := byReason[m.Reason]
		if group == nil {
			group = &v1alpha1.BlockedDistricts{Reason: m.Reason, Message: stackstatus.Shorten(m.Message, longestMessage)}
			byReason[m.Reason] = group
			out = append(out, group)
		}
		group.Count++
		if len(group.Districts) < namedDistricts {
			group.Districts = append(group.Districts, v1alpha1.ObjectName(m.Name))
		}
	}
	slices.SortStableFunc(out, func(a, b *v1alpha1.BlockedDistricts) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	var list []v1alpha1.BlockedDistricts
	for _, group := range out {
		list = append(list, *group)
	}
	return list
}

// judge turns a decision into conditions.
func (s *scope) judge(d planner.Decision) {
	message := s.summary(d)
	switch {
	case d.Problem != nil && d.Problem.Reason == v1alpha1.ReasonSuspended:
		s.conditions.Suspended(d.Problem.Message + "; " + message)
	case d.Problem != nil && d.Problem.Planned:
		s.conditions.Reconciling(d.Problem.Reason, d.Problem.Message)
	case d.Problem != nil:
		s.conditions.Stalled(d.Problem.Reason, d.Problem.Message+"; "+message)
	case d.Complete():
		s.conditions.Ready(v1alpha1.ReasonSucceeded, message)
	case d.Counts[planner.InFlight] > 0:
		s.conditions.Reconciling(v1alpha1.ReasonProgressing, message)
	default:
		s.wait(d, message)
	}
}

// wait says what the wave waits for when nobody is in flight: the first
// district that is blocked in the order of the stages tells.
func (s *scope) wait(d planner.Decision, message string) {
	for _, m := range d.Members {
		switch m.Reason {
		case "":
			continue
		case v1alpha1.ReasonAwaitingApproval, v1alpha1.ReasonSoaking, v1alpha1.ReasonOutsideWindow, v1alpha1.ReasonAwaitingSlot:
			s.conditions.Reconciling(m.Reason, m.Message+"; "+message)
		default:
			s.conditions.Stalled(m.Reason, m.Message+"; "+message)
		}
		return
	}
	s.conditions.Reconciling(v1alpha1.ReasonProgressing, message)
}

// summary is the wave in one sentence.
func (s *scope) summary(d planner.Decision) string {
	text := fmt.Sprintf("%s districts run release %s", s.wave.Status.Progress.Summary, s.wave.Spec.Release)
	if target := int(s.wave.Spec.TargetDistricts); target > 0 {
		text += fmt.Sprintf(", %d of %d are registered", len(d.Members), target)
		switch missing := target - len(d.Members); {
		case missing < 0:
			text += ", more than targetDistricts"
		case missing > 0 && d.Complete() && len(d.Members) > 0:
			text += fmt.Sprintf(": the wave goes on when one of the other %d names it", missing)
		}
	}
	for _, part := range []struct {
		state planner.State
		text  string
	}{{planner.InFlight, "in flight"}, {planner.Failed, "failed"}, {planner.Pinned, "pinned"}, {planner.Held, "held"}} {
		if n := d.Counts[part.state]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, part.text)
		}
	}
	return text
}
