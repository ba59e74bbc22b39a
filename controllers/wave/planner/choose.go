package planner

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
)

// named is how many districts a message names.
const named = 3

// findProblem finds what holds the whole wave, beside invalid stages.
func (p *plan) findProblem() {
	window, err := newWindow(p.spec.Rollout.MaintenanceWindow, p.now)
	p.window = window
	release, known := p.fleet.Releases[string(p.spec.Release)]
	switch {
	case !known:
		p.problem = &Problem{Reason: v1alpha1.ReasonReleaseNotFound, Message: fmt.Sprintf(
			"spec.release names StackRelease %q, which does not exist: create it or name another; kubectl get stackreleases lists those there are", p.spec.Release)}
	case release.Problem != "":
		p.problem = &Problem{Reason: v1alpha1.ReasonReleaseInvalid, Message: fmt.Sprintf("StackRelease %s cannot be used: %s", p.spec.Release, release.Problem)}
	case err != nil:
		p.problem = &Problem{Reason: v1alpha1.ReasonWindowInvalid, Message: err.Error()}
	case p.spec.State == v1alpha1.WaveStateSuspended:
		p.problem = &Problem{Planned: true, Reason: v1alpha1.ReasonSuspended, Message: "spec.state is Suspended: no district is started until it is Active"}
	case len(p.members) == 0:
		p.problem = &Problem{Planned: true, Reason: v1alpha1.ReasonAwaitingDistricts, Message: "no District names this wave: set spec.waveRef.name of the districts that belong to it"}
	case p.problem != nil: // the stages
	default:
		p.problem = p.budgetSpent()
	}
}

// budgetSpent says that more districts have failed than may, in all or for one
// cause, or nil.
func (p *plan) budgetSpent() *Problem {
	budget := p.spec.Rollout.FailureBudget
	failed := p.failed("")
	if total := int(ptr.Deref(budget.Total, defaultFailureBudget)); len(failed) > total {
		return spent(failed, fmt.Sprintf("%d failed and the failure budget is %d", len(failed), total), "failureBudget.total")
	}
	for _, cause := range []v1alpha1.FailureCause{v1alpha1.CauseApplication, v1alpha1.CauseInfrastructure, v1alpha1.CauseConfiguration} {
		failed := p.failed(cause)
		if most := budget.Of(cause); most != nil && len(failed) > int(*most) {
			return spent(failed, fmt.Sprintf("%d failed for %s and the failure budget for that is %d", len(failed), strings.ToLower(string(cause)), *most),
				"failureBudget."+strings.ToLower(string(cause)))
		}
	}
	return nil
}

func spent(failed []*member, what, field string) *Problem {
	return &Problem{Reason: v1alpha1.ReasonBudgetSpent, Message: fmt.Sprintf(
		"%s, so no other district is started: look at kubectl describe district %s; repair, pin or move out those that failed, name a release that is repaired, or raise %s. Failed: %s",
		what, failed[0].Name, field, names(failed))}
}

// failed are the members that failed for a cause, or for any if it is empty.
func (p *plan) failed(cause v1alpha1.FailureCause) []*member {
	return slices.DeleteFunc(slices.Clone(p.members), func(m *member) bool {
		return m.state != Failed || (cause != "" && m.cause() != cause)
	})
}

// choose finds who starts, and what holds everybody else.
func (p *plan) choose() {
	for _, m := range p.members {
		if m.state == Failed {
			m.block = p.failure(m)
		}
	}
	var gate *Problem
	for i, s := range p.stages {
		if i > 0 && gate == nil {
			gate = p.gate(p.stages[i-1])
		}
		p.chooseIn(s, gate)
	}
	for _, m := range p.members {
		if m.stage == nil && m.state == Held {
			m.block = p.problem
			p.callBack(m)
		}
	}
}

// blockOf is the first thing that keeps a district from starting, or nil. One
// that has failed has spent the budget itself, and goes on like those in flight.
func (p *plan) blockOf(m *member, gate *Problem) *Problem {
	if p.problem != nil && (m.state != Failed || p.problem.Reason != v1alpha1.ReasonBudgetSpent) {
		return p.problem
	}
	if !m.Active {
		return &Problem{Reason: v1alpha1.ReasonDistrictInactive, Message: fmt.Sprintf(
			"%s is suspended or hibernated, so nothing would happen: set its spec.state to Active, pin it, or move it out of the wave", m.Name)}
	}
	if m.Unfit {
		return &Problem{Reason: cmp.Or(failureReasons[m.Cause], v1alpha1.ReasonDistrictFailed), Message: fmt.Sprintf("%s cannot begin: %s", m.Name, m.Message)}
	}
	if problem := p.path(m); problem != nil {
		return problem
	}
	if gate != nil {
		return gate
	}
	if p.window == nil {
		return nil
	}
	zone := p.window.at(m.TimeZone, p.now)
	switch {
	case zone.err != nil:
		return &Problem{Reason: v1alpha1.ReasonWindowInvalid, Message: zone.err.Error()}
	case !zone.open:
		p.lookAt(zone.opening)
		return &Problem{Planned: true, Reason: v1alpha1.ReasonOutsideWindow, Message: fmt.Sprintf(
			"the maintenance window opens at %s", zone.opening.Format("2006-01-02 15:04 MST"))}
	}
	return nil
}

// gate says why the stages after this one wait, or nil.
func (p *plan) gate(s *stage) *Problem {
	switch {
	case s.over():
		return nil
	case s.complete():
		return &Problem{Planned: true, Reason: v1alpha1.ReasonSoaking, Message: fmt.Sprintf(
			"stage %s is complete and must stay healthy until %s", s.name, s.completedAt.Add(s.soak()).UTC().Format(time.RFC3339))}
	default:
		missing := slices.DeleteFunc(slices.Clone(s.members), func(m *member) bool { return m.state == Done || m.state == Pinned })
		return &Problem{Planned: true, Reason: v1alpha1.ReasonAwaitingStage, Message: fmt.Sprintf(
			"stage %s comes first: %d of %d done, waiting for %s", s.name, s.done, s.working, names(missing))}
	}
}

// failure says why a district counts as failed.
func (p *plan) failure(m *member) *Problem {
	why := m.Message
	if !m.Stalled {
		why = fmt.Sprintf("it has taken longer than %d minutes; %s", int(p.timeout(m).Sub(m.since).Minutes()), m.Message)
	}
	return &Problem{Reason: cmp.Or(failureReasons[m.Cause], v1alpha1.ReasonDistrictFailed), Message: fmt.Sprintf("%s: %s", m.Name, why)}
}

// failureReasons group the districts that failed by what has to be mended.
var failureReasons = map[v1alpha1.FailureCause]string{
	v1alpha1.CauseInfrastructure: v1alpha1.ReasonInfrastructureFailed,
	v1alpha1.CauseApplication:    v1alpha1.ReasonApplicationFailed,
	v1alpha1.CauseConfiguration:  v1alpha1.ReasonConfigurationFailed,
}

// names lists the first few members.
func names(members []*member) string {
	var list []string
	for _, m := range members[:min(len(members), named)] {
		list = append(list, m.Name)
	}
	text := strings.Join(list, ", ")
	if rest := len(members) - named; rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}

// beNames is the start of a sentence about members.
func beNames(members []*member) string {
	if len(members) == 1 {
		return names(members) + " is"
	}
	return names(members) + " are"
}
