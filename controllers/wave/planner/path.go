package planner

import (
	"fmt"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/upgrade"
)

// ends are the releases that a district may be of: what runs, and what it is on
// its way to.
type ends struct{ current, target string }

// path says why the release cannot be reached from where a district is, or nil.
// The district itself decides by the same when it takes its admission.
func (p *plan) path(m *member) *Problem {
	release := string(p.spec.Release)
	if p.fleet.Releases[release].Version == nil || m.Target == release {
		return nil
	}
	var known []upgrade.Release
	for _, from := range []string{m.Current, m.Target} {
		if from == "" {
			continue
		}
		found, ok := p.fleet.Releases[from]
		if !ok {
			return &Problem{Reason: v1alpha1.ReasonUpgradePath, Message: fmt.Sprintf(
				"%s runs StackRelease %s, which does not exist any more, so nobody can tell whether %s can be reached from there: create it again, or pin the district",
				m.Name, from, release)}
		}
		known = append(known, found)
	}
	if refusal := p.refusal(ends{m.Current, m.Target}, known); refusal != nil {
		return &Problem{Reason: refusal.Reason, Message: fmt.Sprintf("%s: %s; or pin the district", m.Name, refusal.Message)}
	}
	return nil
}

// refusal says why the release cannot be reached, or nil. The answer is kept:
// most districts are alike, and each is asked for often.
func (p *plan) refusal(key ends, known []upgrade.Release) *upgrade.Refusal {
	refusal, ok := p.refusals[key]
	if !ok {
		_, refusal = upgrade.PathFrom(known, p.fleet.Releases[string(p.spec.Release)])
		p.refusals[key] = refusal
	}
	return refusal
}
