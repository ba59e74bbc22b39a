package wave

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/complete"
	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
	"ilp.health/operator/controllers/wave/planner"
)

const statusLong = `Print how far a wave is: its stages, who is in flight, who failed, and what blocks the others.

With --watch the text is drawn again in place on a terminal, and written line by line elsewhere, whenever something
changes, until the wave is complete (exit code 0) or held (4). Without --watch a wave that is in progress, or waits
for a time or a person, ends with exit code 3.`

// refresh is how often the wave is looked at; districts are read only if it has changed.
const refresh = 2 * time.Second

type statusOptions struct {
	watch  bool
	output string
}

func newStatus(f *cmdutil.Factory) *cobra.Command {
	o := &statusOptions{}
	cmd := &cobra.Command{
		Use: "status NAME", Short: "Print how far a wave is, and what blocks it",
		Long: statusLong, Args: cmdutil.Args(cobra.ExactArgs(1)), ValidArgsFunction: complete.Args(f, complete.Wave),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), f, args[0]) },
	}
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "go on until the wave is complete or held")
	cmdutil.AddOutput(cmd, &o.output)
	return cmd
}

func (o *statusOptions) run(ctx context.Context, f *cmdutil.Factory, name string) error {
	if err := cmdutil.CheckOutput(o.output); err != nil {
		return err
	}
	c, err := f.Client()
	if err != nil {
		return err
	}
	snapshot, err := source.FromCluster(ctx, c, name)
	if err != nil {
		return err
	}
	show := o.shower(f)
	status := statusOf(snapshot, f.Now())
	if err := show(status); err != nil {
		return err
	}
	if o.watch {
		status, err = watch(ctx, f, c, snapshot, show)
		if err != nil {
			return err
		}
	}
	switch status.Outcome {
	case outcomeComplete:
		return nil
	case outcomeHeld:
		return &cmdutil.Exit{Code: cmdutil.ExitHeld}
	default:
		return &cmdutil.Exit{Code: cmdutil.ExitWaiting}
	}
}

// shower chooses how a status is shown.
func (o *statusOptions) shower(f *cmdutil.Factory) func(*statusDocument) error {
	switch {
	case o.output == cmdutil.JSON:
		return func(d *statusDocument) error { return cmdutil.WriteJSON(f.Streams.Out, d) }
	case o.watch:
		if screen := page.ScreenOf(f.Streams.Out); screen != nil {
			return func(d *statusDocument) error { return screen.Draw(d.write) }
		}
		return func(d *statusDocument) error { return d.line(f.Streams.Out) }
	default:
		return func(d *statusDocument) error { return d.write(f.Streams.Out) }
	}
}

// watch shows each change until the wave ends. Looking again and again outlives
// a bad line without further ado.
func watch(ctx context.Context, f *cmdutil.Factory, c client.Client, snapshot *source.Snapshot, show func(*statusDocument) error) (*statusDocument, error) {
	status := statusOf(snapshot, f.Now())
	ticker := time.NewTicker(refresh)
	defer ticker.Stop()
	away := false
	for status.Outcome != outcomeComplete && status.Outcome != outcomeHeld {
		select {
		case <-ctx.Done():
			return status, nil
		case <-ticker.C:
		}
		wave := &v1alpha1.Wave{}
		err := c.Get(ctx, client.ObjectKey{Name: snapshot.Wave.Name}, wave)
		if err == nil && wave.ResourceVersion == snapshot.Wave.ResourceVersion {
			continue
		}
		var found *source.Snapshot
		if err == nil {
			found, err = source.FromCluster(ctx, c, wave.Name)
		}
		switch {
		case client.IgnoreNotFound(err) == nil && err != nil:
			return nil, fmt.Errorf("wave %s has been deleted", snapshot.Wave.Name)
		case err != nil && ctx.Err() == nil:
			if !away {
				f.Warnf("the cluster does not answer, trying again: %v", err)
			}
			away = true
			continue
		case err != nil:
			return status, nil
		}
		away = false
		snapshot, status = found, statusOf(found, f.Now())
		if err := show(status); err != nil {
			return nil, err
		}
	}
	return status, nil
}

// statusDocument is what wave status prints, as JSON or as text.
type statusDocument struct {
	Wave    string    `json:"wave"`
	Release string    `json:"release"`
	Time    time.Time `json:"time"`
	Outcome string    `json:"outcome"`
	Reason  string    `json:"reason,omitempty"`
	Message string    `json:"message,omitempty"`
	Stage   string    `json:"stage,omitempty"`
	Counts  counts    `json:"counts"`
	// FailedByCause is what the operator found out about those that failed.
	FailedByCause []v1alpha1.CauseCount `json:"failedByCause,omitempty"`
	Stages        []stageStatus         `json:"stages"`
	InFlight      []onItsWay            `json:"inFlight,omitempty"`
	Blocked       []blockedGroup        `json:"blocked,omitempty"`
}

// counts has each district once.
type counts struct {
	Total    int `json:"total"`
	Done     int `json:"done"`
	InFlight int `json:"inFlight"`
	Failed   int `json:"failed"`
	Pinned   int `json:"pinned"`
	Held     int `json:"held"`
}

type stageStatus struct {
	Name string `json:"name"`
	counts
}

// onItsWay is a district in flight.
type onItsWay struct {
	District string    `json:"district"`
	Since    time.Time `json:"since,omitzero"`
	Message  string    `json:"message,omitempty"`
}

func (c *counts) add(state planner.State) {
	c.Total++
	switch state {
	case planner.Done:
		c.Done++
	case planner.InFlight:
		c.InFlight++
	case planner.Failed:
		c.Failed++
	case planner.Pinned:
		c.Pinned++
	case planner.Held:
		c.Held++
	}
}

// statusOf takes the wave's own word from its status. That has no numbers for
// each stage; they are counted as the planner counts them.
func statusOf(s *source.Snapshot, now time.Time) *statusDocument {
	wave := &s.Wave
	fleet := s.Fleet()
	decision := planner.Plan(wave.Spec, wave.Status, fleet, now)
	d := &statusDocument{
		Wave: wave.Name, Release: string(wave.Spec.Release), Time: now.UTC().Truncate(time.Second),
		Outcome: outcomeOf(wave), Stage: wave.Status.CurrentStage, Stages: []stageStatus{},
		FailedByCause: wave.Status.Progress.FailedByCause,
	}
	if ready := meta.FindStatusCondition(wave.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		d.Reason, d.Message = ready.Reason, ready.Message
	}
	for _, stage := range decision.Stages {
		d.Stages = append(d.Stages, stageStatus{Name: stage.Name})
	}
	districts := make(map[string]planner.District, len(fleet.Districts))
	for _, district := range fleet.Districts {
		districts[district.Name] = district
	}
	stageOf := map[string]string{}
	for _, m := range decision.Members {
		stageOf[m.Name] = m.Stage
		state := m.State
		if state == planner.InFlight && m.Admitted {
			state = planner.Held // it may go, and has not
		}
		d.Counts.add(state)
		for i := range d.Stages {
			if d.Stages[i].Name == m.Stage {
				d.Stages[i].add(state)
			}
		}
		if state == planner.InFlight {
			d.InFlight = append(d.InFlight, onItsWay{District: m.Name, Since: since(wave, m.Name), Message: districts[m.Name].Message})
		}
	}
	for _, b := range wave.Status.Blocked {
		g := blockedGroup{Reason: b.Reason, Count: int(b.Count), Message: b.Message}
		for _, name := range b.Districts {
			g.Districts = append(g.Districts, string(name))
		}
		g.Next = next(wave.Name, d.Release, stageOf[g.Districts[0]], &g)
		d.Blocked = append(d.Blocked, g)
	}
	return d
}

func since(wave *v1alpha1.Wave, district string) time.Time {
	for _, s := range wave.Status.Memory.Started {
		if string(s.Name) == district {
			return s.Since.UTC()
		}
	}
	return time.Time{}
}

// outcomeOf reads the wave's conditions. A status that speaks of another spec
// says nothing about this one.
func outcomeOf(wave *v1alpha1.Wave) string {
	conditions := wave.Status.Conditions
	switch {
	case wave.Status.ObservedGeneration != wave.Generation:
		return outcomeInProgress
	case meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady):
		return outcomeComplete
	case meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionStalled):
		return outcomeHeld
	case wave.Spec.State == v1alpha1.WaveStateSuspended:
		return outcomeSuspended
	default:
		return outcomeInProgress
	}
}
