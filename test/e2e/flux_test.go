package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/test/gitops"
	"ilp.health/operator/test/testenv"
)

const fluxNamespace = "flux-system"

// Flux's kustomize-controller itself, with the Kustomization that is shipped.
// Only the way from Git to the cluster is this suite's: see repository.
var _ = Describe("Flux", Label("flux"), Ordered, func() {
	const (
		samples   = "config/samples/sintang"
		newFolder = "districts/sekadau"
	)
	var (
		git     *repository
		folder  string
		sekadau = districtNamed("sekadau")
		rawak   = facility{"sekadau", "ilp-6109", "rawak", "p6109000101"}
		root    = filepath.Join("..", "..")
	)

	BeforeAll(func(ctx SpecContext) {
		var definitions []string
		for _, folder := range testenv.Flux(GinkgoT()) {
			definitions = append(definitions, "-f", folder)
		}
		kubectl := func(ctx context.Context, arguments ...string) {
			GinkgoHelper()
			command(ctx, "kubectl", append(arguments, definitions...)...)
		}
		kubectl(ctx, "apply", "--server-side")
		DeferCleanup(func(ctx SpecContext) { kubectl(ctx, "delete") })
		kubectl(ctx, "wait", "--for=condition=Established", "--timeout=1m")
		command(ctx, "kubectl", "create", "namespace", fluxNamespace)
		DeferCleanup(func(ctx SpecContext) { command(ctx, "kubectl", "delete", "namespace", fluxNamespace) })

		controller := exec.Command("kustomize-controller", "--watch-all-namespaces", "--metrics-addr=0", "--health-addr=0")
		controller.Env = append(os.Environ(), "RUNTIME_NAMESPACE="+fluxNamespace, "TMPDIR="+GinkgoT().TempDir())
		running, err := gexec.Start(controller, GinkgoWriter, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { Eventually(running.Terminate()).WithTimeout(30 * time.Second).Should(gexec.Exit()) })

		git = serveRepository()
		Expect(os.CopyFS(filepath.Join(git.folder, samples), os.DirFS(filepath.Join(root, samples)))).To(Succeed())
		folder = filepath.Join(git.folder, newFolder)
		command(ctx, filepath.Join(root, "bin", "kubectl-ilp"), "onboard", "61.09", "--name", "Kabupaten Sekadau",
			"--puskesmas", filepath.Join("testdata", "flux", "puskesmas.csv"), "--domain", "sekadau.localhost", "--storage", "1Gi", "-o", folder)
		DeferCleanup(func(ctx SpecContext) {
			// It is a District whose consent deletes the data that the last one left.
			command(ctx, "kubectl", "apply", "--server-side", "-k", folder)
			removeDistricts(ctx, sekadau.Name)
		})
		DeferCleanup(func(ctx SpecContext) { forget(ctx, sekadau.Name) })
		DeferCleanup(func(ctx SpecContext) { forget(ctx, district) })
	})

	// edit changes the District in the folder, and commits.
	edit := func(ctx context.Context, change func(spec map[string]any)) string {
		GinkgoHelper()
		file := filepath.Join(folder, "district.yaml")
		text, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		var obj map[string]any
		Expect(yaml.Unmarshal(text, &obj)).To(Succeed())
		change(obj["spec"].(map[string]any))
		text, err = yaml.Marshal(obj)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(file, text, 0o600)).To(Succeed())
		return git.commit(ctx)
	}

	// What people have set with kubectl and Git leaves open goes, so it is the
	// workloads that must not change.
	It("takes Kabupaten Sintang over, and changes no workload", func(ctx SpecContext) {
		awaitSintang(ctx)
		before := workloads(ctx, namespace)
		Expect(before).To(HaveLen(3), "two RMEs and the dashboard")
		command(ctx, "kubectl", "apply", "-f", filepath.Join(root, gitops.FluxExample))
		awaitKustomization(ctx, district, git.commit(ctx))
		sintang := districtNamed(district)
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(sintang), sintang)).To(Succeed())
		Expect(sintang.Labels).To(HaveKeyWithValue("kustomize.toolkit.fluxcd.io/name", district))
		awaitSintang(ctx)
		Expect(workloads(ctx, namespace)).To(Equal(before))
	})

	It("brings Kabupaten Sekadau in from its folder, and calls it ready no sooner than it is", func(ctx SpecContext) {
		revision := git.commit(ctx)
		shipped := kustomization(district)
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(shipped), shipped)).To(Succeed())
		another := kustomization(sekadau.Name)
		another.Object["spec"] = shipped.Object["spec"]
		Expect(unstructured.SetNestedField(another.Object, "./"+newFolder, "spec", "path")).To(Succeed())
		started := time.Now()
		Expect(cluster.Create(ctx, another)).To(Succeed())

		Eventually(func(g Gomega) {
			ready, err := kustomizationReady(ctx, sekadau.Name, revision)
			g.Expect(err).NotTo(HaveOccurred())
			if ready.Status == metav1.ConditionFalse {
				StopTrying("Flux has given up: " + ready.Reason + ": " + ready.Message).Now()
			}
			g.Expect(ready.Status).To(Equal(metav1.ConditionTrue), ready.Message)
		}).WithContext(ctx).WithTimeout(rollout).WithPolling(200 * time.Millisecond).Should(Succeed())
		AddReportEntry("Flux: from the folder to Ready", time.Since(started).Round(time.Second).String())
		for _, obj := range []client.Object{sekadau, rawak.object()} {
			status, message, err := readyOf(ctx, obj)
			Expect(err).NotTo(HaveOccurred())
			Expect(status).To(Equal("True"), "%s: %s", obj.GetName(), message)
		}
	})

	It("finds nothing to change when asked again, and the spec is as it was committed", func(ctx SpecContext) {
		facility := rawak.object()
		before := generations(ctx, sekadau, facility)
		Expect(facility.Spec.Release).To(BeEmpty(), "nobody but people writes it")
		for range 3 {
			stamp := time.Now().Format(time.RFC3339Nano)
			command(ctx, "kubectl", "annotate", "kustomization", sekadau.Name, "-n", fluxNamespace, "--overwrite", "reconcile.fluxcd.io/requestedAt="+stamp)
			Eventually(func(g Gomega) {
				k := kustomization(sekadau.Name)
				g.Expect(cluster.Get(ctx, client.ObjectKeyFromObject(k), k)).To(Succeed())
				handled, _, _ := unstructured.NestedString(k.Object, "status", "lastHandledReconcileAt")
				g.Expect(handled).To(Equal(stamp))
			}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(200 * time.Millisecond).Should(Succeed())
		}
		Expect(generations(ctx, sekadau, facility)).To(Equal(before))
	})

	It("says which resource a bad commit has stopped, at once, while the RME serves, and goes on with the next commit", func(ctx SpecContext) {
		visitors := visit(rawak.host())
		revision := edit(ctx, func(spec map[string]any) { spec["release"] = "ilp-9.9.9" })
		Eventually(func(g Gomega) {
			ready, err := kustomizationReady(ctx, sekadau.Name, revision)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(ready.Status).To(Equal(metav1.ConditionFalse), ready.Message)
			g.Expect(ready.Reason).To(Equal("HealthCheckFailed"), ready.Message)
			g.Expect(ready.Message).To(ContainSubstring("District/sekadau"))
		}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(time.Second).Should(Succeed())
		revision = edit(ctx, func(spec map[string]any) { delete(spec, "release") })
		awaitKustomization(ctx, sekadau.Name, revision)
		expectToStayReady(ctx, rawak)
		Expect(visitors.leave()).To(BeEmpty())
	})

	It("takes Suspended for what Git asks", func(ctx SpecContext) {
		awaitKustomization(ctx, sekadau.Name, edit(ctx, func(spec map[string]any) { spec["state"] = "Suspended" }))
		await(ctx, sekadau, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		awaitKustomization(ctx, sekadau.Name, edit(ctx, func(spec map[string]any) { delete(spec, "state") }))
		awaitReady(ctx, sekadau)
	})

	It("deletes the District with its Kustomization, and the data stays", func(ctx SpecContext) {
		kept := map[schema.GroupVersionKind]string{clusters: "database", databases: "rawak-database", secrets: "rawak-database", claims: "database-1"}
		data := uids(ctx, rawak.namespace, kept)

		forget(ctx, sekadau.Name)
		for _, obj := range []client.Object{sekadau, rawak.object()} {
			Eventually(func() bool {
				return apierrors.IsNotFound(cluster.Get(ctx, client.ObjectKeyFromObject(obj), obj))
			}).WithContext(ctx).WithTimeout(2*time.Minute).WithPolling(time.Second).Should(BeTrue(), obj.GetName())
		}
		var home corev1.Namespace
		Expect(cluster.Get(ctx, client.ObjectKey{Name: rawak.namespace}, &home)).To(Succeed())
		Expect(home.DeletionTimestamp).To(BeNil())
		Expect(uids(ctx, rawak.namespace, kept)).To(Equal(data))
	})
})

func kustomization(name string) *unstructured.Unstructured {
	k := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}}
	k.SetNamespace(fluxNamespace)
	k.SetName(name)
	return k
}

// kustomizationReady is the condition Ready of a Kustomization, once it speaks of the revision.
func kustomizationReady(ctx context.Context, name, revision string) (metav1.Condition, error) {
	k := kustomization(name)
	if err := cluster.Get(ctx, client.ObjectKeyFromObject(k), k); err != nil {
		return metav1.Condition{}, err
	}
	if attempted, _, _ := unstructured.NestedString(k.Object, "status", "lastAttemptedRevision"); attempted != revision {
		return metav1.Condition{Status: metav1.ConditionUnknown, Message: "Flux has not come to " + revision + " yet"}, nil
	}
	return conditionOf(ctx, k, "Ready")
}

func awaitKustomization(ctx context.Context, name, revision string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		ready, err := kustomizationReady(ctx, name, revision)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(ready.Status).To(Equal(metav1.ConditionTrue), "%s: %s", ready.Reason, ready.Message)
	}).WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(500 * time.Millisecond).Should(Succeed())
}

// forget deletes a Kustomization, and waits for what it deletes with it. That of
// Sintang, which other specs need, is made to leave everything behind.
func forget(ctx context.Context, name string) {
	GinkgoHelper()
	k := kustomization(name)
	err := cluster.Get(ctx, client.ObjectKeyFromObject(k), k)
	if apierrors.IsNotFound(err) {
		return
	}
	Expect(err).NotTo(HaveOccurred())
	if name == district {
		Expect(cluster.Patch(ctx, k, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"prune":false}}`)))).To(Succeed())
	}
	command(ctx, "kubectl", "delete", "kustomization", name, "-n", fluxNamespace, "--timeout=3m")
}

// generations of resources: what anybody has asked of them makes a new one.
func generations(ctx context.Context, objs ...client.Object) []int64 {
	GinkgoHelper()
	var out []int64
	for _, obj := range objs {
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(obj), obj)).To(Succeed())
		out = append(out, obj.GetGeneration())
	}
	return out
}

// workloads are the Deployments of a namespace, and how often each has been changed.
func workloads(ctx context.Context, namespace string) map[string]int64 {
	GinkgoHelper()
	var list appsv1.DeploymentList
	Expect(cluster.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
	out := map[string]int64{}
	for _, item := range list.Items {
		out[item.Name] = item.Generation
	}
	return out
}
