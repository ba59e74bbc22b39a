// Package cmdutil is what the commands share: how they reach a cluster, what
// they write to, and how they end.
package cmdutil

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

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
	// Config says how to reach the cluster that the flags name.
	Config func() (*rest.Config, error)
	// Client connects to that cluster.
	Client func() (client.Client, error)
	// Now is the clock.
	Now func() time.Time
}

// Warnf says something beside the output. A warning that cannot be written is no
// reason to end.
func (f *Factory) Warnf(format string, args ...any) {
	_, _ = fmt.Fprintf(f.Streams.ErrOut, format+"\n", args...)
}

// NewScheme knows all kinds that the plugin reads in typed form.
func NewScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	add := runtime.NewSchemeBuilder(clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme)
	return scheme, add.AddToScheme(scheme)
}

// ConfigOf reaches the cluster as kubectl's own flags say. The API server sets
// the pace, not the client.
func ConfigOf(flags *genericclioptions.ConfigFlags) func() (*rest.Config, error) {
	return func() (*rest.Config, error) {
		config, err := flags.ToRESTConfig()
		if err != nil {
			return nil, fmt.Errorf("find the cluster: %w", err)
		}
		config.QPS = -1
		return config, nil
	}
}

// ConnectWith connects to the cluster of a config.
func ConnectWith(config func() (*rest.Config, error)) func() (client.Client, error) {
	return func() (client.Client, error) {
		scheme, err := NewScheme()
		if err != nil {
			return nil, err
		}
		config, err := config()
		if err != nil {
			return nil, err
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

// Output formats. Every command that has a choice has the first two.
const (
	Text = "text"
	JSON = "json"
	YAML = "yaml"
)

// AddOutput adds the flag -o.
func AddOutput(cmd *cobra.Command, format *string, more ...string) {
	cmd.Flags().StringVarP(format, "output", "o", Text, formats(more))
}

// CheckOutput refuses other formats.
func CheckOutput(format string, more ...string) error {
	if !slices.Contains(append([]string{Text, JSON}, more...), format) {
		return Usage("--output %q is unknown: use %s", format, formats(more))
	}
	return nil
}

func formats(more []string) string {
	all := append([]string{Text, JSON}, more...)
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// Write writes one document, as JSON or as YAML. More may follow.
func Write(out io.Writer, format string, document any) error {
	if format != YAML {
		return WriteJSON(out, document)
	}
	text, err := yaml.Marshal(document)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "---\n%s", text)
	return err
}

// WriteJSON writes one document.
func WriteJSON(out io.Writer, document any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}
