// Package smoke proves, with real pods, that a local cluster does what
// workloads need of it. It runs against a cluster that is up:
//
//	SMOKE_LOCALCLUSTER=$(hack/localcluster/build.sh) CGO_ENABLED=0 go test -trimpath -count=1 ./smoke
package smoke

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ilp.health/operator/hack/localcluster/internal/image"
)

const (
	namespace = "smoke"
	patience  = 60 * time.Second
	// manyPods is what a district with all its Puskesmas asks of one node.
	manyPods = 40
)

type tester struct {
	*testing.T
	binary string
}

func (t *tester) run(stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(t.Context(), t.binary, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), err
}

func (t *tester) kubectl(args ...string) string {
	t.Helper()
	out, err := t.run("", append([]string{"kubectl"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// inside asks the probe through the API server's proxy.
func (t *tester) inside(path string) string {
	t.Helper()
	return t.kubectl("get", "--raw", "/api/v1/namespaces/smoke/pods/probe-0:8000/proxy"+path)
}

func (t *tester) want(got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func setUp(t *testing.T) *tester {
	binary := os.Getenv("SMOKE_LOCALCLUSTER")
	if binary == "" {
		t.Skip("set SMOKE_LOCALCLUSTER to the localcluster binary of a cluster that is up")
	}
	s := &tester{T: t, binary: binary}
	env, err := s.run("", "env")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", strings.TrimPrefix(env, "export KUBECONFIG="))

	dir := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "probe"), "./probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the probe: %v\n%s", err, out)
	}
	archive := filepath.Join(dir, "probe.tar")
	if err := image.Pack(archive, "localhost/ilp/probe:1", filepath.Join(dir, "probe")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.run("", "load", archive); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command(binary, "kubectl", "delete", "namespace", namespace, "--ignore-not-found").Run()
	})
	return s
}

func TestCluster(t *testing.T) {
	s := setUp(t)
	s.kubectl("apply", "--server-side", "-f", "testdata/probe.yaml")
	s.kubectl("-n", namespace, "rollout", "status", "statefulset/probe", "--timeout", patience.String())

	t.Run("names", func(t *testing.T) {
		s := &tester{t, s.binary}
		s.want(s.inside("/lookup?name=kubernetes.default.svc.cluster.local"), "10.96.0.1")
		s.want(s.inside("/lookup?name=probe-0.headless"), "10.244.0.")
		s.want(s.inside("/lookup?name=virtual.smoke"), "10.96.")
	})
	t.Run("services", func(t *testing.T) {
		s := &tester{t, s.binary}
		s.want(s.inside("/get?url=http://probe-0.headless.smoke:8000/"), "probe-0")
		s.want(s.inside("/get?url=http://virtual.smoke/"), "probe-0")
	})
	t.Run("exec and logs", func(t *testing.T) {
		s := &tester{t, s.binary}
		s.want(s.kubectl("-n", namespace, "exec", "probe-0", "--", "/probe", "say", "halo", "Sintang"), "halo Sintang")
		s.want(s.kubectl("-n", namespace, "logs", "probe-0"), "probe listens")
	})
	t.Run("port-forward", func(t *testing.T) { portForward(&tester{t, s.binary}) })
	t.Run("ingress", func(t *testing.T) { ingress(&tester{t, s.binary}) })
	t.Run("volume", func(t *testing.T) { volume(&tester{t, s.binary}) })
	t.Run("many pods", func(t *testing.T) { many(&tester{t, s.binary}) })
}

func portForward(s *tester) {
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.binary, "kubectl", "-n", namespace, "port-forward", "pod/probe-0", ":8000", "--address", "127.0.0.1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	line := make([]byte, 200)
	n, err := out.Read(line)
	if err != nil {
		s.Fatal(err)
	}
	// "Forwarding from 127.0.0.1:41234 -> 8000"
	fields := strings.Fields(string(line[:n]))
	if len(fields) < 3 {
		s.Fatalf("port-forward says %q", line[:n])
	}
	s.want(httpGet(s, "http://"+fields[2]+"/", ""), "probe-0")
}

func ingress(s *tester) {
	s.want(eventually(s, func() string { return httpGet(s, "http://127.0.0.1:8080/", "probe.smoke.localhost") }, "probe-0"), "probe-0")
	s.want(httpGet(s, "http://127.0.0.1:8080/", "nobody.smoke.localhost"), "No Ingress of class")
	s.want(s.kubectl("-n", namespace, "get", "ingress", "probe", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"), "127.0.0.1")
}

func volume(s *tester) {
	s.want(s.inside("/note?text=tersimpan"), "tersimpan")
	s.kubectl("-n", namespace, "delete", "pod", "probe-0", "--grace-period=1")
	s.kubectl("-n", namespace, "rollout", "status", "statefulset/probe", "--timeout", patience.String())
	s.want(eventually(s, func() string {
		out, err := s.run("", "kubectl", "get", "--raw", "/api/v1/namespaces/smoke/pods/probe-0:8000/proxy/note")
		if err != nil {
			return err.Error()
		}
		return out
	}, "tersimpan"), "tersimpan")

	s.kubectl("-n", namespace, "patch", "pvc", "note", "-p", `{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}`)
	s.want(eventually(s, func() string {
		return s.kubectl("-n", namespace, "get", "pvc", "note", "-o", "jsonpath={.status.capacity.storage}")
	}, "2Gi"), "2Gi")
}

func many(s *tester) {
	started := time.Now()
	s.kubectl("-n", namespace, "create", "deployment", "many", "--image=localhost/ilp/probe:1", "--replicas=0")
	s.kubectl("-n", namespace, "patch", "deployment", "many", "-p", `{"spec":{"replicas":`+fmt.Sprint(manyPods)+`,"template":{"spec":{
		"terminationGracePeriodSeconds":1,
		"securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},
		"containers":[{"name":"probe","imagePullPolicy":"Never","securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}}}}`)
	s.kubectl("-n", namespace, "rollout", "status", "deployment/many", "--timeout=240s")
	s.Logf("%d pods ready after %s", manyPods, time.Since(started).Round(time.Second))
	s.want(s.kubectl("get", "node", "-o", "jsonpath={.items[0].status.capacity.pods}"), "110")
}

func eventually(s *tester, ask func() string, want string) string {
	answer := ask()
	for deadline := time.Now().Add(patience); !strings.Contains(answer, want) && time.Now().Before(deadline); answer = ask() {
		time.Sleep(300 * time.Millisecond)
	}
	return answer
}

func httpGet(s *tester, url, host string) string {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, url, nil)
	if err != nil {
		s.Fatal(err)
	}
	if host != "" {
		request.Host = host
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	return string(body)
}
