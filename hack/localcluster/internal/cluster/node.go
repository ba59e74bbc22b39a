package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"ilp.health/operator/hack/localcluster/internal/host"
)

const (
	nodeName      = "ilp-local"
	bridge        = "ilp0"
	podCIDR       = "10.244.0.0/24"
	bridgeAddress = "10.244.0.1"
	bridgeCIDR    = bridgeAddress + "/24"
	// runDir is short because Unix socket paths are limited to 107 bytes, and
	// it is one for all: bridge, pod network and kubepods are the machine's.
	runDir   = "/run/ilp-operator"
	podGroup = "kubepods"
)

func checkNodeRequirements() error {
	if os.Geteuid() != 0 {
		return errors.New("a node needs root: run this as root, or use --control-plane-only")
	}
	if missing := MissingPackages(); len(missing) > 0 {
		return fmt.Errorf("missing Debian packages: %s; run `localcluster packages`", strings.Join(missing, " "))
	}
	return nil
}

// prepareHost records the machine as it is, once, and then changes it.
func (c *Cluster) prepareHost() error {
	if c.State.Before == nil {
		before, err := host.Take()
		if err != nil {
			return err
		}
		c.State.Before = before
		if err := c.saveState(); err != nil {
			return err
		}
	}
	if err := c.State.Before.LoadModules(); err != nil {
		return err
	}
	for _, key := range []string{"net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"} {
		if err := host.SetSysctl(key, "1"); err != nil {
			return err
		}
	}
	if err := host.EnsureBridge(bridge, bridgeCIDR); err != nil {
		return err
	}
	return c.renderConfigs()
}

// claimHost makes sure that only one cluster has the machine's pod network.
func (c *Cluster) claimHost() error {
	if err := os.MkdirAll(runDir, 0o711); err != nil {
		return err
	}
	owner, err := os.ReadFile(filepath.Join(runDir, "owner"))
	if other := string(owner); err == nil && other != c.Dir {
		if _, err := os.Stat(filepath.Join(other, "state.json")); err == nil {
			return fmt.Errorf("the cluster in %s has this machine's node: run `localcluster down --dir %s` first", other, other)
		}
	}
	return os.WriteFile(filepath.Join(runDir, "owner"), []byte(c.Dir), 0o644)
}

func (c *Cluster) node() []component {
	return []component{
		{name: "containerd", path: "/usr/bin/containerd", args: []string{"--config", c.path("config", "containerd.toml")},
			healthy: dials("unix", containerdSocket), after: c.ensurePauseImage, before: c.removePods},
		{name: "coredns", args: []string{"-conf", c.path("config", "Corefile")},
			healthy: httpHealthy("http://" + c.loopback("dns-ready") + "/ready")},
		{name: "provisioner", args: c.ownArgs("provisioner", "--volumes", c.path("volumes")),
			healthy: httpHealthy("http://" + c.loopback("provisioner-health"))},
		{name: "gateway", args: c.ownArgs("gateway", "--address", c.State.IngressAddress),
			healthy: httpHealthy("http://" + c.loopback("gateway-health"))},
		{name: "kubelet", args: c.kubeletArgs(), healthy: httpHealthy("http://" + c.loopback("kubelet-health") + "/healthz")},
		// livez, because healthz also asks whether a load balancer may use the node.
		{name: "kube-proxy", args: []string{"--config=" + c.path("config", "kube-proxy.yaml")},
			healthy: httpHealthy("http://" + c.loopback("proxy-health") + "/livez"), after: c.awaitNode},
	}
}

const containerdSocket = runDir + "/containerd.sock"

// ownArgs runs one of this binary's own components.
func (c *Cluster) ownArgs(name string, args ...string) []string {
	return append([]string{"component-" + name, "--kubeconfig", c.clientConfig(name), "--health", c.loopback(name + "-health")}, args...)
}

func (c *Cluster) kubeletArgs() []string {
	return []string{
		"--config=" + c.path("config", "kubelet.yaml"), "--kubeconfig=" + c.clientConfig("kubelet"),
		"--root-dir=" + c.path("kubelet"), "--cert-dir=" + c.path("kubelet", "pki"),
		"--hostname-override=" + nodeName, "--node-ip=" + bridgeAddress,
	}
}

func dials(network, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		dialer := net.Dialer{Timeout: healthTimeout}
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// awaitNode waits until the scheduler would give the node pods.
func (c *Cluster) awaitNode(ctx context.Context) error {
	started, told := time.Now(), false
	for {
		out, err := c.kubectl(ctx, nil, "get", "node", nodeName, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
		if err == nil && out == "True" {
			if told {
				c.Out.Done(started, "node %s Ready", nodeName)
			}
			return nil
		}
		if time.Since(started) > startTimeout {
			return c.startFailure(component{name: "kubelet"}, "does not make its node Ready")
		}
		if !told {
			c.Out.Wait("node %s to be Ready", nodeName)
			told = true
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// applyAddons applies the manifests of what every cluster is expected to have.
func (c *Cluster) applyAddons(ctx context.Context) error {
	manifest, err := c.render("manifests/addons.yaml")
	if err != nil {
		return err
	}
	_, err = c.kubectl(ctx, manifest, "apply", "--server-side", "--force-conflicts", "--field-manager=localcluster", "-f", "-")
	return err
}

func (c *Cluster) kubectl(ctx context.Context, stdin []byte, args ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	args = append([]string{"kubectl", "--kubeconfig", c.Kubeconfig()}, args...)
	return output(ctx, stdin, self, args...)
}

func output(ctx context.Context, stdin []byte, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr, cmd.Env = bytes.NewReader(stdin), &stderr, environment()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(append([]string{filepath.Base(name)}, args...), " "), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}
