package cluster

import (
	"bytes"
	"embed"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed templates manifests
var files embed.FS

// values are what templates may use.
type values struct {
	Bridge, BridgeAddress, PodCIDR, NodeName, ClusterDomain string
	RunDir, ContainerdSocket, ContainerdRoot, PauseImage    string
	CNIConfDir, CNIDataDir, PKI, PodLogsDir                 string
	VolumePluginDir, ResolvConf                             string
	KubeletHealthPort, ProxyHealth, ProxyMetrics, DNSReady  string
	Nameservers                                             bool
}

func (c *Cluster) values() (values, error) {
	images, err := c.imageStore()
	if err != nil {
		return values{}, err
	}
	resolvConf := resolvConfPath()
	return values{
		Bridge: bridge, BridgeAddress: bridgeAddress, PodCIDR: podCIDR, NodeName: nodeName, ClusterDomain: clusterDomain,
		RunDir: runDir, ContainerdSocket: containerdSocket, ContainerdRoot: images, PauseImage: pauseImage,
		CNIConfDir: c.path("cni", "net.d"), CNIDataDir: c.path("cni", "addresses"), PKI: c.path("pki"),
		PodLogsDir: c.path("logs", "pods"), VolumePluginDir: c.path("kubelet", "volume-plugins"), ResolvConf: resolvConf,
		KubeletHealthPort: c.port("kubelet-health"), ProxyHealth: c.loopback("proxy-health"),
		ProxyMetrics: c.loopback("proxy-metrics"), DNSReady: c.loopback("dns-ready"),
		Nameservers: hasNameserver(resolvConf),
	}, nil
}

// renderConfigs writes the configuration files of the node's components.
func (c *Cluster) renderConfigs() error {
	for name, path := range map[string]string{
		"containerd.toml": c.path("config", "containerd.toml"),
		"kubelet.yaml":    c.path("config", "kubelet.yaml"),
		"kube-proxy.yaml": c.path("config", "kube-proxy.yaml"),
		"Corefile":        c.path("config", "Corefile"),
		"cni.conflist":    c.path("cni", "net.d", "10-ilp.conflist"),
	} {
		data, err := c.render("templates/" + name)
		if err != nil {
			return err
		}
		// kube-proxy ends when its file is written, even with the same content.
		if present, err := os.ReadFile(path); err == nil && bytes.Equal(present, data) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) render(name string) ([]byte, error) {
	parsed, err := template.New(filepath.Base(name)).Option("missingkey=error").ParseFS(files, name)
	if err != nil {
		return nil, err
	}
	v, err := c.values()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, v)
	return out.Bytes(), err
}

// resolvConfPath avoids systemd-resolved's stub: its loopback address would
// lead from CoreDNS, or from a pod, back to the asker.
func resolvConfPath() string {
	const real = "/run/systemd/resolve/resolv.conf"
	if hasNameserver(real) {
		return real
	}
	return "/etc/resolv.conf"
}

func hasNameserver(path string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	for _, line := range strings.Split(string(data), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "nameserver" {
			return true
		}
	}
	return false
}
