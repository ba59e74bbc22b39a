package gate

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
)

const renderLong = `Print what the operator applies for the Districts and Puskesmas of some folders once they stand on their release, by the
operator's own code and without a cluster. The same input prints the same bytes. Values of Secrets are left out. The
folders must hold the StackRelease that a District names, or whose Wave does.

Exit code 0 if everything is rendered, 4 if something is wrong with the files.`

const renderExample = `  kubectl ilp render sintang catalogue waves
  kubectl ilp render config/samples > before.yaml`

// NewRender is kubectl ilp render.
func NewRender(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use: "render PATH...", Short: "Print what the operator would apply",
		Long: renderLong, Example: renderExample, Args: cmdutil.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return render(cmd.Context(), f, args) },
	}
}

func render(ctx context.Context, f *cmdutil.Factory, paths []string) error {
	found, err := look(ctx, f, paths)
	if err != nil {
		return err
	}
	objects := found.Render(ctx)
	for _, note := range found.Notes {
		f.Warnf("note: %s", note)
	}
	if len(found.Problems) > 0 {
		for _, problem := range found.Problems {
			f.Warnf("%s", problem)
		}
		return &cmdutil.Exit{Code: cmdutil.ExitProblems}
	}
	if len(objects) == 0 {
		return fmt.Errorf("nothing can be rendered of %q", paths)
	}
	return writeObjects(f.Streams.Out, objects)
}

func writeObjects(out io.Writer, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		hideValues(object)
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "---\n%s", text); err != nil {
			return err
		}
	}
	return nil
}

// hideValues keeps the keys of a Secret.
func hideValues(object *unstructured.Unstructured) {
	if object.GetKind() != "Secret" {
		return
	}
	for _, name := range []string{"data", "stringData"} {
		values, _ := object.Object[name].(map[string]any)
		for key := range values {
			values[key] = "***"
		}
	}
}
