// Package root is the command kubectl ilp.
package root

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/district"
	"ilp.health/operator/cmd/kubectl-ilp/internal/doctor"
	"ilp.health/operator/cmd/kubectl-ilp/internal/gate"
	"ilp.health/operator/cmd/kubectl-ilp/internal/onboard"
	"ilp.health/operator/cmd/kubectl-ilp/internal/open"
	"ilp.health/operator/cmd/kubectl-ilp/internal/preview"
	"ilp.health/operator/cmd/kubectl-ilp/internal/status"
	"ilp.health/operator/cmd/kubectl-ilp/internal/tree"
	"ilp.health/operator/cmd/kubectl-ilp/internal/wave"
	"ilp.health/operator/cmd/kubectl-ilp/internal/why"
)

const long = `Bring districts into integrated primary care (ILP), ask how they do and why, and see and steer how releases reach them.
kubectl's flags that choose a cluster and a user, such as --server and --as, work here, too.

Exit codes:
  0  done; status: all ready; why: nothing blocks; doctor: fit;
     wave status: complete; wave plan --simulate: it would complete
  1  an error; doctor: something could not be looked at
  2  wrong use
  3  status, why, wave status: in progress, suspended, or waiting for a time or a person
  4  somebody must act: status, why, wave status: held; doctor: not fit;
     wave plan --simulate: it would hold; onboard, validate and render: something is wrong with the files
Those of diff are kubectl's: 0 nothing would change, 1 something would, 2 an error`

// Execute runs the plugin and returns its exit code.
func Execute(ctx context.Context, streams genericiooptions.IOStreams, args []string) int {
	flags := genericclioptions.NewConfigFlags(true).WithWarningPrinter(streams)
	flags.Namespace = nil // waves, districts and releases have none
	config := cmdutil.ConfigOf(flags)
	factory := &cmdutil.Factory{Streams: streams, Config: config, Client: cmdutil.ConnectWith(config), Now: time.Now}
	cmd := New(factory) //nolint:contextcheck // a command gets its context when it is executed
	flags.AddFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().VisitAll(func(flag *pflag.Flag) {
		flag.Hidden = flag.Name != "kubeconfig" && flag.Name != "context" // the others would bury a command's own
	})
	return run(ctx, cmd, factory, args)
}

// New puts the commands together.
func New(factory *cmdutil.Factory) *cobra.Command {
	cmd := cmdutil.Group("kubectl-ilp", "Onboard districts, ask how they do and why, and steer how releases reach them",
		onboard.NewCommand(factory), gate.NewValidate(factory), gate.NewRender(factory), preview.NewCommand(factory),
		status.NewCommand(factory), tree.NewCommand(factory), why.NewCommand(factory),
		doctor.NewCommand(factory), open.NewCommand(factory),
		wave.NewCommand(factory), district.NewCommand(factory))
	cmd.Long = long
	cmd.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl ilp"}
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return cmdutil.Usage("%w; see %s --help", err, cmd.CommandPath())
	})
	return cmd
}

func run(ctx context.Context, cmd *cobra.Command, f *cmdutil.Factory, args []string) int {
	cmd.SetArgs(args)
	cmd.SetIn(f.Streams.In)
	cmd.SetOut(f.Streams.Out)
	cmd.SetErr(f.Streams.ErrOut)
	err := cmd.ExecuteContext(ctx)
	var exit *cmdutil.Exit
	if silent := errors.As(err, &exit) && exit.Err == nil; err != nil && !silent {
		f.Warnf("error: %v", err)
	}
	return cmdutil.Code(err)
}
