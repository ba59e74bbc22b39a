// Package planner decides which districts of a wave get the release now. It is
// a pure function of the wave's spec, what the wave remembers, the fleet and a
// time: it has no client and no clock, and the same input gives the same plan.
package planner

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/upgrade"
)

// State is how far a district is.
type State string

// States of a district.
const (
	// Done runs the release and is Ready.
	Done State = "Done"
	// InFlight has been given the release and is not Ready yet.
	InFlight State = "InFlight"
	// Failed has been given the release and is Stalled, or takes too long.
	Failed State = "Failed"
	// Pinned holds a release that the wave may not overwrite.
	Pinned State = "Pinned"
	// Held has not been given the release yet.
	Held State = "Held"
)

// Decision is what to do now, and why not more.
type Decision struct {
	// Start names the districts to be given the release now, in order.
	Start []string
	// Ask names districts that cannot start as they are. If their release is
	// pinned they need not: whoever executes the plan can find out.
	Ask []string
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
	memory v1alpha1.WaveMemory
	fleet  Fleet
	now    time.Time

	stages  []*stage
	members []*member
	window  *window
	problem *Problem
	start   []string
	next    time.Time
	// refusals are the answers of refusal, by release.
	refusals map[string]*upgrade.Refusal
}

// member is a district with what is found out about it.
type member struct {
	District
	stage *stage
	state State
	// started tells that the memory knows of it; since says from when.
	started bool
	since   time.Time
	block   *Problem
}

// Plan decides. It reads memory as the last call left it.
func Plan(spec v1alpha1.WaveSpec, memory v1alpha1.WaveMemory, fleet Fleet, now time.Time) Decision {
	p := &plan{spec: spec, memory: memory, fleet: fleet, now: now.Truncate(time.Second), refusals: map[string]*upgrade.Refusal{}}
	p.recall()
	p.classify()
	p.assign()
	p.advance()
	p.findProblem()
	p.choose()
	return p.decision()
}

// recall takes over the members, and what is remembered of them for this release.
func (p *plan) recall() {
	if p.memory.Release != p.spec.Release {
		p.memory.Stages, p.memory.Started = nil, nil
	}
	since := make(map[string]time.Time, len(p.memory.Started))
	for _, s := range p.memory.Started {
		since[string(s.Name)] = p.past(s.Since)
	}
	p.members = make([]*member, len(p.fleet.Districts))
	for i, d := range p.fleet.Districts {
		m := &member{District: d}
		m.since, m.started = since[d.Name]
		p.members[i] = m
	}
	slices.SortFunc(p.members, byCode)
}

// past reads a remembered time. A time to come was written before the clock was
// put back; counting from now on neither skips a wait nor waits for ever.
func (p *plan) past(t metav1.Time) time.Time {
	if t.After(p.now) {
		return p.now
	}
	return t.Time
}

func byCode(a, b *member) int {
	return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Name, b.Name))
}

// classify finds the state of every district.
func (p *plan) classify() {
	pins := make(map[string]string, len(p.memory.Pinned))
	for _, pin := range p.memory.Pinned {
		pins[string(pin.Name)] = string(pin.Release)
	}
	target := string(p.spec.Release)
	for _, m := range p.members {
		given := m.Release == target
		if pin, ok := pins[m.Name]; ok && !given && pin == m.Release {
			m.state, m.started = Pinned, false
			continue
		}
		m.state = Held
		if given && m.Observed && m.Ready && m.Current == target {
			m.state, m.started = Done, false
			continue
		}
		if !m.Active {
			m.started = false
			continue
		}
		if given && !m.started {
			m.started, m.since = true, p.now
		}
		switch {
		case !m.started:
		case given && m.Observed && m.Stalled, !p.now.Before(p.timeout(m)):
			m.state = Failed
		case given:
			m.state = InFlight
			p.lookAt(p.timeout(m))
		}
	}
}

// cause is what has to be mended, as far as the district tells.
func (m *member) cause() v1alpha1.FailureCause {
	return cmp.Or(m.Cause, v1alpha1.CauseUnknown)
}

// pending tells that the wave has decided to give it the release, and it does
// not show it yet: the last reconcile was cut short, or the cache is late.
func (p *plan) pending(m *member) bool {
	return m.started && m.Release != string(p.spec.Release)
}

// underway tells that a district is on its way to another release than the
// wave's, mostly the one that the wave named before. A failed one is not: a
// release that is repaired must reach it.
func (p *plan) underway(m *member) bool {
	return m.Active && !m.Stalled && m.Release != "" && m.Release != string(p.spec.Release) && m.Current != m.Release
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
		Start: p.start, Problem: p.problem, Stage: p.currentStage(),
		Counts: map[State]int{}, Next: p.next, Memory: p.remember(),
	}
	for _, s := range p.stages {
		d.Stages = append(d.Stages, Stage{Name: s.name, MaxConcurrent: s.limit()})
	}
	for _, m := range p.members {
		member := Member{Name: m.Name, State: m.state}
		if m.stage != nil {
			member.Stage = m.stage.name
		}
		if m.state == Failed {
			member.Cause = m.cause()
		}
		if m.block != nil {
			member.Reason, member.Message = m.block.Reason, m.block.Message
		}
		if m.state == Held && m.Release != "" && unfit[member.Reason] {
			d.Ask = append(d.Ask, m.Name)
		}
		d.Counts[m.state]++
		d.Members = append(d.Members, member)
	}
	return d
}

// unfit are the reasons that lie in a district itself.
var unfit = map[string]bool{
	v1alpha1.ReasonDistrictInactive: true,
	v1alpha1.ReasonDowngrade:        true,
	v1alpha1.ReasonUpgradePath:      true,
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
		name := v1alpha1.ObjectName(m.Name)
		switch {
		case m.state == Pinned:
			memory.Pinned = append(memory.Pinned, v1alpha1.PinnedDistrict{Name: name, Release: v1alpha1.ObjectName(m.Release)})
		case m.started:
			memory.Started = append(memory.Started, v1alpha1.StartedDistrict{Name: name, Since: metav1.NewTime(m.since)})
		}
	}
	slices.SortFunc(memory.Pinned, func(a, b v1alpha1.PinnedDistrict) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(memory.Started, func(a, b v1alpha1.StartedDistrict) int { return cmp.Compare(a.Name, b.Name) })
	return memory
}
