// Package lifecycle installs, upgrades and uninstalls the charts by Helm against
// a real API server. Nothing runs there: it is about what Helm and the policies
// leave, take and refuse.
package lifecycle

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"
)

const (
	operatorRelease = "ilp"
	guardsRelease   = "ilp-guards"
	namespace       = "platform"
	// soon is how long the API server may take to enforce what it has just been told.
	soon = 2 * time.Minute
)

// refusal is what somebody reads who would leave a District alone.
const refusal = "belongs to the ILP operator, which serves District sintang (61.05) and perhaps others: delete the Districts first"

func TestLifecycle(t *testing.T) {
	NewWithT(t).Expect(os.Unsetenv("HELM_DRIVER")).To(Succeed())
	c := start(t)

	c.step("the operator without its guards is refused", func(g *WithT) {
		g.Expect(c.install(operatorRelease, c.chart("operator"))).To(MatchError(ContainSubstring("the guards are missing: install chart ilp-guards 0.2.0 first, in namespace platform")))
		g.Expect(c.find(deployment)).To(MatchError(apierrors.IsNotFound, "not found"))
	})
	c.step("install 0.1.0, where one chart had both", func(g *WithT) {
		g.Expect(c.install(operatorRelease, c.earlier())).To(Succeed())
		g.Expect(c.columns()).NotTo(ContainElement("Release"))
		for _, key := range slices.Concat(guards, operator) {
			if key != needsGuards {
				g.Expect(c.find(key)).To(Succeed(), "%s", key)
			}
		}
		g.Expect(c.client.Create(t.Context(), district(g))).To(Succeed())
	})
	before := c.uids(NewWithT(t), slices.Concat(guards, operator, []object{sintang}))
	delete(before, needsGuards)
	kept := func(g *WithT) {
		found := c.uids(g, slices.Concat(guards, operator, []object{sintang}))
		delete(found, needsGuards)
		g.Expect(found).To(Equal(before))
	}
	c.step("its upgrade without the guards is refused too, and takes nothing away", func(g *WithT) {
		g.Expect(c.upgrade(operatorRelease, c.chart("operator"), nil)).To(MatchError(ContainSubstring("(after chart ilp-operator 0.1.0 with --take-ownership)")))
		kept(g)
	})
	c.step("the guards take over their own when they are told to", func(g *WithT) {
		g.Expect(c.install(guardsRelease, c.chart("guards"))).To(MatchError(ContainSubstring("invalid ownership metadata")))
		g.Expect(c.install(guardsRelease, c.chart("guards"), takeOwnership)).To(Succeed())
		g.Expect(c.columns()).To(ContainElement("Release"))
		kept(g)
	})
	c.step("upgrade the operator: it leaves the guards", func(g *WithT) {
		values := map[string]any{"workers": map[string]any{"district": 6}}
		// A moment later the API server serves the new kind.
		g.Eventually(func() error { return c.upgrade(operatorRelease, c.chart("operator"), values) }).WithTimeout(soon).Should(Succeed())
		g.Expect(c.arguments()).To(ContainElement("--district-workers=6"))
		g.Expect(c.find(needsGuards)).To(Succeed())
		kept(g)
	})
	c.step("an operator of a later version waits for its guards", func(g *WithT) {
		later := c.chart("operator")
		for _, file := range later.Templates {
			file.Data = bytes.ReplaceAll(file.Data, []byte("  version: 0.2.0\n"), []byte("  version: 0.3.0\n"))
		}
		values := map[string]any{"workers": map[string]any{"district": 7}}
		g.Expect(c.upgrade(operatorRelease, later, values)).To(MatchError(ContainSubstring(
			"the guards in this cluster serve version 0.2.0: install the guards of this operator's version first")))
		g.Expect(c.arguments()).To(ContainElement("--district-workers=6"))
		g.Expect(c.upgrade(operatorRelease, c.chart("operator"), nil)).To(Succeed())
		kept(g)
	})
	c.step("a District keeps the operator: nobody deletes a part of it", func(g *WithT) {
		for _, key := range operator {
			g.Eventually(func() error { return c.delete(key, client.DryRunAll) }).WithTimeout(soon).
				Should(MatchError(ContainSubstring(refusal)), "%s", key)
		}
	})
	c.step("nor others of the same name", func(g *WithT) {
		other := object{"v1", "ServiceAccount", "default", "ilp-operator"}
		g.Expect(c.client.Create(t.Context(), other.empty())).To(Succeed())
		g.Expect(c.delete(other)).To(Succeed())
	})
	c.step("uninstall is refused before anything is gone, and the release goes on", func(g *WithT) {
		g.Expect(c.uninstall(operatorRelease)).To(MatchError(ContainSubstring(refusal)))
		kept(g)
		g.Expect(c.find(needsGuards)).To(Succeed())
		g.Expect(c.status(g)).To(Equal("deployed"))
		g.Expect(c.upgrade(operatorRelease, c.chart("operator"), nil)).To(Succeed())
	})
	c.step("uninstalling the guards leaves them, and installing them again finds them", func(g *WithT) {
		g.Expect(c.uninstall(guardsRelease)).To(Succeed())
		kept(g)
		g.Expect(c.uninstall(operatorRelease)).To(MatchError(ContainSubstring(refusal)))
		g.Expect(c.install(guardsRelease, c.chart("guards"))).To(Succeed())
		kept(g)
	})
	c.step("uninstall by force leaves the District", func(g *WithT) {
		g.Expect(c.delete(protectOperator)).To(Succeed())
		g.Eventually(c.uninstall).WithArguments(operatorRelease).WithTimeout(soon).Should(Succeed())
		g.Expect(c.find(deployment)).To(MatchError(apierrors.IsNotFound, "not found"))
		g.Expect(c.find(sintang)).To(Succeed())
	})
	c.step("install again: it takes up where it was", func(g *WithT) {
		g.Expect(c.upgrade(guardsRelease, c.chart("guards"), nil)).To(Succeed())
		g.Expect(c.install(operatorRelease, c.chart("operator"))).To(Succeed())
		g.Expect(c.find(sintang)).To(Succeed())
		g.Eventually(func() error { return c.delete(deployment, client.DryRunAll) }).WithTimeout(soon).
			Should(MatchError(ContainSubstring(refusal)))
		g.Expect(c.uninstall(operatorRelease)).To(MatchError(ContainSubstring(refusal)))
	})
	c.step("uninstall of both without Districts leaves the guards", func(g *WithT) {
		before := c.uids(g, guards)
		g.Expect(c.delete(sintang)).To(Succeed())
		g.Eventually(c.uninstall).WithArguments(operatorRelease).WithTimeout(soon).Should(Succeed())
		for _, key := range operator {
			g.Expect(c.find(key)).To(MatchError(apierrors.IsNotFound, "not found"), "%s", key)
		}
		g.Expect(c.uninstall(guardsRelease)).To(Succeed())
		g.Expect(c.uids(g, guards)).To(Equal(before))
	})
	c.step("a release of another name needs nothing but its namespace", func(g *WithT) {
		g.Expect(c.install("another", c.chart("operator"))).To(Succeed())
		g.Expect(c.find(deployment)).To(Succeed())
		g.Expect(c.uninstall("another")).To(Succeed())
		elsewhere := func(install *action.Install) { install.Namespace = "elsewhere" }
		g.Expect(c.install("another", c.chart("operator"), elsewhere)).
			To(MatchError(ContainSubstring("the guards in this cluster trust the operator of namespace platform")))
	})
	c.step("what is left can be taken away by hand", func(g *WithT) {
		for _, key := range guards {
			if key.kind != "Namespace" {
				g.Expect(c.delete(key)).To(Succeed(), "%s", key)
			}
		}
	})
}

func takeOwnership(install *action.Install) { install.TakeOwnership = true }

// earlier is chart ilp-operator as it was in 0.1.0, before District showed its
// release: with the CRDs and policies, which only Helm was told to leave.
func (c *cluster) earlier() *chartv2.Chart {
	chart := c.chart("operator")
	chart.Metadata.Version = "0.1.0"
	chart.Templates = slices.DeleteFunc(chart.Templates, func(file *common.File) bool {
		return file.Name == "templates/guards.yaml" || strings.HasPrefix(file.Name, "templates/default/")
	})
	for _, file := range c.chart("guards").Templates {
		if !strings.HasPrefix(file.Name, "templates/crd/") && !strings.HasPrefix(file.Name, "templates/policy/") {
			continue
		}
		for new, old := range map[string]string{
			"    argocd.argoproj.io/sync-options: Prune=false,Delete=false\n": "",
			"    kustomize.toolkit.fluxcd.io/prune: disabled\n":               "",
			"      name: Release\n": "      name: Version\n",
		} {
			file.Data = bytes.ReplaceAll(file.Data, []byte(new), []byte(old))
		}
		chart.Templates = append(chart.Templates, file)
	}
	return chart
}

func district(g *WithT) *unstructured.Unstructured {
	content, err := os.ReadFile("../../../config/samples/sintang/district.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	sample := &unstructured.Unstructured{}
	g.Expect(yaml.Unmarshal(content, &sample.Object)).To(Succeed())
	return sample
}

// cluster is an API server, and how Helm reaches it.
type cluster struct {
	t      *testing.T
	client client.Client
	flags  *genericclioptions.ConfigFlags
}

// helm is Helm as it is for each command: it remembers what kinds there are.
func (c *cluster) helm() *action.Configuration {
	helm := action.NewConfiguration()
	if err := helm.Init(c.flags, namespace, "secret"); err != nil {
		c.t.Fatal(err)
	}
	return helm
}

func start(t *testing.T) *cluster {
	g := NewWithT(t)
	environment := &envtest.Environment{}
	config, err := environment.Start()
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { g.Expect(environment.Stop()).To(Succeed()) })
	c := &cluster{t: t, flags: genericclioptions.NewConfigFlags(false)}
	c.client, err = client.New(config, client.Options{})
	g.Expect(err).NotTo(HaveOccurred())

	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	g.Expect(os.WriteFile(kubeconfig, environment.KubeConfig, 0o600)).To(Succeed())
	c.flags.KubeConfig = &kubeconfig
	in := namespace
	c.flags.Namespace = &in
	return c
}

// step is one part of the story; the next ones need it.
func (c *cluster) step(name string, do func(g *WithT)) {
	c.t.Helper()
	if !c.t.Run(name, func(t *testing.T) { do(NewWithT(t)) }) {
		c.t.FailNow()
	}
}

// chart loads chart ilp-guards or ilp-operator.
func (c *cluster) chart(name string) *chartv2.Chart {
	chart, err := loader.Load("../../../charts/ilp-" + name)
	if err != nil {
		c.t.Fatal(err)
	}
	return chart
}

func (c *cluster) install(release string, chart *chartv2.Chart, options ...func(*action.Install)) error {
	install := action.NewInstall(c.helm())
	install.ReleaseName, install.Namespace, install.CreateNamespace = release, namespace, true
	install.WaitStrategy, install.Timeout = kube.HookOnlyStrategy, soon
	for _, option := range options {
		option(install)
	}
	_, err := install.Run(chart, map[string]any{})
	return err
}

func (c *cluster) upgrade(release string, chart *chartv2.Chart, values map[string]any) error {
	upgrade := action.NewUpgrade(c.helm())
	upgrade.Namespace = namespace
	upgrade.WaitStrategy, upgrade.Timeout = kube.HookOnlyStrategy, soon
	_, err := upgrade.Run(release, chart, values)
	return err
}

func (c *cluster) uninstall(release string) error {
	uninstall := action.NewUninstall(c.helm())
	uninstall.WaitStrategy, uninstall.Timeout = kube.HookOnlyStrategy, soon
	_, err := uninstall.Run(release)
	return err
}

func (c *cluster) status(g *WithT) string {
	found, err := action.NewStatus(c.helm()).Run(operatorRelease)
	g.Expect(err).NotTo(HaveOccurred())
	return string(found.(*releasev1.Release).Info.Status)
}
