package cluster

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"ilp.health/operator/hack/localcluster/internal/host"
	"ilp.health/operator/hack/localcluster/internal/pki"
)

func testCluster(t *testing.T, o Options) *Cluster {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	c, err := Open("test", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.initState(o); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRenderedConfigsParse(t *testing.T) {
	c := testCluster(t, Options{ControllerManager: true, Scheduler: true, IngressAddress: "127.0.0.1:8080"})
	if err := c.renderConfigs(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubelet.yaml", "kube-proxy.yaml"} {
		data, err := os.ReadFile(c.path("config", name))
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := yaml.UnmarshalStrict(data, &object); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	conflist, err := os.ReadFile(c.path("cni", "net.d", "10-ilp.conflist"))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(conflist) {
		t.Errorf("CNI configuration is not JSON:\n%s", conflist)
	}
	addons, err := c.render("manifests/addons.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range strings.Split(string(addons), "\n---\n") {
		var object map[string]any
		if err := yaml.UnmarshalStrict([]byte(document), &object); err != nil {
			t.Errorf("%v in:\n%s", err, document)
		}
	}
}

func TestOptionsAreKept(t *testing.T) {
	o := Options{ControlPlaneOnly: true, ControllerManager: true}
	c := testCluster(t, o)
	ports := c.State.Ports
	again, err := Open("test", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := again.initState(o); err != nil {
		t.Fatal(err)
	}
	if again.State.Ports["api"] != ports["api"] {
		t.Errorf("port changed from %d to %d", ports["api"], again.State.Ports["api"])
	}
	if err := again.initState(Options{ControlPlaneOnly: true}); err == nil {
		t.Error("other options are taken silently")
	}
}

func TestControlPlaneWithoutControllerManager(t *testing.T) {
	c := testCluster(t, Options{ControlPlaneOnly: true})
	if !slices.Contains(c.apiServerArgs(), "--disable-admission-plugins=ServiceAccount") {
		t.Error("pods would be refused for want of service accounts")
	}
	if got := len(c.controlPlane()); got != 2 {
		t.Errorf("%d components, want etcd and kube-apiserver", got)
	}
}

func TestCredentialsAreKept(t *testing.T) {
	c := testCluster(t, Options{ControlPlaneOnly: true})
	if err := c.credentials(); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(first), "current-context: "+pki.ContextName) {
		t.Errorf("kubeconfig has another context:\n%s", first)
	}
	if err := c.credentials(); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Error("a second start made other credentials")
	}
}

func TestDamagedStateSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "state.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("test", dir); err == nil || !strings.Contains(err.Error(), "localcluster down") {
		t.Errorf("got %v", err)
	}
}

func TestIsOurShim(t *testing.T) {
	ours := "/usr/bin/containerd-shim-runc-v2\x00-namespace\x00k8s.io\x00-id\x00a\x00-address\x00" + containerdSocket + "\x00"
	if !isOurShim([]byte(ours)) {
		t.Error("ours is not recognised")
	}
	for _, other := range []string{
		"/usr/bin/containerd-shim-runc-v2\x00-address\x00/run/containerd/containerd.sock\x00",
		"vi\x00-address\x00" + containerdSocket + "\x00",
		"containerd-shim\x00-address\x00",
		"",
	} {
		if isOurShim([]byte(other)) {
			t.Errorf("%q is taken for ours", other)
		}
	}
}

func TestImported(t *testing.T) {
	out := "unpacking localhost/ilp/pause:1 (sha256:12)...done\nsomething else\n"
	if got := imported(out); !slices.Equal(got, []string{"localhost/ilp/pause:1"}) {
		t.Errorf("got %q", got)
	}
}

func TestDownWithoutCluster(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	c, err := Open("test", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Down(); err != nil {
		t.Fatal(err)
	}
	var none *host.Snapshot
	if c.State.Before != none {
		t.Error("a snapshot without a cluster")
	}
}
