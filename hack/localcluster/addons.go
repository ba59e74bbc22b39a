package main

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"ilp.health/operator/hack/localcluster/internal/cluster"
	"ilp.health/operator/hack/localcluster/internal/gateway"
	"ilp.health/operator/hack/localcluster/internal/provisioner"
)

func packagesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "packages",
		Short: "Install the Debian packages a node needs, if any is missing; starts no service",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cluster.InstallPackages(cmd.OutOrStdout()) },
	}
}

// gatewayCommand and provisionerCommand are started by `up`, not by people.
func gatewayCommand() *cobra.Command {
	var o gateway.Options
	cmd := componentCommand("component-gateway", func(ctx context.Context) error { return gateway.Run(ctx, o) })
	cmd.Flags().StringVar(&o.Kubeconfig, "kubeconfig", "", "kubeconfig of the gateway")
	cmd.Flags().StringVar(&o.HealthAddress, "health", "", "where health is served")
	cmd.Flags().StringVar(&o.Address, "address", defaultIngressAddress, "where Ingress hosts are served")
	return cmd
}

func provisionerCommand() *cobra.Command {
	var o provisioner.Options
	cmd := componentCommand("component-provisioner", func(ctx context.Context) error { return provisioner.Run(ctx, o) })
	cmd.Flags().StringVar(&o.Kubeconfig, "kubeconfig", "", "kubeconfig of the provisioner")
	cmd.Flags().StringVar(&o.HealthAddress, "health", "", "where health is served")
	cmd.Flags().StringVar(&o.Folder, "volumes", "", "folder that volumes are made in")
	return cmd
}

func componentCommand(name string, run func(context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return run(ctx)
		},
	}
}
