package controllers_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/api/v1alpha1"
)

// gitFolder is a folder in Git with a district and one Puskesmas, and how a tool
// applies it.
type gitFolder struct {
	path string
	tool []string

	district  *v1alpha1.District
	puskesmas *v1alpha1.Puskesmas
}

// commit writes the folder's files.
func (f *gitFolder) commit() {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: f.puskesmas.Namespace, Labels: map[string]string{v1alpha1.LabelDistrict: string(f.district.Spec.Code)},
	}}
	for name, object := range map[string]client.Object{"1-namespace": namespace, "2-district": f.district, "3-puskesmas": f.puskesmas} {
		gvk, err := admin.GroupVersionKindFor(object)
		Expect(err).NotTo(HaveOccurred())
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		Expect(err).NotTo(HaveOccurred())
		file := &unstructured.Unstructured{Object: content}
		file.SetGroupVersionKind(gvk)
		unstructured.RemoveNestedField(file.Object, "status")
		text, err := yaml.Marshal(file.Object)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(filepath.Join(f.path, name+".yaml"), text, 0o600)).To(Succeed())
	}
}

// apply has the tool apply the folder.
func (f *gitFolder) apply(ctx context.Context) {
	GinkgoHelper()
	arguments := append([]string{"apply", "--kubeconfig", adminConfig, "-f", f.path}, f.tool...)
	command := exec.CommandContext(ctx, filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), arguments...) //nolint:gosec // the test's own arguments
	output, err := command.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(output))
}

// pinned is how many Puskesmas the District counts as pinned.
func (d *district) pinned(ctx context.Context) *int32 {
	GinkgoHelper()
	return d.get(ctx).Status.Puskesmas.Pinned
}

var _ = Describe("A folder in Git that is applied again and again", func() {
	const first, second, third = "ilp-6.0.0", "ilp-6.1.0", "ilp-6.2.0"

	DescribeTable("leaves the release to the wave, pins it, and leaves it to the wave again", func(ctx SpecContext, tool ...string) {
		for name, version := range map[string]string{first: "6.0.0", second: "6.1.0", third: "6.2.0"} {
			Expect(client.IgnoreAlreadyExists(admin.Create(ctx, newRelease(name, version)))).To(Succeed())
		}
		d := newDistrict(admin)
		wave := newWave(ctx, d)
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Release = first })
		git := &gitFolder{path: GinkgoT().TempDir(), tool: tool, district: d.resource(), puskesmas: d.newPuskesmas("tebidah")}
		inWave(wave)(git.district)
		DeferCleanup(d.suspend)

		By("which admits it")
		git.commit()
		git.apply(ctx)
		d.expectReady(ctx)
		Expect(d.get(ctx).Status.Release.Target).To(Equal(first))
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1/1")
		versions := d.versions(ctx)
		for range 3 {
			git.apply(ctx)
		}
		Consistently(func() map[string]string { return d.versions(ctx) }, aWhile).Should(Equal(versions))

		By("which admits it to another meanwhile")
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Release = second })
		Eventually(func() string {
			git.apply(ctx)
			return d.puskesmas(ctx, "tebidah").Status.Release.Current
		}).Should(Equal(second))
		d.expectReady(ctx)
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1/1 districts run release "+second)
		Expect(d.get(ctx).Spec.Release).To(BeEmpty())

		By("pinning the District")
		git.district.Spec.Release = second
		git.commit()
		git.apply(ctx)
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Release = third })
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1 pinned")
		git.apply(ctx)
		d.expectReady(ctx)
		Expect(d.get(ctx).Status.Release.Target).To(Equal(second))

		By("pinning the Puskesmas too, then it alone")
		git.puskesmas.Spec.Release = second
		git.commit()
		git.apply(ctx)
		git.district.Spec.Release = ""
		git.commit()
		git.apply(ctx)
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1/1 districts run release "+third)
		d.expectReady(ctx)
		git.apply(ctx)
		Eventually(d.pinned).WithContext(ctx).Should(HaveValue(BeEquivalentTo(1)))
		Expect(d.puskesmas(ctx, "tebidah").Status.Release.Target).To(Equal(second))

		By("taking all pins out")
		git.puskesmas.Spec.Release = ""
		git.commit()
		git.apply(ctx)
		Eventually(func() string { return d.puskesmas(ctx, "tebidah").Status.Release.Current }).Should(Equal(third))
		d.expectReady(ctx)
		Eventually(d.pinned).WithContext(ctx).Should(HaveValue(BeZero()))
		versions = d.versions(ctx)
		git.apply(ctx)
		Consistently(func() map[string]string { return d.versions(ctx) }, aWhile).Should(Equal(versions))
	},
		Entry("by Flux", "--server-side", "--force-conflicts", "--field-manager=kustomize-controller"),
		Entry("by Argo CD with server-side apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller"),
		Entry("by Argo CD without it", "--field-manager=argocd-controller"),
		Entry("by kubectl"),
	)
})
