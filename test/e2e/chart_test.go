package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// Helm itself, over the guards and the operator that make demo has installed by kustomize.
var _ = Describe("The charts", Label("chart"), Ordered, func() {
	const (
		releaseName = "ilp-operator"
		guardsName  = "ilp-guards"
		inNamespace = "ilp-system"
		records     = "p6107080201"
		markRecords = "CREATE TABLE IF NOT EXISTS e2e_chart AS SELECT 'kept' AS record"
		readRecords = "SELECT record FROM e2e_chart"
		// hiccup is a check of the RME's for its database that a busy node was too
		// slow for, and is told from an outage by its length.
		hiccup = 5 * time.Second
		// added is a column that kubectl shows since the earlier chart.
		added = "RELEASE"
	)
	chart, guards := filepath.Join("..", "..", "charts", releaseName), filepath.Join("..", "..", "charts", guardsName)
	hosts := []string{"tebidah.sintang.localhost", "sungai-durian.sintang.localhost"}
	sintang := districtNamed(district)

	// columns are those of kubectl get districts.
	columns := func(ctx context.Context) string {
		GinkgoHelper()
		return command(ctx, "kubectl", "get", "districts")
	}
	operator := func(ctx context.Context) (*appsv1.Deployment, error) {
		var d appsv1.Deployment
		err := cluster.Get(ctx, client.ObjectKey{Namespace: inNamespace, Name: releaseName}, &d)
		return &d, err
	}
	serving := func(ctx context.Context) []types.UID {
		GinkgoHelper()
		var pods corev1.PodList
		Expect(cluster.List(ctx, &pods, client.InNamespace(namespace))).To(Succeed())
		var out []types.UID
		for _, pod := range pods.Items {
			if pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil {
				out = append(out, pod.UID)
			}
		}
		return out
	}

	// guarding are the UIDs of what neither uninstall may take along.
	guarding := func(ctx context.Context) string {
		GinkgoHelper()
		return command(ctx, "kubectl", "get", "crd,validatingadmissionpolicy,validatingadmissionpolicybinding",
			"--selector=app.kubernetes.io/part-of=ilp", "-o", `jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid}{"\n"}{end}`)
	}

	It("take guards and operator over, are upgraded, CRDs too, and no district notices", func(ctx SpecContext) {
		_, err := psql(ctx, namespace, "tebidah-database", records, markRecords)
		Expect(err).NotTo(HaveOccurred())
		awaitReady(ctx, sintang)
		before, visitors := serving(ctx), visit(hosts...)
		Expect(before).NotTo(BeEmpty())

		for _, install := range [][]string{{guardsName, earlierChart(guards)}, {releaseName, chart}} {
			command(ctx, "helm", "upgrade", "--install", install[0], install[1], "--namespace", inNamespace,
				"--take-ownership", "--force-conflicts", "--wait", "--timeout", "5m")
		}
		Expect(columns(ctx)).NotTo(ContainSubstring(added))

		// kubectl still owns, beside Helm, what it has applied.
		command(ctx, "helm", "upgrade", guardsName, guards, "--namespace", inNamespace, "--force-conflicts", "--wait", "--timeout", "5m")
		command(ctx, "helm", "upgrade", releaseName, chart, "--namespace", inNamespace, "--set", "workers.district=6", "--force-conflicts", "--wait", "--timeout", "5m")
		Expect(columns(ctx)).To(ContainSubstring(added))
		d, err := operator(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Spec.Template.Spec.Containers[0].Args).To(ContainElement("--district-workers=6"))

		By("putting right what is changed by hand, as before")
		wall := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "default-deny"}}
		Expect(cluster.Delete(ctx, wall.DeepCopy())).To(Succeed())
		corrected(ctx, func(g Gomega) {
			g.Expect(cluster.Get(ctx, client.ObjectKeyFromObject(wall), wall)).To(Succeed())
		})
		awaitReady(ctx, sintang)
		Expect(serving(ctx)).To(ConsistOf(before), "nothing was restarted")
		away := visitors.leave()
		for _, host := range hosts {
			Expect(waited(away, host)).To(BeNumerically("<", hiccup), "%s: %v", host, away)
		}
	})

	It("leave the guards, and the operator while there is a District, which goes on", func(ctx SpecContext) {
		kept := guarding(ctx)
		Expect(kept).To(ContainSubstring("districts.ilp.health"))
		command(ctx, "helm", "uninstall", guardsName, "--namespace", inNamespace, "--wait")
		Expect(guarding(ctx)).To(Equal(kept))
		before, err := operator(ctx)
		Expect(err).NotTo(HaveOccurred())
		out, err := exec.CommandContext(ctx, "helm", "uninstall", releaseName, "--namespace", inNamespace).CombinedOutput()
		Expect(err).To(HaveOccurred())
		Expect(string(out)).To(ContainSubstring("delete the Districts first"))
		after, err := operator(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(after.UID).To(Equal(before.UID))
		Expect(after.Status.ReadyReplicas).To(BeNumerically(">", 0))
		Expect(command(ctx, "helm", "status", releaseName, "--namespace", inNamespace)).To(ContainSubstring("STATUS: deployed"))
	})

	It("are uninstalled when the Districts are gone, and guards and data outlive them", func(ctx SpecContext) {
		command(ctx, "helm", "install", guardsName, guards, "--namespace", inNamespace, "--wait", "--timeout", "5m")
		guardsBefore := guarding(ctx)
		var all v1alpha1.DistrictList
		Expect(cluster.List(ctx, &all)).To(Succeed())
		Expect(all.Items).To(HaveLen(1), "other specs remove their districts")
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(sintang), sintang)).To(Succeed())
		kept := map[schema.GroupVersionKind]string{clusters: "database", databases: "tebidah-database", secrets: "tebidah-database", claims: "database-1"}
		data := uids(ctx, namespace, kept)
		Expect(cluster.Delete(ctx, sintang.DeepCopy())).To(Succeed())
		Eventually(func() bool {
			return apierrors.IsNotFound(cluster.Get(ctx, client.ObjectKeyFromObject(sintang), &v1alpha1.District{}))
		}).WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).Should(BeTrue())

		for _, name := range []string{releaseName, guardsName} {
			command(ctx, "helm", "uninstall", name, "--namespace", inNamespace, "--wait")
		}
		_, err := operator(ctx)
		Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
		Expect(guarding(ctx)).To(Equal(guardsBefore))
		Expect(uids(ctx, namespace, kept)).To(Equal(data), "PostgreSQL stops, as Retain has it; what it holds stays")

		By("installing both anew, which find them again")
		for _, name := range []string{guardsName, releaseName} {
			command(ctx, "helm", "install", name, filepath.Join("..", "..", "charts", name), "--namespace", inNamespace, "--wait", "--timeout", "5m")
		}
		next := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: sintang.Name, Labels: sintang.Labels}, Spec: sintang.Spec}
		Expect(cluster.Create(ctx, next)).To(Succeed())
		awaitReady(ctx, next)
		Expect(uids(ctx, namespace, kept)).To(Equal(data))
		Expect(psql(ctx, namespace, "tebidah-database", records, readRecords)).To(Equal("kept"))
	})
})

// earlierChart is the chart of the guards as it was before District showed its release.
func earlierChart(chart string) string {
	GinkgoHelper()
	earlier := filepath.Join(GinkgoT().TempDir(), filepath.Base(chart))
	Expect(os.CopyFS(earlier, os.DirFS(chart))).To(Succeed())
	for file, change := range map[string][2]string{
		"Chart.yaml": {"\nversion: ", "\nversion: 0.0.1-before-"},
		filepath.Join("templates", "crd", "ilp.health_districts.yaml"): {"      name: Release\n", "      name: Version\n"},
	} {
		path := filepath.Join(earlier, file)
		content, err := os.ReadFile(path) //nolint:gosec // a copy of the repository's own
		Expect(err).NotTo(HaveOccurred())
		Expect(string(content)).To(ContainSubstring(change[0]), file)
		Expect(os.WriteFile(path, bytes.Replace(content, []byte(change[0]), []byte(change[1]), 1), 0o600)).To(Succeed())
	}
	return earlier
}
