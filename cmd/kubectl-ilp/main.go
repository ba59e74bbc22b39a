// Command kubectl-ilp is the kubectl plugin of the ILP operator: kubectl ilp.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"ilp.health/operator/cmd/kubectl-ilp/internal/root"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	code := root.Execute(ctx, streams, os.Args[1:])
	stop()
	os.Exit(code)
}
