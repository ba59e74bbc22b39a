package planner

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

// chooseIn fills the places of one stage: first with districts that were admitted
// before, then with those on their way to the release that the wave named before,
// which take a place already, then in order of code.
func (p *plan) chooseIn(s *stage, gate *Problem) {
	if gate == nil && s.spec.Approval == "Required" && !slices.Contains(p.spec.ApprovedStages, v1alpha1.ObjectName(s.name)) {
		gate = &Problem{Planned: true, Reason: v1alpha1.ReasonAwaitingApproval, Message: fmt.Sprintf(
			"stage %s waits for a person: add %s to spec.approvedStages of the wave", s.name, s.name)}
	}
	places := places{stage: s.name, limit: s.limit()}
	var moving, fresh []*member
	for _, m := range s.members {
		if m.admission != nil {
			if m.block = p.blockOf(m, gate); m.block != nil {
				m.state = Held
				p.callBack(m)
			} else {
				p.admit(m)
			}
		}
		waits := m.state == Held && m.block == nil
		switch {
		case m.state == Failed && m.back.IsZero(): // it frees its place
		case m.state == InFlight:
			places.busy++
			places.going++
		case waits && p.underway(m):
			places.busy++
			moving = append(moving, m)
		case m.unsure():
			places.busy++
			places.unsure++
			fallthrough
		default:
			if waits {
				fresh = append(fresh, m)
			}
		}
	}
	for _, m := range append(moving, fresh...) {
		m.block = p.blockOf(m, gate)
		switch {
		case m.started && m.lost():
			m.state, m.block = InFlight, nil // its status is lost; it is asked where it is
		case m.block != nil:
		case !places.take(m, p.underway(m)):
			m.block = places.taken()
		default:
			p.admit(m)
		}
	}
}

// unsure tells that a district may go, and nobody knows: it was called back, or
// its status does not speak of its present spec.
func (m *member) unsure() bool {
	return !m.back.IsZero() || (m.state == Held && m.Active && !m.Observed)
}

// places are those of one stage.
type places struct {
	stage string
	limit int
	// busy are taken: going by those who go to the wave's release or may, unsure by
	// those who may go and nobody knows.
	busy, going, unsure int
}

// take finds a place for a district. One that is underway has its own, but people
// may have brought more of them under way than may be. One of which nobody is
// sure has its own, too, as far as there are enough for the others.
func (p *places) take(m *member, underway bool) bool {
	switch unsure := m.unsure(); {
	case underway && p.going+p.unsure >= p.limit:
		return false
	case underway:
	case unsure && p.busy > p.limit:
		return false
	case unsure:
		p.unsure--
	case p.busy >= p.limit:
		return false
	default:
		p.busy++
	}
	p.going++
	return true
}

func (p *places) taken() *Problem {
	text := fmt.Sprintf("%d of stage %s are in flight, as many as maxConcurrent allows; it starts when one of them is done", p.busy, p.stage)
	if p.unsure > 0 {
		text = fmt.Sprintf("%d of stage %s are in flight or may be, as many as maxConcurrent allows; it starts when one of them is done. "+
			"Of %d it is not known yet: called back a moment ago, or with a status that does not speak of the present spec", p.busy, p.stage, p.unsure)
	}
	return &Problem{Planned: true, Reason: v1alpha1.ReasonAwaitingSlot, Message: text}
}

// admit lets a district go, or go on. Its time runs from when it may go; one
// that has failed stays so until it goes.
func (p *plan) admit(m *member) {
	if m.admission == nil {
		m.started, m.since, m.back = true, p.now, time.Time{}
		m.admission = &v1alpha1.Admission{
			Code: m.Code, From: v1alpha1.ObjectName(m.Target), To: p.spec.Release, At: metav1.NewTime(p.now),
		}
	}
	if m.state == Failed {
		m.block = p.failure(m)
		return
	}
	m.state = InFlight
	p.lookAt(p.timeout(m))
}
