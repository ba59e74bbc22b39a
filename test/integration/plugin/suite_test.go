// Package plugin runs kubectl-ilp as people and pipelines do, as a program,
// against a real API server, and against a kubelet that is only as real as logs
// and forwarded ports need.
package plugin_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"ilp.health/operator/test/testenv"
)

func TestPlugin(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "kubectl-ilp")
}

var (
	environment *testenv.Environment
	// program is kubectl-ilp.
	program    string
	kubeconfig string
)

var _ = BeforeSuite(func(_ SpecContext) {
	var err error
	program, err = gexec.Build("ilp.health/operator/cmd/kubectl-ilp")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(gexec.CleanupBuildArtifacts)
	environment = testenv.Start(GinkgoT(), testenv.WithCloudNativePG())
	kubeconfig = filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(clientcmd.WriteToFile(configOf(environment.Config), kubeconfig)).To(Succeed())
}, NodeTimeout(5*time.Minute))

func configOf(config *rest.Config) clientcmdapi.Config {
	const name = "test"
	return clientcmdapi.Config{
		CurrentContext: name,
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		Clusters:       map[string]*clientcmdapi.Cluster{name: {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}},
	}
}

func command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // it has just been built
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	return cmd
}

// ilp runs a command, and returns its exit code and everything that it prints.
func ilp(ctx context.Context, line string) (code int, out string) {
	GinkgoHelper()
	text, err := command(ctx, strings.Fields(line)...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), string(text)
	}
	Expect(err).NotTo(HaveOccurred())
	return 0, string(text)
}
