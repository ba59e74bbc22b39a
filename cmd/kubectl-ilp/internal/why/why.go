// Package why is kubectl ilp why: the one thing that blocks a district or a
// Puskesmas, the evidence, and what to do.
package why

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/blocker"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/complete"
	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
	"ilp.health/operator/cmd/kubectl-ilp/internal/parts"
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
)

const long = `Print the one thing that keeps a district, or one of its Puskesmas, from standing on the release that it is to have, what
shows it, and what to do: objects that do not do their work, the pod that fails with the end of its log, and warnings of
the last hour.

Values of the namespace's Secrets, and whatever looks like a password, are *** in logs and events.

Exit codes: 0 nothing blocks, 3 it goes on by itself or was suspended, 4 a person must act.`

// NewCommand is kubectl ilp why.
func NewCommand(f *cmdutil.Factory) *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use: "why DISTRICT [PUSKESMAS]", Short: "Print what blocks a district, the evidence, and what to do", Long: long,
		Args: cmdutil.Args(cobra.RangeArgs(1, 2)), ValidArgsFunction: complete.Args(f, complete.District, complete.Puskesmas),
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), f, args, output) },
	}
	cmdutil.AddOutput(cmd, &output, cmdutil.YAML)
	return cmd
}

func run(ctx context.Context, f *cmdutil.Factory, args []string, output string) error {
	if err := cmdutil.CheckOutput(output, cmdutil.YAML); err != nil {
		return err
	}
	c, err := f.Client()
	if err != nil {
		return err
	}
	stack, err := source.StackOf(ctx, c, args[0])
	if err != nil {
		return err
	}
	d := &document{Time: f.Now().UTC().Truncate(time.Second), District: stack.District.Name}
	if len(args) > 1 {
		p, err := stack.Facility(args[1])
		if err != nil {
			return err
		}
		d.Puskesmas = p.Name
		d.Blocker = blocker.OfPuskesmas(&stack.District, p, stack.Puskesmas)
		d.Stands = readyMessage(p.Status.Conditions)
	} else {
		d.Blocker = blocker.OfDistrict(&stack.District, stack.Puskesmas)
		d.Stands = readyMessage(stack.District.Status.Conditions)
	}
	if d.Blocker != nil || d.Puskesmas == "" {
		d.Blocker = askWave(ctx, f, c, &stack.District, d.Blocker)
	}
	if d.Blocker != nil {
		d.Stands = ""
		if d.Blocker.Subject.Kind != blocker.Wave {
			if err := gather(ctx, f, c, stack, d); err != nil {
				return err
			}
		}
	}
	if output != cmdutil.Text {
		err = cmdutil.Write(f.Streams.Out, output, d)
	} else {
		err = d.write(page.Coloured(f.Streams.Out))
	}
	if err != nil {
		return err
	}
	return exit(d.Blocker)
}

// askWave looks behind a district that waits for its release, or stands on
// another than that of its wave. A wave that is gone, or may not be read, tells
// nothing more.
func askWave(ctx context.Context, f *cmdutil.Factory, c client.Client, d *v1alpha1.District, b *blocker.Blocker) *blocker.Blocker {
	wave := string(d.Spec.WaveRef.Name)
	if wave == "" || (b != nil && b.Reason != v1alpha1.ReasonAwaitingRelease) {
		return b
	}
	snapshot, err := source.FromCluster(ctx, c, wave)
	if err != nil {
		return b
	}
	if found := blocker.OfWave(snapshot, d.Name, f.Now()); found != nil {
		return found
	}
	return b
}

func readyMessage(conditions []metav1.Condition) string {
	if ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Message
	}
	return ""
}

func exit(b *blocker.Blocker) error {
	switch {
	case b == nil:
		return nil
	case b.Outcome == blocker.Held:
		return &cmdutil.Exit{Code: cmdutil.ExitHeld}
	default:
		return &cmdutil.Exit{Code: cmdutil.ExitWaiting}
	}
}

// gather reads what shows the blocker: of its own resource only.
func gather(ctx context.Context, f *cmdutil.Factory, c client.Client, stack *source.Stack, d *document) error {
	found, err := parts.Of(ctx, c, stack)
	if err != nil {
		return err
	}
	own := found.District
	if d.Blocker.Subject.Kind == blocker.Puskesmas {
		own = found.Puskesmas[d.Blocker.Subject.Puskesmas]
	}
	g := &gatherer{factory: f, client: c, namespace: d.Blocker.Subject.Namespace}
	if err := g.readSecrets(ctx); err != nil {
		return err
	}
	unready := parts.Unready(own)
	for _, p := range unready {
		if len(d.Objects) < mostObjects {
			d.Objects = append(d.Objects, object{p.Kind, p.Name, p.State, g.mask(p.Message)})
		}
	}
	d.Pod = g.pod(ctx, unready)
	if d.Events, err = g.events(ctx, d.Time, involved(d.Blocker.Subject, own)); err != nil {
		return err
	}
	d.Notes = g.notes
	return nil
}
