// Package lifecycle installs, upgrades and uninstalls the chart by Helm against
// a real API server. Nothing runs there: it is about what Helm and the policies
// leave, take and refuse.
package lifecycle

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"helm.sh/helm/v4/pkg/action"
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
	release   = "ilp"
	namespace = "platform"
	// soon is how long the API server may take to enforce what it has just been told.
	soon = 2 * time.Minute
)

// refusal is what somebody reads who would leave a District alone.
const refusal = "belongs to the ILP operator, which serves District sintang (61.05) and perhaps others: delete the Districts first"

func TestLifecycle(t *testing.T) {
	NewWithT(t).Expect(os.Unsetenv("HELM_DRIVER")).To(Succeed())
	c := start(t)

	c.step("install an earlier version", func(g *WithT) {
		g.Expect(c.install(earlier(c.chart()))).To(Succeed())
		g.Expect(c.columns()).NotTo(ContainElement("Release"))
		for _, key := range operator {
			g.Expect(c.find(key)).To(Succeed(), "%s", key)
		}
	})
	c.step("upgrade: the CRDs too", func(g *WithT) {
		g.Expect(c.upgrade(map[string]any{"workers": map[string]any{"district": 6}})).To(Succeed())
		g.Expect(c.columns()).To(ContainElement("Release"))
		g.Expect(c.arguments()).To(ContainElement("--district-workers=6"))
	})
	c.step("a District keeps the operator: nobody deletes a part of it", func(g *WithT) {
		g.Expect(c.client.Create(t.Context(), district(g))).To(Succeed())
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
		before := c.uids(g)
		g.Expect(c.uninstall(release)).To(MatchError(ContainSubstring(refusal)))
		g.Expect(c.uids(g)).To(Equal(before))
		g.Expect(c.status(g)).To(Equal("deployed"))
		g.Expect(c.upgrade(nil)).To(Succeed())
	})
	c.step("uninstall by force leaves the District", func(g *WithT) {
		guard := object{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "", "protect-operator.ilp.health"}
		g.Expect(c.delete(guard)).To(Succeed())
		g.Eventually(c.uninstall).WithArguments(release).WithTimeout(soon).Should(Succeed())
		g.Expect(c.find(deployment)).To(MatchError(apierrors.IsNotFound, "not found"))
		g.Expect(c.find(sintang)).To(Succeed())
	})
	c.step("install again: it takes up where it was", func(g *WithT) {
		g.Expect(c.install(c.chart())).To(Succeed())
		g.Expect(c.find(sintang)).To(Succeed())
		g.Eventually(func() error { return c.delete(deployment, client.DryRunAll) }).WithTimeout(soon).
			Should(MatchError(ContainSubstring(refusal)))
		g.Expect(c.uninstall(release)).To(MatchError(ContainSubstring(refusal)))
	})
	c.step("uninstall without Districts leaves what guards data", func(g *WithT) {
		g.Expect(c.delete(sintang)).To(Succeed())
		g.Eventually(c.uninstall).WithArguments(release).WithTimeout(soon).Should(Succeed())
		for _, key := range operator {
			if key.kind == "CustomResourceDefinition" || key.kind == "Namespace" {
				g.Expect(c.find(key)).To(Succeed(), "%s", key)
			} else {
				g.Expect(c.find(key)).To(MatchError(apierrors.IsNotFound, "not found"), "%s", key)
			}
		}
		g.Expect(c.find(object{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "", "protect-data.ilp.health"})).To(Succeed())
	})
	c.step("another release takes over what stayed when it is told to", func(g *WithT) {
		renamed := func(install *action.Install) { install.ReleaseName = "another" }
		g.Expect(c.install(c.chart(), renamed)).To(MatchError(ContainSubstring("invalid ownership metadata")))
		g.Expect(c.install(c.chart(), renamed, func(install *action.Install) { install.TakeOwnership = true })).To(Succeed())
		g.Expect(c.find(deployment)).To(Succeed())
		g.Expect(c.uninstall("another")).To(Succeed())
	})
	c.step("what is left can be taken away by hand", func(g *WithT) {
		for _, key := range operator {
			if key.kind == "CustomResourceDefinition" {
				g.Expect(c.delete(key)).To(Succeed(), "%s", key)
			}
		}
	})
}

// earlier is the chart as it was before District showed its release.
func earlier(chart *chartv2.Chart) *chartv2.Chart {
	for _, file := range chart.Templates {
		if file.Name == "templates/crd/ilp.health_districts.yaml" {
			file.Data = bytes.Replace(file.Data, []byte("      name: Release\n"), []byte("      name: Version\n"), 1)
		}
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

// cluster is an API server and Helm's view of it.
type cluster struct {
	t      *testing.T
	client client.Client
	helm   *action.Configuration
}

func start(t *testing.T) *cluster {
	g := NewWithT(t)
	environment := &envtest.Environment{}
	config, err := environment.Start()
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { g.Expect(environment.Stop()).To(Succeed()) })
	c := &cluster{t: t, helm: action.NewConfiguration()}
	c.client, err = client.New(config, client.Options{})
	g.Expect(err).NotTo(HaveOccurred())

	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	g.Expect(os.WriteFile(kubeconfig, environment.KubeConfig, 0o600)).To(Succeed())
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig = &kubeconfig
	in := namespace
	flags.Namespace = &in
	g.Expect(c.helm.Init(flags, namespace, "secret")).To(Succeed())
	return c
}

// step is one part of the story; the next ones need it.
func (c *cluster) step(name string, do func(g *WithT)) {
	c.t.Helper()
	if !c.t.Run(name, func(t *testing.T) { do(NewWithT(t)) }) {
		c.t.FailNow()
	}
}

func (c *cluster) chart() *chartv2.Chart {
	chart, err := loader.Load("../../../charts/ilp-operator")
	if err != nil {
		c.t.Fatal(err)
	}
	return chart
}

func (c *cluster) install(chart *chartv2.Chart, options ...func(*action.Install)) error {
	install := action.NewInstall(c.helm)
	install.ReleaseName, install.Namespace, install.CreateNamespace = release, namespace, true
	install.WaitStrategy, install.Timeout = kube.HookOnlyStrategy, soon
	for _, option := range options {
		option(install)
	}
	_, err := install.Run(chart, map[string]any{})
	return err
}

func (c *cluster) upgrade(values map[string]any) error {
	upgrade := action.NewUpgrade(c.helm)
	upgrade.Namespace = namespace
	upgrade.WaitStrategy, upgrade.Timeout = kube.HookOnlyStrategy, soon
	_, err := upgrade.Run(release, c.chart(), values)
	return err
}

func (c *cluster) uninstall(release string) error {
	uninstall := action.NewUninstall(c.helm)
	uninstall.WaitStrategy, uninstall.Timeout = kube.HookOnlyStrategy, soon
	_, err := uninstall.Run(release)
	return err
}

func (c *cluster) status(g *WithT) string {
	found, err := action.NewStatus(c.helm).Run(release)
	g.Expect(err).NotTo(HaveOccurred())
	return string(found.(*releasev1.Release).Info.Status)
}
