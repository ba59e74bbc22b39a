package planner

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
)

const (
	// ImplicitStage is the one stage of a wave that has no rollout.
	ImplicitStage = "all"

	defaultTimeoutMinutes = 120
	defaultFailureBudget  = 1
)

// stage is a stage with its districts.
type stage struct {
	name    string
	spec    v1alpha1.Stage
	members []*member
	// working are those that are not pinned.
	working int
	done    int
	// completedAt and soakedAt are as StageMemory has them.
	completedAt, soakedAt time.Time
}

// selectsRest tells that the stage takes who is left.
func (s *stage) selectsRest() bool {
	return len(s.spec.Districts) == 0 && s.spec.LabelSelector == nil && s.spec.Count == 0
}

func (s *stage) complete() bool { return s.done == s.working }

// over tells that the next stage need not wait. A stage of nobody has nothing to soak.
func (s *stage) over() bool {
	return s.complete() && (s.working == 0 || !s.soakedAt.IsZero())
}

func (s *stage) soak() time.Duration {
	return time.Duration(ptr.Deref(s.spec.SoakMinutes, 0)) * time.Minute
}

// limit is how many may be in flight at once.
func (s *stage) limit() int {
	most := ptr.Deref(s.spec.MaxConcurrent, intstr.FromInt32(1))
	n, err := intstr.GetScaledValueFromIntOrPercent(&most, s.working, false)
	if err != nil {
		return 1
	}
	return max(n, 1)
}

// assign puts every district into the first stage that selects it.
func (p *plan) assign() {
	specs := p.spec.Rollout.Stages
	if len(specs) == 0 {
		specs = []v1alpha1.Stage{{Name: ImplicitStage}}
	}
	left := slices.Clone(p.members)
	for i, spec := range specs {
		s := &stage{name: string(spec.Name), spec: spec}
		p.stages = append(p.stages, s)
		selected, err := p.selected(s, left)
		switch {
		case err != nil:
			p.stagesInvalid("labelSelector of stage %s cannot be read: %v", s.name, err)
		case s.selectsRest() && i < len(specs)-1:
			p.stagesInvalid("stage %s selects nobody in particular, so it would leave nothing to the stages after it: only the last stage may be without districts, labelSelector and count", s.name)
			continue
		case len(selected) == 0 && spec.Count == 0 && !s.selectsRest():
			p.stagesInvalid("stage %s selects none of the districts that are left to it: correct the stage, label or register its districts, or remove it", s.name)
		}
		for m := range selected {
			m.stage = s
		}
		left = slices.DeleteFunc(left, func(m *member) bool { return m.stage != nil })
	}
	// A pinned district needs no turn, so it may be without a stage.
	left = slices.DeleteFunc(left, func(m *member) bool { return m.state == Pinned })
	if len(left) > 0 {
		p.stagesInvalid("%s in no stage: let the last stage be without districts, labelSelector and count, so that it takes who is left", beNames(left))
	}
	order := make(map[*stage]int, len(p.stages))
	for i, s := range p.stages {
		order[s] = i
	}
	order[nil] = len(p.stages)
	slices.SortStableFunc(p.members, func(a, b *member) int { return cmp.Compare(order[a.stage], order[b.stage]) })
}

// selected are those of the remaining districts that the stage takes.
func (p *plan) selected(s *stage, left []*member) (map[*member]bool, error) {
	out := map[*member]bool{}
	take := func(wanted func(*member) bool) {
		for _, m := range left {
			if wanted(m) {
				out[m] = true
			}
		}
	}
	switch {
	case len(s.spec.Districts) > 0:
		names := make(map[string]bool, len(s.spec.Districts))
		for _, name := range s.spec.Districts {
			names[string(name)] = true
		}
		take(func(m *member) bool { return names[m.Name] })
	case s.spec.LabelSelector != nil:
		selector, err := metav1.LabelSelectorAsSelector(s.spec.LabelSelector)
		if err != nil {
			return nil, err
		}
		take(func(m *member) bool { return selector.Matches(labels.Set(m.Labels)) })
	case s.spec.Count > 0:
		able := slices.DeleteFunc(slices.Clone(left), func(m *member) bool { return m.state == Pinned })
		slices.SortStableFunc(able, func(a, b *member) int { return cmp.Compare(p.rank(a), p.rank(b)) })
		for _, m := range able[:min(len(able), int(s.spec.Count))] {
			out[m] = true
		}
	default:
		take(func(*member) bool { return true })
	}
	return out, nil
}

// rank orders districts for stages that go by number. Who is further comes
// first, so that a district which registers late does not push another out of
// the stage that it has been through; who cannot start comes last.
func (p *plan) rank(m *member) int {
	switch {
	case m.state == Done:
		return 0
	case m.started:
		return 1
	case m.Active && !m.Unfit && p.path(m) == nil:
		return 2
	default:
		return 3
	}
}

// advance counts who is done, and finds the stages that are complete and soaked.
func (p *plan) advance() {
	remembered := map[string]v1alpha1.StageMemory{}
	if p.status.Memory.Release == p.spec.Release {
		for _, s := range p.status.Memory.Stages {
			remembered[string(s.Name)] = s
		}
	}
	for _, m := range p.members {
		if m.stage == nil {
			continue
		}
		m.stage.members = append(m.stage.members, m)
		if m.state != Pinned {
			m.stage.working++
		}
		if m.state == Done {
			m.stage.done++
		}
	}
	for _, s := range p.stages {
		last, known := remembered[s.name]
		if known && !last.SoakedAt.IsZero() {
			s.completedAt, s.soakedAt = last.CompletedAt.Time, last.SoakedAt.Time
			continue
		}
		if !s.complete() || s.working == 0 {
			continue // whoever is not done any more makes the stage soak anew
		}
		s.completedAt = p.now
		if known {
			s.completedAt = p.past(last.CompletedAt)
		}
		if end := s.completedAt.Add(s.soak()); end.After(p.now) {
			p.lookAt(end)
		} else {
			s.soakedAt = p.now
		}
	}
}

func (p *plan) currentStage() string {
	for i, s := range p.stages {
		later := slices.ContainsFunc(p.stages[i+1:], func(s *stage) bool { return !s.complete() })
		if !s.complete() || (later && !s.over()) {
			return s.name
		}
	}
	return ""
}

func (p *plan) stagesInvalid(format string, args ...any) {
	if p.problem == nil {
		p.problem = &Problem{Reason: v1alpha1.ReasonStageInvalid, Message: fmt.Sprintf(format, args...)}
	}
}
