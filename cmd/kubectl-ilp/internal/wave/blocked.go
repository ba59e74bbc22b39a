package wave

import (
	"slices"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/blocker"
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
		g.Next = next(wave, string(spec.Release), stages[g.Reason], g)
	}
	return groups
}

// next is the one thing that a person does about a group.
func next(wave, release, stage string, g *blockedGroup) string {
	s := blocker.Subject{Kind: blocker.Wave, Wave: wave, Release: release, Stage: stage}
	if len(g.Districts) > 0 {
		s.District = g.Districts[0]
	}
	return blocker.Next(s, g.Reason)
}
