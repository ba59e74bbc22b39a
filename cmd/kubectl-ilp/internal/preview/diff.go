// Package preview has the command kubectl ilp diff, which says what applying a
// folder would change in a cluster.
package preview

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
)

const long = `Compare a cluster with what it would be after files are applied: their objects themselves, by a dry run of the API server,
and what the operator would then apply for their Districts and Puskesmas once these stand on their release, by the
operator's own code. What the cluster knows counts: what is recorded, whom a wave has admitted, Puskesmas that are not
among the files, the catalogue. Values of Secrets are never printed. Nothing is changed.

A folder with a kustomization is built; of any other all files are read. It needs the rights of who applies the files, and
those of the operator in the district's namespace. Objects of the folder that are gone from it are not looked for.

Exit code 0 if nothing would change, 1 if something would, 2 if that cannot be told.`

const example = `  kubectl ilp diff sintang
  kubectl ilp diff sintang -o json
  kubectl kustomize sintang | kubectl ilp diff -`

// kubectlManager is what kubectl apply --server-side calls itself.
const kubectlManager = "kubectl"

type options struct {
	output, manager string
}

// NewCommand is kubectl ilp diff.
func NewCommand(f *cmdutil.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use: "diff PATH...", Short: "Print what applying folders and files would change in a cluster",
		Long: long, Example: example, Args: cmdutil.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), f, args) },
	}
	cmd.Flags().StringVarP(&o.output, "output", "o", cmdutil.Text, "text (a unified diff), json or yaml (a list of objects and fields)")
	cmd.Flags().StringVar(&o.manager, "field-manager", kubectlManager, "who applies the files, such as kustomize-controller for Flux")
	return cmd
}

func (o *options) run(ctx context.Context, f *cmdutil.Factory, paths []string) error {
	write, ok := formats[o.output]
	if !ok {
		return cmdutil.Usage("--output %q is unknown: use text, json or yaml", o.output)
	}
	p, err := look(ctx, f, paths, o.manager)
	if err != nil {
		return &cmdutil.Exit{Code: cmdutil.ExitUntold, Err: err}
	}
	r := p.report()
	if err := write(f, r); err != nil {
		return &cmdutil.Exit{Code: cmdutil.ExitUntold, Err: err}
	}
	switch {
	case len(p.problems) > 0:
		for _, problem := range p.problems {
			f.Warnf("%s", problem)
		}
		return &cmdutil.Exit{Code: cmdutil.ExitUntold, Err: errors.New("what would change cannot be told in full: correct the above and run it again")}
	case r.differs():
		return &cmdutil.Exit{Code: cmdutil.ExitDiffers}
	default:
		return nil
	}
}

// look compares everything. The error says that nothing can be told.
func look(ctx context.Context, f *cmdutil.Factory, paths []string, manager string) (*preview, error) {
	set, err := manifest.Read(paths, f.Streams.In)
	if err != nil {
		return nil, err
	}
	if len(set.Objects) == 0 && len(set.Problems) == 0 {
		return nil, fmt.Errorf("there is no object in %q", paths)
	}
	c, err := f.Client()
	if err != nil {
		return nil, err
	}
	p := &preview{cluster: &cluster{client: c, manager: manager}, problems: set.Problems}
	if err := p.compareFiles(ctx, set.Objects); err != nil {
		return nil, err
	}
	if err := p.compareStacks(ctx); err != nil {
		return nil, err
	}
	return p, nil
}
