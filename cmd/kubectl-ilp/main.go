// Command kubectl-ilp is the kubectl plugin of the ILP operator: kubectl ilp.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"ilp.health/operator/cmd/kubectl-ilp/internal/root"
)

// completer is the name by which kubectl looks for the completion of a plugin: a
// link to this one.
const completer = "kubectl_complete-ilp"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	args := os.Args[1:]
	if filepath.Base(os.Args[0]) == completer {
		args = append([]string{cobra.ShellCompRequestCmd}, args...)
	}
	code := root.Execute(ctx, streams, args)
	stop()
	os.Exit(code)
}
