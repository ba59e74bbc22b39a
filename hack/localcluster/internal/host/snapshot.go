// Package host changes the machine for a cluster with a node, and puts back
// what it changed: kernel settings, firewall chains, the bridge, mounts,
// control groups and the folders container software makes outside of ours.
package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Snapshot is what Down has to know about the time before the first Up.
type Snapshot struct {
	// Sysctls holds the values of all settings that we or the kubelet change.
	Sysctls map[string]string `json:"sysctls"`
	// Modules are the kernel modules that we loaded.
	Modules []string `json:"modules,omitempty"`
	// Absent lists the paths that were not there, of those that container
	// software creates whatever its configuration says.
	Absent []string `json:"absent"`
	// Chains lists the firewall chains of other users of the same prefixes.
	Chains []string `json:"chains,omitempty"`
}

// sysctls are changed by Prepare, the bridge CNI plugin, the kubelet
// (setupKernelTunables) or kube-proxy.
var sysctls = []string{
	"net.ipv4.ip_forward",
	"net.ipv4.conf.all.route_localnet",
	"net.bridge.bridge-nf-call-iptables",
	"net.bridge.bridge-nf-call-ip6tables",
	"net.netfilter.nf_conntrack_max",
	"net.netfilter.nf_conntrack_tcp_be_liberal",
	"net.netfilter.nf_conntrack_tcp_timeout_established",
	"net.netfilter.nf_conntrack_tcp_timeout_close_wait",
	"vm.overcommit_memory",
	"vm.panic_on_oom",
	"kernel.panic",
	"kernel.panic_on_oops",
	"kernel.keys.root_maxkeys",
	"kernel.keys.root_maxbytes",
}

const bridgeFilter = "br_netfilter"

// footprint is created by the kubelet, containerd, runc and libcni at fixed
// places. Parents come before children.
var footprint = []string{
	"/etc/cni", "/etc/cni/net.d",
	"/opt/cni",
	"/opt/containerd",
	"/run/containerd", "/run/containerd/s", "/run/containerd/fifo",
	"/run/runc",
	"/run/netns",
	"/run/xtables.lock",
	"/usr/libexec/kubernetes",
	"/var/lib/cni",
	"/var/lib/containerd",
	"/var/lib/kubelet",
	"/var/lib/dockershim",
	"/var/log/containers",
	"/var/log/pods",
	"/var/run/kubernetes",
}

// Take records the present state of the host. It loads the bridge's packet
// filter, if it is a module, because its settings exist only then.
func Take() (*Snapshot, error) {
	s := &Snapshot{Sysctls: map[string]string{}}
	if _, err := readSysctl("net.bridge.bridge-nf-call-iptables"); errors.Is(err, fs.ErrNotExist) {
		if _, err := run(nil, "modprobe", bridgeFilter); err != nil {
			return nil, fmt.Errorf("pods need the kernel's bridge packet filter: %w", err)
		}
		s.Modules = append(s.Modules, bridgeFilter)
	}
	for _, key := range sysctls {
		value, err := readSysctl(key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // of a kernel module that is not loaded
		}
		if err != nil {
			return nil, err
		}
		s.Sysctls[key] = value
	}
	for _, path := range footprint {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			s.Absent = append(s.Absent, path)
		}
	}
	chains, err := ownedChains()
	if err != nil {
		return nil, err
	}
	s.Chains = chains
	return s, nil
}

// LoadModules loads again, after a reboot, what Take loaded.
func (s *Snapshot) LoadModules() error {
	for _, module := range s.Modules {
		if _, err := run(nil, "modprobe", module); err != nil {
			return err
		}
	}
	return nil
}

// RestoreKernel puts the recorded kernel settings back and unloads what was
// loaded.
func (s *Snapshot) RestoreKernel() error {
	keys := make([]string, 0, len(s.Sysctls))
	for key := range s.Sysctls {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var errs []error
	for _, key := range keys {
		if now, err := readSysctl(key); err == nil && now == s.Sysctls[key] {
			continue
		}
		err := SetSysctl(key, s.Sysctls[key])
		if errors.Is(err, fs.ErrNotExist) {
			continue // of a module unloaded since, as by a reboot
		}
		errs = append(errs, err)
	}
	for _, module := range s.Modules {
		// Somebody else may use it by now: then it stays.
		_, _ = run(nil, "modprobe", "--remove", module)
	}
	return errors.Join(errs...)
}

// RemoveFootprint removes the recorded paths that were absent before.
func (s *Snapshot) RemoveFootprint() error {
	var errs []error
	for _, path := range s.Absent {
		errs = append(errs, os.RemoveAll(path))
	}
	return errors.Join(errs...)
}

// SetSysctl changes one kernel setting.
func SetSysctl(key, value string) error {
	if err := os.WriteFile(sysctlPath(key), []byte(value), 0o644); err != nil {
		return fmt.Errorf("set %s=%s: %w", key, value, err)
	}
	return nil
}

func readSysctl(key string) (string, error) {
	data, err := os.ReadFile(sysctlPath(key))
	return strings.TrimSpace(string(data)), err
}

func sysctlPath(key string) string {
	return filepath.Join("/proc/sys", strings.ReplaceAll(key, ".", "/"))
}
