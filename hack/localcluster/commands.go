package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"ilp.health/operator/hack/localcluster/internal/cluster"
	"ilp.health/operator/hack/localcluster/internal/components"
)

// defaultIngressAddress is on the loopback: nothing of a local cluster is
// meant for the network.
const defaultIngressAddress = "127.0.0.1:8080"

var errUnhealthy = errors.New("the cluster is not healthy: `localcluster up` starts again what is missing")

// target says which cluster a command is about.
type target struct{ name, dir string }

func (t *target) open() (*cluster.Cluster, error) { return cluster.Open(t.name, t.dir) }

func command() *cobra.Command {
	t := &target{}
	root := &cobra.Command{
		Use:   "localcluster",
		Short: "A real Kubernetes on one Debian machine, without Docker or a registry",
		Long: "A real Kubernetes on one Debian machine, without Docker or a registry.\n\n" +
			"The binary also holds, and runs by name: " + strings.Join(components.Names(), ", ") + ".",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&t.name, "name", "local", "name of the cluster")
	root.PersistentFlags().StringVar(&t.dir, "dir", "", "folder of the cluster (default: a folder of that name in the cache)")
	root.AddCommand(upCommand(t), downCommand(t), statusCommand(t), envCommand(t), assetsCommand(), loadCommand(t))
	root.AddCommand(packagesCommand(), gatewayCommand(), provisionerCommand())
	return root
}

func upCommand(t *target) *cobra.Command {
	var o cluster.Options
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the cluster, or whatever of it is not running",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.ControlPlaneOnly {
				o.IngressAddress = ""
			} else if !o.ControllerManager || !o.Scheduler {
				return errors.New("a cluster with a node needs its controller manager and scheduler: add --control-plane-only")
			}
			c, err := t.open()
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return c.Up(ctx, o)
		},
	}
	cmd.Flags().BoolVar(&o.ControlPlaneOnly, "control-plane-only", false, "no node: needs no root, listens on 127.0.0.1 only, any number side by side")
	cmd.Flags().BoolVar(&o.ControllerManager, "controller-manager", true, "run kube-controller-manager (garbage collection, namespaces)")
	cmd.Flags().BoolVar(&o.Scheduler, "scheduler", true, "run kube-scheduler")
	cmd.Flags().StringVar(&o.IngressAddress, "ingress-address", defaultIngressAddress, "where the ingress gateway listens")
	return cmd
}

func downCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Remove the cluster and its data, and leave the machine as it was",
		Long: "Remove the cluster and its data, and leave the machine as it was.\n" +
			"Loaded images stay in the cache folder for the next cluster of the same name.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := t.open()
			if err != nil {
				return err
			}
			return c.Down()
		},
	}
}

func statusCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the components; exit code 0 if all are healthy, else 1",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.open()
			if err != nil {
				return err
			}
			healthy, err := c.Status(context.WithoutCancel(cmd.Context()), cmd.OutOrStdout())
			if err == nil && !healthy {
				err = errUnhealthy
			}
			return err
		},
	}
}

func envCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print the shell commands that point kubectl at the cluster",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.open()
			if err != nil {
				return err
			}
			if !c.Exists() {
				return fmt.Errorf("cluster %q is not there: start it with `localcluster up`", c.Name)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "export KUBECONFIG=%s\n", c.Kubeconfig())
			return nil
		},
	}
}

func assetsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "assets DIR",
		Short: "Make DIR a KUBEBUILDER_ASSETS folder for controller-runtime's envtest",
		Args:  cobra.ExactArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return cluster.Assets(args[0]) },
	}
}

func loadCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "load IMAGE.tar...",
		Short: "Load image archives (OCI or Docker) into the cluster",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.open()
			if err != nil {
				return err
			}
			return c.Load(cmd.Context(), args)
		},
	}
}
