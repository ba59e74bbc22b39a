package wave

import (
	"fmt"
	"slices"
	"strings"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/wave/planner"
)

// blockedGroup is one reason that keeps districts from being done, and what a
// person does about it.
type blockedGroup struct {
	Reason    string   `json:"reason"`
	Count     int      `json:"count"`
	Districts []string `json:"districts,omitempty"`
	Message   string   `json:"message"`
	// Next is empty where it goes on by itself.
	Next string `json:"next,omitempty"`
}

// blockedGroups groups the members of a plan as the wave's status does, with
// every district named. What holds the whole wave comes first.
func blockedGroups(wave string, spec v1alpha1.WaveSpec, decision planner.Decision) []blockedGroup {
	var groups []blockedGroup
	group := func(reason, message string) *blockedGroup {
		i := slices.IndexFunc(groups, func(g blockedGroup) bool { return g.Reason == reason })
		if i < 0 {
			groups = append(groups, blockedGroup{Reason: reason, Message: message})
			i = len(groups) - 1
		}
		return &groups[i]
	}
	if p := decision.Problem; p != nil {
		group(p.Reason, p.Message)
	}
	stages := map[string]string{}
	for _, m := range decision.Members {
		if m.Reason == "" {
			continue
		}
		g := group(m.Reason, m.Message)
		g.Count++
		g.Districts = append(g.Districts, m.Name)
		if stages[m.Reason] == "" {
			stages[m.Reason] = m.Stage
		}
	}
	for i := range groups {
		g := &groups[i]
		g.Next = next(wave, string(spec.Release), g.Reason, stages[g.Reason], g.Districts)
	}
	return groups
}

// next is the one thing that a person does about a reason; empty where it goes
// on by itself.
func next(wave, release, reason, stage string, districts []string) string {
	first := "DISTRICT"
	if len(districts) > 0 {
		first = districts[0]
	}
	switch reason {
	case v1alpha1.ReasonAwaitingApproval:
		return strings.TrimSpace(fmt.Sprintf("kubectl ilp wave approve %s %s", wave, stage))
	case v1alpha1.ReasonSuspended:
		return "kubectl ilp wave resume " + wave
	case v1alpha1.ReasonInfrastructureFailed:
		return fmt.Sprintf("kubectl describe district %s; it goes on by itself when that is there", first)
	case v1alpha1.ReasonApplicationFailed, v1alpha1.ReasonConfigurationFailed, v1alpha1.ReasonDistrictFailed:
		return fmt.Sprintf("kubectl describe district %s; when it is repaired: kubectl ilp district retry %s", first, first)
	case v1alpha1.ReasonBudgetSpent:
		return "kubectl ilp wave status " + wave + " names those that failed"
	case v1alpha1.ReasonReleaseNotFound:
		return "kubectl get stackreleases, then correct spec.release of the wave"
	case v1alpha1.ReasonReleaseInvalid:
		return "kubectl describe stackrelease " + release
	case v1alpha1.ReasonStageInvalid, v1alpha1.ReasonWindowInvalid:
		return "correct spec.rollout of the wave"
	case v1alpha1.ReasonAwaitingDistricts:
		return "kubectl get districts, then set spec.waveRef.name of those that belong to the wave"
	case v1alpha1.ReasonDistrictInactive:
		return "set spec.state of district " + first + " to Active"
	case v1alpha1.ReasonDowngrade, v1alpha1.ReasonUpgradePath:
		return fmt.Sprintf("name another release in the wave, or: kubectl ilp district pin %s RELEASE", first)
	default:
		return ""
	}
}
