package simulate

import (
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/wave/planner"
)

// defaultFailureBudget is the API's own default, for specs that never were in an API server.
const defaultFailureBudget = 1

// WorstCase is the most districts of one stage that can have failed with the
// release before the wave holds, if every one of them fails.
type WorstCase struct {
	Stage     string `json:"stage"`
	Districts int    `json:"districts"`
	Of        int    `json:"of"`
}

// Worst finds the stage in which most districts can be hurt. Stages don't add
// up: the next one begins only when every district before it is Ready. Within
// a stage failures may use up the budget while the places stay filled, and
// then all that are in flight may fail at once. The budgets of single causes
// only make it hold sooner.
func Worst(spec v1alpha1.WaveSpec, decision planner.Decision) WorstCase {
	budget := int(ptr.Deref(spec.Rollout.FailureBudget.Total, defaultFailureBudget))
	held := decision.Problem != nil && decision.Problem.Reason == v1alpha1.ReasonBudgetSpent
	var worst WorstCase
	for _, s := range decision.Stages {
		var of, begun, left int
		for _, m := range decision.Members {
			if m.Stage != s.Name || m.State == planner.Pinned {
				continue
			}
			of++
			switch m.State {
			case planner.InFlight, planner.Failed:
				begun++
				left++
			case planner.Held:
				left++
			}
		}
		hurt := min(left, max(begun, budget+s.MaxConcurrent))
		if held {
			hurt = begun // nothing new starts
		}
		if hurt > worst.Districts {
			worst = WorstCase{Stage: s.Name, Districts: hurt, Of: of}
		}
	}
	return worst
}
