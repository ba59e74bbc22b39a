package wave

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/intstr"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/complete"
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
	"ilp.health/operator/controllers/wave/planner/simulate"
)

const planLong = `Print what the operator's own planner decides for a wave now: the districts in their order, who starts, who waits
for what, and the earliest time at which each can start and end, if nothing fails and people approve at once.

With --simulate the wave is played forward on a virtual clock until it is complete or holds, with some districts that
fail if --fail says so. The exit code is 0 if it would complete and 4 if it would hold.

With -f everything is read from files, without a cluster: Waves, Districts and StackReleases; other kinds are ignored.`

const planExample = `  kubectl ilp wave plan gf-rssh-2025
  kubectl ilp wave plan gf-rssh-2025 -f config/samples --simulate --fail 3% --seed 7
  kubectl kustomize fleet | kubectl ilp wave plan gf-rssh-2025 -f - -o json`

type planOptions struct {
	files           []string
	simulate        bool
	fail            string
	seed            uint64
	districtMinutes int
	now             string
	output          string
}

func newPlan(f *cmdutil.Factory) *cobra.Command {
	o := &planOptions{}
	cmd := &cobra.Command{
		Use: "plan NAME", Short: "Print the order, the times and the worst case",
		Long: planLong, Example: planExample, Args: cmdutil.Args(cobra.ExactArgs(1)),
		ValidArgsFunction: complete.Args(f, complete.Wave),
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), f, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringSliceVarP(&o.files, "filename", "f", nil, "files, folders, or - for standard input, instead of a cluster")
	flags.BoolVar(&o.simulate, "simulate", false, "play the wave forward until it is complete or holds")
	flags.StringVar(&o.fail, "fail", "0", "with --simulate, how many of the districts that have to be changed fail: a number or a percentage")
	flags.Uint64Var(&o.seed, "seed", 1, "with --simulate, chooses which districts fail")
	flags.IntVar(&o.districtMinutes, "district-minutes", 20, "how long one district takes")
	flags.StringVar(&o.now, "now", "", "time to plan for, such as 2025-06-02T08:00:00+07:00; the present by default")
	cmdutil.AddOutput(cmd, &o.output)
	return cmd
}

func (o *planOptions) run(ctx context.Context, f *cmdutil.Factory, name string) error {
	options, err := o.options(f)
	if err != nil {
		return err
	}
	snapshot, err := o.read(ctx, f, name)
	if err != nil {
		return err
	}
	plan, err := makePlan(snapshot, options)
	if err != nil {
		return err
	}
	if o.simulate {
		if err := plan.simulate(snapshot, options); err != nil {
			return err
		}
	}
	if o.output == cmdutil.JSON {
		err = cmdutil.WriteJSON(f.Streams.Out, plan)
	} else {
		err = plan.write(f.Streams.Out)
	}
	if err == nil && o.simulate && plan.Simulation.Outcome == outcomeHeld {
		err = &cmdutil.Exit{Code: cmdutil.ExitHeld}
	}
	return err
}

// options checks the flags.
func (o *planOptions) options(f *cmdutil.Factory) (simulate.Options, error) {
	options := simulate.Options{Start: f.Now(), Seed: o.seed, Fail: intstr.Parse(o.fail)}
	if err := cmdutil.CheckOutput(o.output); err != nil {
		return options, err
	}
	if n, err := intstr.GetScaledValueFromIntOrPercent(&options.Fail, 100, true); err != nil || n < 0 {
		return options, cmdutil.Usage("--fail %q is neither a number of districts nor a percentage, such as 3%%", o.fail)
	}
	if o.districtMinutes < 1 {
		return options, cmdutil.Usage("--district-minutes %d must be at least 1", o.districtMinutes)
	}
	options.DistrictTime = time.Duration(o.districtMinutes) * time.Minute
	if o.now != "" {
		now, err := time.Parse(time.RFC3339, o.now)
		if err != nil {
			return options, cmdutil.Usage("--now %q is no time: write it as 2025-06-02T08:00:00+07:00", o.now)
		}
		options.Start = now
	}
	return options, nil
}

func (o *planOptions) read(ctx context.Context, f *cmdutil.Factory, name string) (*source.Snapshot, error) {
	if len(o.files) > 0 {
		return source.FromFiles(o.files, f.Streams.In, name)
	}
	c, err := f.Client()
	if err != nil {
		return nil, err
	}
	return source.FromCluster(ctx, c, name)
}
