// Package status is kubectl ilp status: how the districts stand.
package status

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"ilp.health/operator/cmd/kubectl-ilp/internal/blocker"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/complete"
	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
)

const long = `Print how all districts stand, one line for each, or one district with its conditions, its Puskesmas, its addresses,
what is waited for and what to do. A district may be named by its code or its namespace, too.

With --watch the text is drawn again in place on a terminal, and a line is written for each change elsewhere, until all
is ready (exit code 0) or waits for a person (3 suspended, 4 held). Without --watch what goes on by itself ends with 3.`

// refresh is how often --watch looks.
const refresh = 2 * time.Second

type options struct {
	watch  bool
	output string
}

// NewCommand is kubectl ilp status.
func NewCommand(f *cmdutil.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use: "status [DISTRICT]", Short: "Print how the districts stand, or one of them", Long: long,
		Args: cmdutil.Args(cobra.MaximumNArgs(1)), ValidArgsFunction: complete.Args(f, complete.District),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), f, args) },
	}
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "go on until all is ready or waits for a person")
	cmdutil.AddOutput(cmd, &o.output, cmdutil.YAML)
	return cmd
}

// document is what the command prints.
type document interface {
	outcome() blocker.Outcome
	write(out io.Writer) error
	// line is the same in a few words, for logs.
	line() string
}

func (o *options) run(ctx context.Context, f *cmdutil.Factory, args []string) error {
	if err := cmdutil.CheckOutput(o.output, cmdutil.YAML); err != nil {
		return err
	}
	c, err := f.Client()
	if err != nil {
		return err
	}
	look := func(ctx context.Context) (document, error) {
		if len(args) == 0 {
			return lookAtAll(ctx, c, f.Now())
		}
		return lookAtOne(ctx, c, args[0], f.Now())
	}
	found, err := look(ctx)
	if err != nil {
		return err
	}
	show := o.shower(f)
	if err := show(found); err != nil {
		return err
	}
	if o.watch {
		if found, err = watch(ctx, f, found, look, show); err != nil {
			return err
		}
	}
	return exit(found.outcome())
}

// shower chooses how a document is shown.
func (o *options) shower(f *cmdutil.Factory) func(document) error {
	out := f.Streams.Out
	switch {
	case o.output != cmdutil.Text:
		return func(d document) error { return cmdutil.Write(out, o.output, d) }
	case o.watch:
		if screen := page.ScreenOf(out); screen != nil {
			return func(d document) error { return screen.Draw(d.write) }
		}
		last := ""
		return func(d document) error {
			if d.line() == last {
				return nil
			}
			last = d.line()
			_, err := fmt.Fprintln(out, f.Now().UTC().Format(time.RFC3339), last)
			return err
		}
	default:
		return func(d document) error { return d.write(page.Coloured(out)) }
	}
}

// watch looks until nothing goes on by itself any more. Looking again and again
// outlives a bad line without further ado.
func watch(ctx context.Context, f *cmdutil.Factory, found document, look func(context.Context) (document, error), show func(document) error) (document, error) {
	ticker := time.NewTicker(refresh)
	defer ticker.Stop()
	away := false
	for found.outcome() == blocker.InProgress {
		select {
		case <-ctx.Done():
			return found, nil
		case <-ticker.C:
		}
		next, err := look(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return found, nil
		case err != nil:
			if !away {
				f.Warnf("trying again: %v", err)
			}
			away = true
			continue
		}
		away, found = false, next
		if err := show(found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func exit(outcome blocker.Outcome) error {
	switch outcome {
	case blocker.Ready:
		return nil
	case blocker.Held:
		return &cmdutil.Exit{Code: cmdutil.ExitHeld}
	default:
		return &cmdutil.Exit{Code: cmdutil.ExitWaiting}
	}
}

// worse of two outcomes: what goes on by itself comes before who is suspended,
// since --watch waits for it.
func worse(a, b blocker.Outcome) blocker.Outcome {
	for _, outcome := range []blocker.Outcome{blocker.Held, blocker.InProgress, blocker.Suspended} {
		if a == outcome || b == outcome {
			return outcome
		}
	}
	return blocker.Ready
}
