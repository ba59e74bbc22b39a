package controllers_test

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	"github.com/fluxcd/pkg/runtime/cel"
	"github.com/fluxcd/pkg/ssa"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kustomize "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/test/gitops"
	"ilp.health/operator/test/testenv"
)

// fluxGroup prefixes what Flux reads on objects.
const fluxGroup = "kustomize.toolkit.fluxcd.io"

// flux plays kustomize-controller for the example's Kustomization, by the
// library that kustomize-controller applies, waits and prunes by, with the
// options that it has there. Where the folder comes from is left out.
type flux struct {
	example *gitops.Flux
	manager *ssa.ResourceManager
	// objects are what is in Git.
	objects []*unstructured.Unstructured
}

func newFlux() *flux {
	GinkgoHelper()
	root := testenv.Root(GinkgoT())
	example, err := gitops.LoadFlux(filepath.Join(root, gitops.FluxExample))
	Expect(err).NotTo(HaveOccurred())
	reader, err := cel.NewStatusReader(example.HealthChecks)
	Expect(err).NotTo(HaveOccurred())
	f := &flux{example: example, manager: ssa.NewResourceManager(admin,
		polling.NewStatusPoller(admin, admin.RESTMapper(), polling.Options{
			CustomStatusReaders: []engine.StatusReader{reader(admin.RESTMapper())},
		}),
		ssa.Owner{Field: "kustomize-controller", Group: fluxGroup})}

	overlay := GinkgoT().TempDir()
	base, err := filepath.Rel(overlay, filepath.Join(root, example.Path))
	Expect(err).NotTo(HaveOccurred())
	content, err := yaml.Marshal(kustomize.Kustomization{Resources: []string{base}, Patches: example.Patches})
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), content, 0o600)).To(Succeed())
	for _, object := range testenv.Kustomize(GinkgoT(), overlay) {
		f.objects = append(f.objects, &unstructured.Unstructured{Object: plain(object)})
	}
	f.manager.SetOwnerLabels(f.objects, example.Name, example.Namespace)
	return f
}

// set commits a change of the District in Git.
func (f *flux) set(value any, fields ...string) {
	GinkgoHelper()
	for _, object := range f.objects {
		if object.GetKind() == "District" {
			if value == nil {
				unstructured.RemoveNestedField(object.Object, fields...)
			} else {
				Expect(unstructured.SetNestedField(object.Object, value, fields...)).To(Succeed())
			}
		}
	}
}

// reconcile applies what is in Git, and tells what came of each object.
func (f *flux) reconcile(ctx context.Context) map[string]ssa.Action {
	GinkgoHelper()
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
	// It fills in what it sends.
	var sent []*unstructured.Unstructured
	for _, object := range f.objects {
		sent = append(sent, object.DeepCopy())
	}
	changes, err := f.manager.ApplyAllStaged(ctx, sent, options)
	Expect(err).NotTo(HaveOccurred())
	actions := map[string]ssa.Action{}
	for _, entry := range changes.Entries {
		actions[entry.Subject] = entry.Action
	}
	return actions
}

// ready waits, as wait: true does, until all that was applied is healthy.
func (f *flux) ready(within time.Duration) error {
	return f.manager.Wait(f.objects, ssa.WaitOptions{Interval: 200 * time.Millisecond, Timeout: within, FailFast: true})
}

// prune deletes all, as if the folder were gone from Git.
func (f *flux) prune(ctx context.Context) {
	GinkgoHelper()
	_, err := f.manager.DeleteAll(ctx, f.objects, ssa.DeleteOptions{
		PropagationPolicy: metav1.DeletePropagationBackground,
		Inclusions:        f.manager.GetOwnerLabels(f.example.Name, f.example.Namespace),
		Exclusions:        map[string]string{fluxGroup + "/prune": "disabled"},
	})
	Expect(err).NotTo(HaveOccurred())
}

var _ = Describe("Flux, by its example", func() {
	It("is done when the District is, leaves the release alone, and keeps the data", func(ctx SpecContext) {
		d := &district{client: admin, code: "61.05", namespace: "ilp-6105", name: "sintang"}
		DeferCleanup(d.suspend)
		for _, wave := range testenv.Kustomize(GinkgoT(), filepath.Join(testenv.Root(GinkgoT()), "config/samples/waves")) {
			Expect(admin.Create(ctx, wave)).To(Succeed())
			DeferCleanup(func(ctx SpecContext) { Expect(admin.Delete(ctx, wave)).To(Succeed()) })
		}
		unchanged := HaveEach(ssa.UnchangedAction)
		f := newFlux()

		By("waiting as long as the District does")
		workloads.let(ctx, d, "Cluster", "", hangs)
		Expect(f.reconcile(ctx)).To(HaveEach(ssa.CreatedAction))
		done := make(chan error, 1)
		go func() { done <- f.ready(3 * time.Minute) }()
		d.expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		Consistently(done, "2s").ShouldNot(Receive())
		workloads.let(ctx, d, "Cluster", "", succeeds)
		Eventually(done).WithTimeout(time.Minute).Should(Receive(BeNil()))
		Expect(meta.IsStatusConditionTrue(d.get(ctx).Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())

		By("finding nothing to change")
		d.expectReady(ctx)
		versions := d.versions(ctx)
		for range 3 {
			Expect(f.reconcile(ctx)).To(unchanged)
		}
		Expect(d.versions(ctx)).To(Equal(versions))
		Expect(d.get(ctx).Spec.Release).To(BeEmpty())

		By("taking back a pin that kubectl has made")
		pin := func(release string) {
			GinkgoHelper()
			patch := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"release": release}}}
			patch.SetGroupVersionKind(districtKind)
			patch.SetName(d.name)
			Expect(admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(patch), client.FieldOwner("kubectl-ilp"), client.ForceOwnership)).To(Succeed())
		}
		kubectlOwns := ContainElement(HaveField("Manager", HavePrefix("kubectl")))
		pin(defaultRelease)
		Expect(d.get(ctx).ManagedFields).To(kubectlOwns)
		f.reconcile(ctx)
		Expect(d.get(ctx).ManagedFields).NotTo(kubectlOwns)

		By("taking back what kubectl has changed that Git leaves open")
		patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"state":"Suspended"}}`))
		Expect(admin.Patch(ctx, d.get(ctx), patch, client.FieldOwner("kubectl-patch"))).To(Succeed())
		f.reconcile(ctx)
		Expect(d.get(ctx).Spec.State).To(Equal(v1alpha1.StateActive))

		By("leaving it where the District says Merge")
		f.set("Merge", "metadata", "annotations", fluxGroup+"/ssa")
		f.reconcile(ctx)
		pin(defaultRelease)
		f.reconcile(ctx)
		Expect(d.get(ctx).ManagedFields).To(kubectlOwns)
		f.set(nil, "metadata", "annotations")
		f.reconcile(ctx) // the annotation goes
		f.reconcile(ctx)
		Expect(d.get(ctx).ManagedFields).NotTo(kubectlOwns)
		d.expectReady(ctx)

		By("taking a suspended District as what Git asks for")
		f.set("Suspended", "spec", "state")
		f.reconcile(ctx)
		Expect(f.ready(time.Minute)).To(Succeed())
		d.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		f.set(nil, "spec", "state")
		f.reconcile(ctx)
		Expect(f.ready(time.Minute)).To(Succeed())
		d.expectReady(ctx)

		By("failing at once when a person must act")
		f.set([]any{map[string]any{"patch": "not a patch"}}, "spec", "patches")
		f.reconcile(ctx)
		Expect(f.ready(time.Minute)).To(MatchError(ContainSubstring("District/sintang status: 'Failed'")))
		f.set(nil, "spec", "patches")
		f.reconcile(ctx)
		Expect(f.ready(time.Minute)).To(Succeed())

		By("pruning all but the namespace and the data in it")
		f.prune(ctx)
		Eventually(func() []v1alpha1.District { return d.all(ctx) }).Should(BeEmpty())
		Eventually(func() []unstructured.Unstructured { return d.every(ctx, puskesmasKind) }).Should(BeEmpty())
		namespace := &corev1.Namespace{}
		Expect(admin.Get(ctx, client.ObjectKey{Name: d.namespace}, namespace)).To(Succeed())
		Expect(namespace.DeletionTimestamp).To(BeNil())
		Expect(d.find(ctx, databaseKind, "tebidah")).NotTo(BeNil())
	})
})
