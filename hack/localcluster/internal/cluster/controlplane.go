package cluster

import (
	"fmt"
	"net"
	"strings"

	"ilp.health/operator/hack/localcluster/internal/pki"
)

const (
	serviceCIDR = "10.96.0.0/16"
	// apiServiceIP is the first address of serviceCIDR: the Service "kubernetes".
	apiServiceIP  = "10.96.0.1"
	clusterDomain = "cluster.local"
	issuer        = "https://kubernetes.default.svc." + clusterDomain
)

func (c *Cluster) apiURL() string { return "https://" + c.loopback("api") }

// clients are the identities that get a kubeconfig of their own, so that each
// component has only its own rights.
var clients = map[string]pki.Subject{
	"admin":              {CommonName: "ilp-local-admin", Organization: []string{"system:masters"}},
	"controller-manager": {CommonName: "system:kube-controller-manager"},
	"scheduler":          {CommonName: "system:kube-scheduler"},
	"kubelet":            {CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}},
	"kube-proxy":         {CommonName: "system:kube-proxy"},
	"coredns":            {CommonName: "ilp-local:coredns"},
	"gateway":            {CommonName: "ilp-local:gateway"},
	"provisioner":        {CommonName: "ilp-local:provisioner"},
}

// credentials issues every certificate and kubeconfig. What is there is kept.
func (c *Cluster) credentials() error {
	dir := c.path("pki")
	ca, err := pki.LoadOrCreateCA(dir, "ca")
	if err != nil {
		return err
	}
	// etcd trusts an authority of its own: no cluster user's certificate opens it.
	etcdCA, err := pki.LoadOrCreateCA(dir, "etcd-ca")
	if err != nil {
		return err
	}
	if _, err := pki.SigningKey(dir, "service-account"); err != nil {
		return err
	}
	loopback := []string{"127.0.0.1", "localhost"}
	issued := []struct {
		ca      *pki.CA
		name    string
		subject pki.Subject
	}{
		{etcdCA, "etcd", pki.Subject{CommonName: "etcd", Hosts: loopback}},
		{etcdCA, "etcd-client", pki.Subject{CommonName: "kube-apiserver"}},
		{ca, "apiserver", pki.Subject{CommonName: "kube-apiserver", Hosts: append(loopback, apiServiceIP, bridgeAddress,
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc."+clusterDomain)}},
		{ca, "apiserver-kubelet-client", pki.Subject{CommonName: "kube-apiserver", Organization: []string{"system:masters"}}},
		{ca, "kubelet-serving", pki.Subject{CommonName: "system:node:" + nodeName, Hosts: []string{nodeName, bridgeAddress}}},
	}
	for _, i := range issued {
		if _, err := i.ca.Issue(i.name, i.subject); err != nil {
			return err
		}
	}
	for name, subject := range clients {
		pair, err := ca.Issue(name, subject)
		if err != nil {
			return err
		}
		if err := pki.WriteKubeconfig(c.clientConfig(name), c.apiURL(), ca.CertPath(), pair); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) clientConfig(name string) string {
	if name == "admin" {
		return c.Kubeconfig()
	}
	return c.path("pki", name+".kubeconfig")
}

func (c *Cluster) controlPlane() []component {
	list := []component{
		{name: "etcd", args: c.etcdArgs(), healthy: httpHealthy("http://" + c.loopback("etcd-metrics") + "/health")},
		{name: "kube-apiserver", args: c.apiServerArgs(), healthy: c.apiHealthy},
	}
	if !c.State.ControlPlaneOnly {
		list[1].after = c.applyAddons
	}
	if c.State.ControllerManager {
		list = append(list, component{name: "kube-controller-manager", args: c.controllerManagerArgs(),
			healthy: httpsHealthy("https://" + c.loopback("controller-manager") + "/healthz")})
	}
	if c.State.Scheduler {
		list = append(list, component{name: "kube-scheduler", args: c.schedulerArgs(),
			healthy: httpsHealthy("https://" + c.loopback("scheduler") + "/healthz")})
	}
	return list
}

func (c *Cluster) etcdArgs() []string {
	client, peer := "https://"+c.loopback("etcd"), "http://"+c.loopback("etcd-peer")
	args := []string{
		"--name=local", "--data-dir=" + c.path("etcd"), "--logger=zap", "--log-level=warn",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=local=" + peer,
		"--listen-metrics-urls=http://" + c.loopback("etcd-metrics"),
		"--cert-file=" + c.path("pki", "etcd.crt"), "--key-file=" + c.path("pki", "etcd.key"),
		"--client-cert-auth", "--trusted-ca-file=" + c.path("pki", "etcd-ca.crt"),
		"--quota-backend-bytes=8589934592", "--auto-compaction-retention=1h",
	}
	if c.State.ControlPlaneOnly {
		// Nobody expects a test's control plane to survive a power cut.
		args = append(args, "--unsafe-no-fsync")
	}
	return args
}

func (c *Cluster) apiServerArgs() []string {
	args := []string{
		"--secure-port=" + c.port("api"), "--cert-dir=" + c.path("pki"),
		"--tls-cert-file=" + c.path("pki", "apiserver.crt"), "--tls-private-key-file=" + c.path("pki", "apiserver.key"),
		"--client-ca-file=" + c.path("pki", "ca.crt"),
		"--etcd-servers=https://" + c.loopback("etcd"), "--etcd-cafile=" + c.path("pki", "etcd-ca.crt"),
		"--etcd-certfile=" + c.path("pki", "etcd-client.crt"), "--etcd-keyfile=" + c.path("pki", "etcd-client.key"),
		"--service-cluster-ip-range=" + serviceCIDR,
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=" + c.path("pki", "service-account.pub"),
		"--service-account-signing-key-file=" + c.path("pki", "service-account.key"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		"--kubelet-client-certificate=" + c.path("pki", "apiserver-kubelet-client.crt"),
		"--kubelet-client-key=" + c.path("pki", "apiserver-kubelet-client.key"),
		"--kubelet-certificate-authority=" + c.path("pki", "ca.crt"),
		"--kubelet-preferred-address-types=InternalIP",
		"--profiling=false",
	}
	if c.State.ControlPlaneOnly {
		// Pods reach nothing here, so neither the address nor the Service matters.
		args = append(args, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none")
	} else {
		args = append(args, "--bind-address=0.0.0.0", "--advertise-address="+bridgeAddress)
	}
	if !c.State.ControllerManager {
		// Without its controller no namespace has a default service account, and
		// this plugin would refuse every pod.
		args = append(args, "--disable-admission-plugins=ServiceAccount")
	}
	return args
}

func (c *Cluster) controllerManagerArgs() []string {
	config := c.clientConfig("controller-manager")
	return []string{
		"--kubeconfig=" + config, "--authentication-kubeconfig=" + config, "--authorization-kubeconfig=" + config,
		"--bind-address=127.0.0.1", "--secure-port=" + c.port("controller-manager"), "--cert-dir=" + c.path("pki", "controller-manager"),
		"--leader-elect=false", "--use-service-account-credentials", "--allocate-node-cidrs=false", "--profiling=false",
		"--service-account-private-key-file=" + c.path("pki", "service-account.key"),
		"--root-ca-file=" + c.path("pki", "ca.crt"),
		"--cluster-signing-cert-file=" + c.path("pki", "ca.crt"), "--cluster-signing-key-file=" + c.path("pki", "ca.key"),
		"--flex-volume-plugin-dir=" + c.path("kubelet", "volume-plugins"),
	}
}

func (c *Cluster) schedulerArgs() []string {
	config := c.clientConfig("scheduler")
	return []string{
		"--kubeconfig=" + config, "--authentication-kubeconfig=" + config, "--authorization-kubeconfig=" + config,
		"--bind-address=127.0.0.1", "--secure-port=" + c.port("scheduler"), "--cert-dir=" + c.path("pki", "scheduler"),
		"--leader-elect=false", "--profiling=false",
	}
}

// describe is what `up` ends with.
func (c *Cluster) describe() string {
	lines := []string{"export KUBECONFIG=" + c.Kubeconfig()}
	if !c.State.ControlPlaneOnly {
		_, port, _ := net.SplitHostPort(c.State.IngressAddress)
		lines = append(lines, fmt.Sprintf("Ingress hosts answer at http://HOST:%s (names under .localhost need no DNS)", port))
	}
	return strings.Join(lines, "\n  ")
}
