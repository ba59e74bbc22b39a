// Package planner decides which districts of a wave may go to the release now.
// It is a pure function of the wave's spec and status, the fleet and a time: it
// has no client and no clock, and the same input gives the same plan.
//
// A district that may go has an admission, from the release that it was seen to
// have as its target. The district itself takes it, if that is still so, as soon
// as it sees it. Nobody can tell at once whether it has: so one that is called
// back takes a place for a while yet, and so does one whose status does not speak
// of its present spec.
package planner

import (
	"cmp"
	"time"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/upgrade"
)

// State is how far a district is.
type State string

// States of a district.
const (
	// Done runs the release and is Ready.
	Done State = "Done"
	// InFlight is admitted to the release, or goes there, and is not Ready yet.
	InFlight State = "InFlight"
	// Failed goes to the release, or is admitted to it, and is Stalled or takes too long.
	Failed State = "Failed"
	// Pinned names another release in its spec.
	Pinned State = "Pinned"
	// Held may not go yet.
	Held State = "Held"
)

// Decision is what to do now, and why not more.
type Decision struct {
	// Admitted are those who may go and do not show it yet, in order of code: the
	// ones of the call before that still may, and new ones.
	Admitted []v1alpha1.Admission
	// Problem holds the whole wave, if there is one.
	Problem *Problem
	// Stage is the first stage that is not over; empty when all are.
	Stage string
	// Stages are those of the wave, in order.
	Stages []Stage
	// Members are all districts, in order of stage and code.
	Members []Member
	// Counts has the number of members in each state.
	Counts map[State]int
	// Memory is handed to the next call.
	Memory v1alpha1.WaveMemory
	// Next is when to look again although nothing has changed, or zero.
	Next time.Time
}

// Complete tells that every district which is not pinned is done.
func (d Decision) Complete() bool {
	return d.Counts[Done]+d.Counts[Pinned] == len(d.Members)
}

// Stage is one stage of the wave.
type Stage struct {
	Name string
	// MaxConcurrent is how many of its districts may be in flight at once.
	MaxConcurrent int
}

// Member is one district of the wave.
type Member struct {
	Name  string
	Stage string
	State State
	// Admitted tells that it may go and does not show it yet.
	Admitted bool
	// Reason and Message say what blocks a district that is held or failed.
	Reason, Message string
	// Cause is what has to be mended, of a district that failed.
	Cause v1alpha1.FailureCause
}

// Problem is a reason of the API with what to do about it.
type Problem struct {
	Reason, Message string
	// Planned problems pass by themselves or by a step of the plan; others are mistakes.
	Planned bool
}

// plan is one call's work.
type plan struct {
	spec   v1alpha1.WaveSpec
	status v1alpha1.WaveStatus
	fleet  Fleet
	now    time.Time

	stages  []*stage
	members []*member
	window  *window
	problem *Problem
	next    time.Time
	// refusals are the answers of refusal.
	refusals map[ends]*upgrade.Refusal
}

// member is a district with what is found out about it.
type member struct {
	District
	stage *stage
	state State
	// admission is the one that it may take as far as anybody has seen.
	admission *v1alpha1.Admission
	// started tells that it is admitted, or goes; since says from when.
	started bool
	since   time.Time
	// back is when its admission was taken back, if it may have gone meanwhile.
	back  time.Time
	block *Problem
}

// Plan decides. Of the status it reads admissions and memory, as the last call left them.
func Plan(spec v1alpha1.WaveSpec, status v1alpha1.WaveStatus, fleet Fleet, now time.Time) Decision {
	p := &plan{spec: spec, status: status, fleet: fleet, now: now.Truncate(time.Second), refusals: map[ends]*upgrade.Refusal{}}
	p.recall()
	p.classify()
	p.assign()
	p.advance()
	p.findProblem()
	p.choose()
	return p.decision()
}

func byCode(a, b *member) int {
	return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Name, b.Name))
}

// classify finds the state of every district.
func (p *plan) classify() {
	for _, m := range p.members {
		m.state = p.stateOf(m)
	}
}

// stateOf is the state of a district before anybody is let go or called back.
func (p *plan) stateOf(m *member) State {
	given := p.given(m)
	if given {
		m.admission = nil
	}
	switch {
	case m.Pin != "" && !given:
		p.callBack(m)
		return Pinned
	case given && m.Observed && m.Ready && m.Current == string(p.spec.Release):
		m.started = false
		return Done
	case given && !m.Active:
		m.started = false
		return Held
	case !given && m.admission == nil:
		m.started = m.started && m.lost()
		return Held
	case !m.started:
		m.started, m.since = true, p.now
	}
	switch {
	case m.Observed && m.Stalled && (given || m.Asked == string(p.spec.Release)), !p.now.Before(p.timeout(m)):
		return Failed
	case given:
		p.lookAt(p.timeout(m))
		return InFlight
	default:
		return Held // choose says whether it still may go
	}
}

// given tells that a district goes to the wave's release, or stands on it.
func (p *plan) given(m *member) bool {
	release := string(p.spec.Release)
	return m.Pin == release || (m.Pin == "" && m.Target == release)
}

// cause is what has to be mended, as far as the district tells.
func (m *member) cause() v1alpha1.FailureCause {
	return cmp.Or(m.Cause, v1alpha1.CauseUnknown)
}

// underway tells that a district is on its way to another release than the
// wave's, mostly the one that the wave named before. A failed one is not: a
// release that is repaired must reach it.
func (p *plan) underway(m *member) bool {
	return m.Active && !m.Stalled && m.Target != "" && m.Target != string(p.spec.Release) && m.Current != m.Target
}

func (p *plan) timeout(m *member) time.Time {
	minutes := cmp.Or(p.spec.Rollout.DistrictTimeoutMinutes, defaultTimeoutMinutes)
	return m.since.Add(time.Duration(minutes) * time.Minute)
}

// lookAt asks for another look at a time to come.
func (p *plan) lookAt(t time.Time) {
	if t.After(p.now) && (p.next.IsZero() || t.Before(p.next)) {
		p.next = t
	}
}

func (p *plan) decision() Decision {
	d := Decision{
		Admitted: p.admitted(), Problem: p.problem, Stage: p.currentStage(),
		Counts: map[State]int{}, Next: p.next, Memory: p.remember(),
	}
	for _, s := range p.stages {
		d.Stages = append(d.Stages, Stage{Name: s.name, MaxConcurrent: s.limit()})
	}
	for _, m := range p.members {
		member := Member{Name: m.Name, State: m.state, Admitted: m.admission != nil}
		if m.stage != nil {
			member.Stage = m.stage.name
		}
		if m.state == Failed {
			member.Cause = m.cause()
		}
		if m.block != nil {
			member.Reason, member.Message = m.block.Reason, m.block.Message
		}
		d.Counts[m.state]++
		d.Members = append(d.Members, member)
	}
	return d
}
