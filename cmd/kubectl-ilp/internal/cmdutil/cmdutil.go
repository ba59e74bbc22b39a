// Package cmdutil is what the commands share: how they reach a cluster, what
// they write to, and how they end.
package cmdutil

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// FieldManager owns the fields that the plugin writes.
const FieldManager = "kubectl-ilp"

// Exit codes, for pipelines.
const (
	ExitDone    = 0
	ExitError   = 1
	ExitUsage   = 2
	ExitWaiting = 3
	// ExitHeld and ExitProblems both say that a person must act before it goes on.
	ExitHeld     = 4
	ExitProblems = 4
	// ExitDiffers and ExitUntold are those of kubectl diff.
	ExitDiffers = 1
	ExitUntold  = 2
)

// Exit ends a command with a code. Without Err there is nothing left to say.
type Exit struct {
	Code int
	Err  error
}

func (e *Exit) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Exit) Unwrap() error { return e.Err }

// Usage is a mistake in how a command was called.
func Usage(format string, args ...any) error {
	return &Exit{Code: ExitUsage, Err: fmt.Errorf(format, args...)}
}

// Code is the exit code of an error.
func Code(err error) int {
	var exit *Exit
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &exit):
		return exit.Code
	default:
		return ExitError
	}
}

// Factory gives commands what they work with.
type Factory struct {
	Streams genericiooptions.IOStreams
	// Client connects to the cluster that the flags name.
	Client func() (client.Client, error)
	// Now is the clock.
	Now func() time.Time
}

// Warnf says something beside the output. A warning that cannot be written is no
// reason to end.
func (f *Factory) Warnf(format string, args ...any) {
	_, _ = fmt.Fprintf(f.Streams.ErrOut, format+"\n", args...)
}

// NewScheme knows the operator's own kinds, which is all that the plugin reads.
func NewScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, v1alpha1.AddToScheme(scheme)
}

// ConnectWith connects as kubectl's own flags say.
func ConnectWith(flags *genericclioptions.ConfigFlags) func() (client.Client, error) {
	return func() (client.Client, error) {
		scheme, err := NewScheme()
		if err != nil {
			return nil, err
		}
		config, err := flags.ToRESTConfig()
		if err != nil {
			return nil, fmt.Errorf("find the cluster: %w", err)
		}
		config.QPS = -1 // the API server's own flow control sets the pace
		return client.New(config, client.Options{Scheme: scheme})
	}
}

// Args checks the number of arguments and calls a wrong one wrong use.
func Args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return Usage("%w; use: %s", err, cmd.UseLine())
		}
		return nil
	}
}

// Group is a command that only has others below it.
func Group(use, short string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			var names []string
			for _, c := range commands {
				names = append(names, c.Name())
			}
			return Usage("there is no command %q in %s: use one of %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))
		},
	}
	group.AddCommand(commands...)
	return group
}

// Output formats.
const (
	Text = "text"
	JSON = "json"
)

// AddOutput adds the flag -o.
func AddOutput(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVarP(format, "output", "o", Text, "text or json")
}

// CheckOutput refuses other formats.
func CheckOutput(format string) error {
	if format != Text && format != JSON {
		return Usage("--output %q is unknown: use text or json", format)
	}
	return nil
}

// WriteJSON writes one document.
func WriteJSON(out io.Writer, document any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}
