package wave

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
	"ilp.health/operator/controllers/wave/planner"
	"ilp.health/operator/controllers/wave/planner/simulate"
)

// stateStarts is a district that is admitted to the release now.
const stateStarts = "Starts"

// Outcomes of a simulation, and of a wave.
const (
	outcomeComplete   = "Complete"
	outcomeInProgress = "InProgress"
	outcomeSuspended  = "Suspended"
	outcomeHeld       = "Held"
)

// planDocument is what wave plan prints, as JSON or as text.
type planDocument struct {
	Wave      string             `json:"wave"`
	Release   string             `json:"release"`
	Time      time.Time          `json:"time"`
	Districts int                `json:"districts"`
	Window    string             `json:"window,omitempty"`
	Stages    []plannedStage     `json:"stages"`
	Unstaged  []plannedDistrict  `json:"unstaged,omitempty"`
	Blocked   []blockedGroup     `json:"blocked,omitempty"`
	WorstCase simulate.WorstCase `json:"worstCase"`

	Simulation *simulation `json:"simulation,omitempty"`
}

// plannedStage is a stage with its districts in their order.
type plannedStage struct {
	Name          string            `json:"name"`
	MaxConcurrent int               `json:"maxConcurrent"`
	SoakMinutes   int32             `json:"soakMinutes"`
	Approval      string            `json:"approval"` // Automatic, Required or Given
	Districts     []plannedDistrict `json:"districts"`
}

// plannedDistrict is a district with its turn.
type plannedDistrict struct {
	Name     string `json:"name"`
	Code     string `json:"code"`
	TimeZone string `json:"timeZone"`
	Current  string `json:"current,omitempty"`
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	// Pin is the release that a pinned district keeps.
	Pin           string    `json:"pin,omitempty"`
	EarliestStart time.Time `json:"earliestStart,omitzero"`
	EarliestEnd   time.Time `json:"earliestEnd,omitzero"`
}

// simulation is how a wave would go.
type simulation struct {
	Seed            uint64             `json:"seed"`
	Fail            intstr.IntOrString `json:"fail"`
	DistrictMinutes int                `json:"districtMinutes"`
	Events          []simulate.Event   `json:"events"`
	Outcome         string             `json:"outcome"`
	End             time.Time          `json:"end"`
	Done            int                `json:"done"`
	Failed          int                `json:"failed"`
	Pinned          int                `json:"pinned"`
	// Blocked says who is left behind, and why.
	Blocked []blockedGroup `json:"blocked,omitempty"`
}

// makePlan asks the planner once, and plays the wave without failures for the times.
func makePlan(s *source.Snapshot, options simulate.Options) (*planDocument, error) {
	spec, status, fleet := s.Wave.Spec, s.Wave.Status, s.Fleet()
	decision := planner.Plan(spec, status, fleet, options.Start)
	options.Fail = intstr.FromInt32(0)
	smooth, err := simulate.Run(spec, status, fleet, options)
	if err != nil {
		return nil, err
	}
	p := &planDocument{
		Wave: s.Wave.Name, Release: string(spec.Release), Time: options.Start.UTC().Truncate(time.Second),
		Districts: len(decision.Members), WorstCase: simulate.Worst(spec, decision),
		Blocked: blockedGroups(s.Wave.Name, spec, decision),
		Stages:  []plannedStage{},
	}
	if window := spec.Rollout.MaintenanceWindow; window.Cron != "" {
		p.Window = fmt.Sprintf("%s for %d minutes", window.Cron, window.Minutes)
	}
	for _, stage := range decision.Stages {
		p.Stages = append(p.Stages, planStage(spec, stage))
	}
	known := make(map[string]planner.District, len(fleet.Districts))
	for _, d := range fleet.Districts {
		known[d.Name] = d
	}
	for _, m := range decision.Members {
		d := planDistrict(known[m.Name], m, smooth.Times[m.Name])
		if m.Admitted {
			d.State = stateStarts
		}
		i := slices.IndexFunc(p.Stages, func(s plannedStage) bool { return s.Name == m.Stage })
		if i < 0 {
			p.Unstaged = append(p.Unstaged, d)
			continue
		}
		p.Stages[i].Districts = append(p.Stages[i].Districts, d)
	}
	return p, nil
}

func planStage(spec v1alpha1.WaveSpec, stage planner.Stage) plannedStage {
	out := plannedStage{Name: stage.Name, MaxConcurrent: stage.MaxConcurrent, Approval: "Automatic", Districts: []plannedDistrict{}}
	for _, s := range spec.Rollout.Stages {
		if string(s.Name) != stage.Name {
			continue
		}
		out.SoakMinutes = ptr.Deref(s.SoakMinutes, 0)
		if s.Approval == "Required" {
			out.Approval = s.Approval
		}
		if s.Approval == "Required" && slices.Contains(spec.ApprovedStages, s.Name) {
			out.Approval = "Given"
		}
	}
	return out
}

func planDistrict(d planner.District, m planner.Member, times simulate.Times) plannedDistrict {
	out := plannedDistrict{
		Name: d.Name, Code: d.Code, TimeZone: d.TimeZone, Current: d.Current, State: string(m.State), Reason: m.Reason,
		EarliestStart: times.Start, EarliestEnd: times.End,
	}
	if m.State == planner.Pinned {
		out.Pin = d.Pin
	}
	return out
}

// simulate plays the wave as the options say.
func (d *planDocument) simulate(s *source.Snapshot, options simulate.Options) error {
	story, err := simulate.Run(s.Wave.Spec, s.Wave.Status, s.Fleet(), options)
	if err != nil {
		return err
	}
	last := story.Last
	d.Simulation = &simulation{
		Seed: options.Seed, Fail: options.Fail, DistrictMinutes: int(options.DistrictTime.Minutes()),
		Events: story.Events, Outcome: outcomeHeld, End: story.End,
		Done: last.Counts[planner.Done], Failed: last.Counts[planner.Failed], Pinned: last.Counts[planner.Pinned],
		Blocked: blockedGroups(s.Wave.Name, s.Wave.Spec, last),
	}
	if last.Complete() && last.Problem == nil {
		d.Simulation.Outcome = outcomeComplete
	}
	return nil
}
