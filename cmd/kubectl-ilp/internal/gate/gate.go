// Package gate has the commands that look at folders before they are applied,
// without a cluster: kubectl ilp validate and kubectl ilp render.
package gate

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"ilp.health/operator/cmd/kubectl-ilp/internal/admission"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/fleet"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
)

const validateLong = `Say everything that is wrong with files before they are applied, without a cluster: what the CustomResourceDefinitions
and policies of this version refuse, and what contradicts itself across files. Codes and Organization IDs that are there
twice, a desa that two Puskesmas serve, releases and waves that do not exist, patches that do not apply.

A folder with a kustomization is built; of any other all files are read. Give the folders of the catalogue and the waves,
too, to have names of releases and waves and patches checked.

Exit code 0 if nothing is wrong, 4 if something is.`

const validateExample = `  kubectl ilp validate sintang
  kubectl ilp validate sintang catalogue waves -o junit > report.xml
  kubectl kustomize sintang | kubectl ilp validate -`

// NewValidate is kubectl ilp validate.
func NewValidate(f *cmdutil.Factory) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "validate PATH...", Short: "Check folders and files without a cluster",
		Long: validateLong, Example: validateExample, Args: cmdutil.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return validate(cmd.Context(), f, args, output) },
	}
	cmd.Flags().StringVarP(&output, "output", "o", cmdutil.Text, "text, json or junit")
	return cmd
}

func validate(ctx context.Context, f *cmdutil.Factory, paths []string, output string) error {
	write, ok := formats[output]
	if !ok {
		return cmdutil.Usage("--output %q is unknown: use text, json or junit", output)
	}
	found, err := look(ctx, f, paths)
	if err != nil {
		return err
	}
	found.Render(ctx)
	r := report{Objects: found.Count, Problems: found.Problems, Notes: found.Notes}
	if err := write(f.Streams.Out, &r); err != nil {
		return err
	}
	if len(r.Problems) > 0 {
		return &cmdutil.Exit{Code: cmdutil.ExitProblems}
	}
	return nil
}

// look reads and checks everything. Files without anything of ours are most
// likely the wrong ones, and a pipeline should not pass them.
func look(ctx context.Context, f *cmdutil.Factory, paths []string) (*fleet.Fleet, error) {
	checker, err := admission.New()
	if err != nil {
		return nil, err
	}
	set, err := manifest.Read(paths, f.Streams.In)
	if err != nil {
		return nil, err
	}
	found := fleet.New(ctx, checker, set)
	if found.Count == 0 && len(found.Problems) == 0 {
		return nil, fmt.Errorf("there is no District, Puskesmas, Wave or StackRelease in %q", paths)
	}
	return found, nil
}
