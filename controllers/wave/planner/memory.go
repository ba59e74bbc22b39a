package planner

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

// settled is how long one that was called back may have gone without anybody
// seeing it: longer than any cache is late, or any request takes.
const settled = 5 * time.Minute

// recall takes over the members, and what is remembered of them.
func (p *plan) recall() {
	memory := p.status.Memory
	since := map[string]time.Time{}
	if memory.Release == p.spec.Release {
		for _, s := range memory.Started {
			since[string(s.Name)] = p.past(s.Since)
		}
	}
	back := make(map[string]time.Time, len(memory.CalledBack))
	for _, c := range memory.CalledBack {
		back[string(c.Name)] = p.past(c.At)
	}
	admitted := make(map[string]*v1alpha1.Admission, len(p.status.Admitted))
	for i := range p.status.Admitted {
		admitted[p.status.Admitted[i].Code] = &p.status.Admitted[i]
	}
	p.members = make([]*member, len(p.fleet.Districts))
	for i, d := range p.fleet.Districts {
		m := &member{District: d}
		m.since, m.started = since[d.Name]
		if at, ok := back[d.Name]; ok && p.now.Before(at.Add(settled)) {
			m.back = at
			p.lookAt(at.Add(settled))
		}
		p.recallAdmission(m, admitted[d.Code])
		p.members[i] = m
	}
	slices.SortFunc(p.members, byCode)
}

// recallAdmission finds out whether a member can still take its admission. One
// that is seen where the admission leads has taken it; one that is seen anywhere
// else has not, and cannot any more.
func (p *plan) recallAdmission(m *member, a *v1alpha1.Admission) {
	switch {
	case a == nil:
	case string(a.From) != m.Target && !m.lost():
	case a.To == p.spec.Release && string(a.From) == m.Target:
		m.admission = a
	default:
		m.admission = a
		p.callBack(m)
	}
}

// callBack takes the admission of a member away. It may have gone before it sees that.
func (p *plan) callBack(m *member) {
	if m.admission != nil {
		m.back = p.now
		p.lookAt(p.now.Add(settled))
	}
	m.admission, m.started = nil, false
}

// lost tells that nothing is known of where a district is: it is new, or its
// status is lost.
func (m *member) lost() bool { return m.Target == "" && !m.Observed }

// past reads a remembered time. A time to come was written before the clock was
// put back; counting from now on neither skips a wait nor waits for ever.
func (p *plan) past(t metav1.Time) time.Time {
	if t.After(p.now) {
		return p.now
	}
	return t.Time
}

// admitted lists the admissions. Of two districts with one code the first has it;
// the other one says itself that the code is taken.
func (p *plan) admitted() []v1alpha1.Admission {
	var list []v1alpha1.Admission
	for _, m := range p.members {
		if m.admission != nil {
			list = append(list, *m.admission)
		}
	}
	slices.SortStableFunc(list, func(a, b v1alpha1.Admission) int { return cmp.Compare(a.Code, b.Code) })
	return slices.CompactFunc(list, func(a, b v1alpha1.Admission) bool { return a.Code == b.Code })
}

// remember writes the memory for the next call.
func (p *plan) remember() v1alpha1.WaveMemory {
	memory := v1alpha1.WaveMemory{Release: p.spec.Release}
	for _, s := range p.stages {
		if s.completedAt.IsZero() {
			continue
		}
		stage := v1alpha1.StageMemory{Name: v1alpha1.ObjectName(s.name), CompletedAt: metav1.NewTime(s.completedAt)}
		if !s.soakedAt.IsZero() {
			stage.SoakedAt = metav1.NewTime(s.soakedAt)
		}
		memory.Stages = append(memory.Stages, stage)
	}
	for _, m := range p.members {
		if m.started {
			memory.Started = append(memory.Started, v1alpha1.StartedDistrict{Name: v1alpha1.ObjectName(m.Name), Since: metav1.NewTime(m.since)})
		}
		if !m.back.IsZero() {
			memory.CalledBack = append(memory.CalledBack, v1alpha1.CalledBackDistrict{Name: v1alpha1.ObjectName(m.Name), At: metav1.NewTime(m.back)})
		}
	}
	slices.SortFunc(memory.Started, func(a, b v1alpha1.StartedDistrict) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(memory.CalledBack, func(a, b v1alpha1.CalledBackDistrict) int { return cmp.Compare(a.Name, b.Name) })
	return memory
}
