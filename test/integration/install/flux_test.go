package install_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/pkg/ssa"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/test/testenv"
)

const fluxGroup = "kustomize.toolkit.fluxcd.io"

// shipped are the Kustomizations of config/gitops/flux/operator.yaml.
func shipped() map[string]kustomizationSpec {
	GinkgoHelper()
	content, err := os.ReadFile(filepath.Join(testenv.Root(GinkgoT()), "config/gitops/flux/operator.yaml"))
	Expect(err).NotTo(HaveOccurred())
	specs := map[string]kustomizationSpec{}
	for document := range strings.SplitSeq(string(content), "\n---\n") {
		var object struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     kustomizationSpec
		}
		Expect(yaml.Unmarshal([]byte(document), &object)).To(Succeed())
		if object.Kind == "Kustomization" {
			specs[object.Metadata.Name] = object.Spec
		}
	}
	return specs
}

// kustomizationSpec is what matters here of a Kustomization's spec.
type kustomizationSpec struct {
	Path        string
	Prune, Wait bool
	DependsOn   []struct{ Name string }
}

// kustomization plays kustomize-controller 1.9.5 for one of its Kustomizations,
// by the library that it applies and prunes by, with the options that it has
// there: it applies the folder, and only if all of that is taken it deletes what
// has left the folder.
type kustomization struct {
	manager   *ssa.ResourceManager
	name      string
	inventory []*unstructured.Unstructured
}

func (c *cluster) kustomization(name string) *kustomization {
	GinkgoHelper()
	return &kustomization{name: name, manager: ssa.NewResourceManager(c.Client,
		polling.NewStatusPoller(c.Client, c.Client.RESTMapper(), polling.Options{}),
		ssa.Owner{Field: "kustomize-controller", Group: fluxGroup})}
}

// render is kustomize's output as JSON has it, which is what Flux's library takes.
func render(folder string) []*unstructured.Unstructured {
	GinkgoHelper()
	objects := testenv.Kustomize(GinkgoT(), folder)
	for _, object := range objects {
		text, err := json.Marshal(object.Object)
		Expect(err).NotTo(HaveOccurred())
		object.Object = nil
		Expect(json.Unmarshal(text, &object.Object)).To(Succeed())
	}
	return objects
}

func (k *kustomization) reconcile(ctx context.Context, folder string) error {
	GinkgoHelper()
	objects := render(folder)
	k.manager.SetOwnerLabels(objects, k.name, "flux-system")
	options := ssa.DefaultApplyOptions()
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{corev1.LastAppliedConfigAnnotation},
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "kustomize-controller", OperationType: metav1.ManagedFieldsOperationUpdate},
		},
		Exclusions: map[string]string{fluxGroup + "/ssa": "Merge"},
	}
	var sent []*unstructured.Unstructured
	here := map[string]bool{}
	for _, object := range objects {
		sent = append(sent, object.DeepCopy())
		here[object.GetKind()+object.GetName()] = true
	}
	if _, err := k.manager.ApplyAllStaged(ctx, sent, options); err != nil {
		return err
	}
	var stale []*unstructured.Unstructured
	for _, object := range k.inventory {
		if !here[object.GetKind()+object.GetName()] {
			stale = append(stale, object)
		}
	}
	k.inventory = objects
	return k.delete(ctx, stale)
}

// remove is what the deletion of the Kustomization does.
func (k *kustomization) remove(ctx context.Context) error { return k.delete(ctx, k.inventory) }

func (k *kustomization) delete(ctx context.Context, objects []*unstructured.Unstructured) error {
	_, err := k.manager.DeleteAll(ctx, objects, ssa.DeleteOptions{
		PropagationPolicy: metav1.DeletePropagationBackground,
		Inclusions:        k.manager.GetOwnerLabels(k.name, "flux-system"),
		Exclusions: map[string]string{
			fluxGroup + "/prune": "disabled", fluxGroup + "/reconcile": "disabled", fluxGroup + "/ssa": "Ignore",
		},
	})
	return err
}

var _ = Describe("The example for Flux", func() {
	It("has the guards come first, and never pruned", func() {
		specs := shipped()
		Expect(specs).To(HaveLen(2))
		Expect(specs["ilp-guards"]).To(Equal(kustomizationSpec{Path: "./" + guards, Wait: true}))
		Expect(specs["ilp-operator"].Path).To(Equal("./" + current))
		Expect(specs["ilp-operator"].DependsOn).To(HaveExactElements(HaveField("Name", "ilp-guards")))
	})
})

var _ = Describe("By Flux, which prunes", func() {
	var (
		c                      *cluster
		guarding, operating    *kustomization
		guardsFolder, operator string
	)
	BeforeEach(func() {
		c = start()
		guarding, operating = c.kustomization("ilp-guards"), c.kustomization("ilp-operator")
		specs := shipped()
		guardsFolder, operator = filepath.Join(c.root, specs["ilp-guards"].Path), filepath.Join(c.root, specs["ilp-operator"].Path)
	})

	It("leaves guards and data when either Kustomization is deleted", func(ctx SpecContext) {
		Expect(guarding.reconcile(ctx, guardsFolder)).To(Succeed())
		Expect(operating.reconcile(ctx, operator)).To(Succeed())
		c.fill(ctx)
		kept := c.kept(ctx)

		Expect(guarding.remove(ctx)).To(Succeed())
		Expect(c.kept(ctx)).To(Equal(kept))
		Expect(operating.remove(ctx)).To(MatchError(ContainSubstring("delete the Districts first")))
		Expect(c.kept(ctx)).To(Equal(kept))
		Expect(c.operatorExists(ctx)).To(BeTrue())

		By("and the operator when there are no Districts")
		c.must(ctx, "kubectl delete district sintang")
		delete(kept, "District sintang")
		Eventually(operating.remove).WithArguments(ctx).WithTimeout(soon).WithPolling(time.Second).Should(Succeed())
		Expect(c.kept(ctx)).To(Equal(kept))
		Expect(c.operatorExists(ctx)).To(BeFalse())
	})

	It("gets from 0.1.0 to two Kustomizations, in whatever order they reconcile", func(ctx SpecContext) {
		earlier := c.earlier()
		Expect(operating.reconcile(ctx, earlier)).To(Succeed())
		c.fill(ctx)
		kept := c.kept(ctx)

		By("refusing the operator while the guards are missing, and so pruning nothing")
		Expect(operating.reconcile(ctx, operator)).To(MatchError(ContainSubstring(`no matches for kind "NeedsGuards"`)))
		Expect(c.kept(ctx)).To(Equal(kept))
		c.awaitGuards(ctx)

		By("refusing it when 0.1.0 has been applied over the guards, and so pruning nothing")
		Expect(guarding.reconcile(ctx, guardsFolder)).To(Succeed())
		Expect(operating.reconcile(ctx, earlier)).To(Succeed())
		kept = c.kept(ctx)
		refused := ContainSubstring("has been overwritten by version 0.1.0, and a tool that prunes would delete it")
		Eventually(func() string {
			output, _ := c.bash(ctx, "kubectl apply --server-side --dry-run=server -f config/default/needsguards.yaml || true")
			return output
		}).WithContext(ctx).WithTimeout(soon).WithPolling(time.Second).Should(refused)
		Expect(operating.reconcile(ctx, operator)).To(MatchError(refused))
		Expect(c.kept(ctx)).To(Equal(kept))

		By("taking it once the guards have been applied again")
		Expect(guarding.reconcile(ctx, guardsFolder)).To(Succeed())
		Eventually(operating.reconcile).WithArguments(ctx, operator).WithTimeout(soon).WithPolling(time.Second).Should(Succeed())
		Expect(c.kept(ctx)).To(Equal(kept))
		Expect(c.operatorExists(ctx)).To(BeTrue())
		Expect(guarding.reconcile(ctx, guardsFolder)).To(Succeed())
		Expect(operating.reconcile(ctx, operator)).To(Succeed())
		Expect(c.kept(ctx)).To(Equal(kept))
		c.awaitGuards(ctx)
	})

	It("leaves what the guards' Kustomization has taken over when that of 0.1.0 is deleted", func(ctx SpecContext) {
		Expect(operating.reconcile(ctx, c.earlier())).To(Succeed())
		c.fill(ctx)
		Expect(guarding.reconcile(ctx, guardsFolder)).To(Succeed())
		kept := c.kept(ctx)
		Expect(operating.remove(ctx)).To(MatchError(ContainSubstring("delete the Districts first")))
		Expect(c.kept(ctx)).To(Equal(kept))
		Expect(c.operatorExists(ctx)).To(BeTrue())
	})
})
