package cluster

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"ilp.health/operator/hack/localcluster/internal/host"
)

// Options are the choices made when a cluster is first started. A later `up`
// heals the cluster with the same choices.
type Options struct {
	ControlPlaneOnly  bool   `json:"controlPlaneOnly"`
	ControllerManager bool   `json:"controllerManager"`
	Scheduler         bool   `json:"scheduler"`
	IngressAddress    string `json:"ingressAddress,omitempty"`
}

// State is what a cluster remembers between commands, as state.json.
type State struct {
	Options
	Created time.Time `json:"created"`
	// Ports by name, chosen free at the first start and kept afterwards.
	Ports map[string]int `json:"ports"`
	// Before describes the host before the cluster changed it.
	Before *host.Snapshot `json:"before,omitempty"`
}

// preferredAPIPort is used for a cluster with a node, if nobody else has it.
const preferredAPIPort = 6443

var portNames = []string{
	"api", "etcd", "etcd-peer", "etcd-metrics", "controller-manager", "scheduler",
	"kubelet-health", "proxy-health", "proxy-metrics", "dns-ready", "gateway-health", "provisioner-health",
}

func (c *Cluster) loadState() error {
	data, err := os.ReadFile(c.path("state.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &c.State); err != nil {
		return fmt.Errorf("%s is damaged (%w): remove the cluster with `localcluster down`", c.path("state.json"), err)
	}
	return nil
}

func (c *Cluster) saveState() error {
	data, err := json.MarshalIndent(c.State, "", "  ")
	if err != nil {
		return err
	}
	// Renamed into place: a reader never sees half of it.
	temporary := c.path("state.json.new")
	if err := os.WriteFile(temporary, append(data, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, c.path("state.json"))
}

// initState records a new cluster, or checks that an existing one was started
// with the same options.
func (c *Cluster) initState(o Options) error {
	if c.Exists() {
		if c.State.Options != o {
			return fmt.Errorf("cluster %q exists with other options (%s): run `localcluster down` first, or give this one another --name", c.Name, c.State.Options)
		}
		return nil
	}
	ports, err := freePorts(portNames)
	if err != nil {
		return err
	}
	if !o.ControlPlaneOnly && portFree(preferredAPIPort) {
		ports["api"] = preferredAPIPort
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	c.State = State{Options: o, Created: time.Now().UTC(), Ports: ports}
	return c.saveState()
}

func (o Options) String() string {
	if !o.ControlPlaneOnly {
		return "node, ingress on " + o.IngressAddress
	}
	return fmt.Sprintf("control plane only, controller manager %t, scheduler %t", o.ControllerManager, o.Scheduler)
}

// freePorts holds all listeners open until the last is found, so that no port
// is given out twice.
func freePorts(names []string) (map[string]int, error) {
	ports := make(map[string]int, len(names))
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports[name] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func portFree(port int) bool {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func (c *Cluster) port(name string) string { return strconv.Itoa(c.State.Ports[name]) }

func (c *Cluster) loopback(name string) string { return net.JoinHostPort("127.0.0.1", c.port(name)) }
