package planner

import (
	"fmt"

	"ilp.health/operator/api/v1alpha1"
)

// path says why the release cannot be reached from what a district runs, or
// nil. What it is on its way to counts too, since its schema may be there
// already, unless that release says that earlier software runs on it.
func (p *plan) path(m *member) *Problem {
	name := string(p.spec.Release)
	target := p.fleet.Releases[name]
	if target.Version == nil || m.Current == name {
		return nil
	}
	for _, from := range []string{m.Current, m.Target} {
		if from == "" || from == name {
			continue
		}
		release, known := p.fleet.Releases[from]
		switch {
		case !known || release.Version == nil:
			return &Problem{Reason: v1alpha1.ReasonUpgradePath, Message: fmt.Sprintf(
				"%s runs StackRelease %s, which does not exist any more, so nobody can tell whether %s is an upgrade: create it again, or pin the district",
				m.Name, from, name)}
		case from == m.Target && from != m.Current && release.RollbackSafe:
			continue
		case target.Version.LessThan(release.Version):
			return &Problem{Reason: v1alpha1.ReasonDowngrade, Message: fmt.Sprintf(
				"%s is at %s and %s is earlier, which its schema may not survive: name a later release in the wave, or pin the district",
				m.Name, release.Version, target.Version)}
		}
	}
	if from := p.fleet.Releases[m.Current].Version; m.Current != "" && target.UpgradeFrom != nil && !target.UpgradeFrom.Check(from) {
		return &Problem{Reason: v1alpha1.ReasonUpgradePath, Message: fmt.Sprintf(
			"%s runs %s, and %s can only be reached from %s: bring it to a release in between first",
			m.Name, from, name, target.UpgradeFrom)}
	}
	return nil
}
