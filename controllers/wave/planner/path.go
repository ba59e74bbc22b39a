package planner

import (
	"fmt"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/upgrade"
)

// path says why the release cannot be reached from what a district runs, or
// nil. What it is on its way to counts too, since its schema may be there already.
func (p *plan) path(m *member) *Problem {
	name := string(p.spec.Release)
	if p.fleet.Releases[name].Version == nil || m.Current == name {
		return nil
	}
	for _, from := range []string{m.Current, m.Target} {
		if from == "" || from == name {
			continue
		}
		if _, known := p.fleet.Releases[from]; !known {
			return &Problem{Reason: v1alpha1.ReasonUpgradePath, Message: fmt.Sprintf(
				"%s runs StackRelease %s, which does not exist any more, so nobody can tell whether %s can be reached from there: create it again, or pin the district",
				m.Name, from, name)}
		}
		if refusal := p.refusal(from); refusal != nil {
			return &Problem{Reason: refusal.Reason, Message: fmt.Sprintf("%s: %s; or pin the district", m.Name, refusal.Message)}
		}
	}
	return nil
}

// refusal says why the release cannot be reached from another one, or nil. The
// answer is kept: most districts run the same release, and each is asked for often.
func (p *plan) refusal(from string) *upgrade.Refusal {
	known, ok := p.refusals[from]
	if !ok {
		_, known = upgrade.Path(p.fleet.Releases[from], p.fleet.Releases[string(p.spec.Release)])
		p.refusals[from] = known
	}
	return known
}
