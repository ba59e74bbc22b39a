package wave

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/complete"
)

const gitOwns = `Where Git owns the wave, write it there: a pipeline that applies the wave again may take this change back.`

func newApprove(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use: "approve NAME STAGE…", Short: "Approve stages that wait for a person",
		Long: "Add stages to spec.approvedStages of a wave. " + gitOwns,
		Args: cmdutil.Args(cobra.MinimumNArgs(2)), ValidArgsFunction: complete.Args(f, complete.Wave, complete.Stage),
		RunE: func(cmd *cobra.Command, args []string) error {
			return change(cmd.Context(), f, args[0], func(wave *v1alpha1.Wave) (string, error) { return approve(wave, args[1:]) })
		},
	}
}

func newSuspend(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use: "suspend NAME", Short: "Start no further district",
		Long: "Set spec.state of a wave to Suspended. Districts that are on their way go on. " + gitOwns,
		Args: cmdutil.Args(cobra.ExactArgs(1)), ValidArgsFunction: complete.Args(f, complete.Wave),
		RunE: func(cmd *cobra.Command, args []string) error {
			return change(cmd.Context(), f, args[0], func(wave *v1alpha1.Wave) (string, error) {
				return setState(wave, v1alpha1.WaveStateSuspended, "no further district is started"), nil
			})
		},
	}
}

func newResume(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use: "resume NAME", Short: "Go on with a suspended wave",
		Long: "Set spec.state of a wave to Active. " + gitOwns,
		Args: cmdutil.Args(cobra.ExactArgs(1)), ValidArgsFunction: complete.Args(f, complete.Wave),
		RunE: func(cmd *cobra.Command, args []string) error {
			return change(cmd.Context(), f, args[0], func(wave *v1alpha1.Wave) (string, error) {
				return setState(wave, v1alpha1.WaveStateActive, "districts are started as the plan says"), nil
			})
		},
	}
}

// change edits the spec of a wave, again if somebody has written it in between,
// and says what it did.
func change(ctx context.Context, f *cmdutil.Factory, name string, edit func(*v1alpha1.Wave) (string, error)) error {
	c, err := f.Client()
	if err != nil {
		return err
	}
	var said string
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		before := &v1alpha1.Wave{}
		if err := c.Get(ctx, client.ObjectKey{Name: name}, before); err != nil {
			return err
		}
		after := before.DeepCopy()
		if said, err = edit(after); err != nil {
			return err
		}
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		return c.Patch(ctx, after, patch, client.FieldOwner(cmdutil.FieldManager))
	})
	if err != nil {
		return fmt.Errorf("wave %s: %w", name, err)
	}
	_, err = fmt.Fprintln(f.Streams.Out, said)
	return err
}

func approve(wave *v1alpha1.Wave, stages []string) (string, error) {
	var known, waiting []string
	for _, s := range wave.Spec.Rollout.Stages {
		known = append(known, string(s.Name))
		if s.Approval == "Required" {
			waiting = append(waiting, string(s.Name))
		}
	}
	if len(known) == 0 {
		return "", fmt.Errorf("it has no spec.rollout.stages, so there is nothing to approve")
	}
	var said []string
	for _, stage := range stages {
		name := v1alpha1.ObjectName(stage)
		switch {
		case !slices.Contains(known, stage):
			return "", fmt.Errorf("it has no stage %q: its stages are %s", stage, strings.Join(known, ", "))
		case slices.Contains(wave.Spec.ApprovedStages, name):
			said = append(said, fmt.Sprintf("stage %s was approved already", stage))
			continue
		case !slices.Contains(waiting, stage):
			said = append(said, fmt.Sprintf("stage %s approved, though it does not ask for it (approval: Automatic)", stage))
		default:
			said = append(said, fmt.Sprintf("stage %s approved", stage))
		}
		wave.Spec.ApprovedStages = append(wave.Spec.ApprovedStages, name)
	}
	return fmt.Sprintf("wave %s: %s", wave.Name, strings.Join(said, "; ")), nil
}

func setState(wave *v1alpha1.Wave, state v1alpha1.WaveState, meaning string) string {
	if wave.Spec.State == state {
		return fmt.Sprintf("wave %s was %s already", wave.Name, state)
	}
	wave.Spec.State = state
	return fmt.Sprintf("wave %s is %s: %s", wave.Name, state, meaning)
}
