// Package doctor is kubectl ilp doctor: whether a cluster has what the operator
// needs, and the operator itself.
package doctor

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
)

const long = `Look whether a cluster is fit for the operator: versions, storage, ingress, CRDs, rules, policies, and the operator itself.
That bad objects are refused is tried by a dry run at the API server; nothing is written.

✓ fit   ! fit, with something to consider, or it could not be looked at   ✗ not fit, with what to do

Exit codes: 0 fit, 4 something is not, 1 something could not be looked at.`

// NewCommand is kubectl ilp doctor.
func NewCommand(f *cmdutil.Factory) *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look whether the cluster is fit for the operator", Long: long,
		Args: cmdutil.Args(cobra.NoArgs), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f, output) },
	}
	cmdutil.AddOutput(cmd, &output)
	return cmd
}

// result of a check.
type result string

const (
	pass result = "Pass"
	warn result = "Warn"
	fail result = "Fail"
	// unknown could not be looked at.
	unknown result = "Unknown"
)

// finding is what one check says.
type finding struct {
	Check   string `json:"check"`
	Result  result `json:"result"`
	Message string `json:"message"`
	// Next is what a person does about it.
	Next string `json:"next,omitempty"`
}

// report is what doctor prints.
type report struct {
	Fit    bool      `json:"fit"`
	Checks []finding `json:"checks"`
}

// patient is the cluster.
type patient struct {
	client    client.Client
	discovery discovery.ServerVersionInterface
}

// check looks at one thing. What it returns as error could not be looked at.
type check struct {
	name string
	look func(*patient, context.Context) (finding, error)
}

// checks in the order in which one thing needs the other.
var checks = []check{
	{"kubernetes", (*patient).kubernetes},
	{"cloudnative-pg", (*patient).cloudNativePG},
	{"storage", (*patient).storage},
	{"ingress", (*patient).ingress},
	{"crds", (*patient).definitions},
	{"rules", (*patient).rules},
	{"policies", (*patient).policies},
	{"enforcement", (*patient).enforcement},
	{"priority", (*patient).priority},
	{"operator", (*patient).operator},
	{"releases", (*patient).releases},
}

func run(ctx context.Context, f *cmdutil.Factory, output string) error {
	if err := cmdutil.CheckOutput(output); err != nil {
		return err
	}
	config, err := f.Config()
	if err != nil {
		return err
	}
	versions, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	if _, err := versions.ServerVersion(); err != nil {
		return fmt.Errorf("the cluster does not answer: %w", err)
	}
	c, err := f.Client()
	if err != nil {
		return err
	}
	r := examine(ctx, &patient{c, versions})
	if output == cmdutil.JSON {
		err = cmdutil.WriteJSON(f.Streams.Out, r)
	} else {
		err = r.write(page.Coloured(f.Streams.Out))
	}
	switch {
	case err != nil || r.Fit:
		return err
	case r.has(fail):
		return &cmdutil.Exit{Code: cmdutil.ExitProblems}
	default:
		return &cmdutil.Exit{Code: cmdutil.ExitError}
	}
}

func examine(ctx context.Context, p *patient) *report {
	r := &report{}
	for _, c := range checks {
		found, err := c.look(p, ctx)
		if err != nil {
			found = finding{Result: unknown, Message: "could not be looked at: " + err.Error()}
		}
		found.Check = c.name
		r.Checks = append(r.Checks, found)
	}
	r.Fit = !r.has(fail) && !r.has(unknown)
	return r
}

func (r *report) has(result result) bool {
	return slices.ContainsFunc(r.Checks, func(f finding) bool { return f.Result == result })
}

var marks = map[result]string{pass: page.Good, warn: page.Caution, fail: page.Bad, unknown: page.Caution}

func (r *report) write(out io.Writer) error {
	p := page.New(out)
	for _, f := range r.Checks {
		line := fmt.Sprintf("%s %s: %s", marks[f.Result], f.Check, page.Line(f.Message))
		if f.Next != "" {
			line += "; " + f.Next
		}
		p.Sayf("%s", line)
	}
	return p.Err
}

func passed(format string, args ...any) (finding, error) {
	return finding{Result: pass, Message: fmt.Sprintf(format, args...)}, nil
}

func warned(next, format string, args ...any) (finding, error) {
	return finding{Result: warn, Message: fmt.Sprintf(format, args...), Next: next}, nil
}

func failed(next, format string, args ...any) (finding, error) {
	return finding{Result: fail, Message: fmt.Sprintf(format, args...), Next: next}, nil
}
