package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
)

// handedOut is a facility as an operator before 0.2.0 left it: the release in its
// spec, the status that is there, no releases in its record, and programs that do
// not say which they are of.
func (d *district) handedOut(ctx context.Context, puskesmas, release string) {
	GinkgoHelper()
	patch := written(&v1alpha1.Puskesmas{ObjectMeta: metav1.ObjectMeta{Name: puskesmas, Namespace: d.namespace, Finalizers: []string{v1alpha1.Finalizer}}})
	patch.Object["spec"] = map[string]any{"release": release}
	applyFile(ctx, patch, v1alpha1.ManagerDistrict)

	known := d.recordOf(ctx, puskesmas)
	d.writeRecords(ctx, map[string]*record.Record{d.writerOf(ctx, puskesmas): {
		SystemID: known.SystemID, Profile: known.Profile, Program: known.Program, Objects: known.Objects,
	}})
	unmarked := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"ilp.health/release":null,"ilp.health/recorded":null}}}`))
	for _, gvk := range simulatedKinds {
		for _, object := range d.objects(ctx, gvk) {
			if object.GetLabels()[v1alpha1.LabelPuskesmas] == puskesmas {
				Expect(asOperator.Patch(ctx, &object, unmarked)).To(Succeed())
			}
		}
	}
}

// pods tells of everything that has pods which they are, and how they are made.
func (d *district) pods(ctx context.Context) map[string]any {
	GinkgoHelper()
	all := map[string]any{}
	for _, gvk := range []schema.GroupVersionKind{deploymentKind, jobKind} {
		for _, object := range d.objects(ctx, gvk) {
			template, _, _ := unstructured.NestedMap(object.Object, "spec", "template")
			all[object.GetName()] = []any{object.GetUID(), template}
		}
	}
	return all
}

var _ = Describe("A Puskesmas of an operator before 0.2.0", func() {
	var d *district
	BeforeEach(func(ctx SpecContext) {
		createSteps(ctx)
		d = newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "darit")
		d.addPuskesmas(ctx, "tebidah", pinnedTo(stepTwo))
		d.expectReady(ctx)
	})
	// upgrade starts this operator where that one was.
	upgrade := func(ctx context.Context, darit string) {
		GinkgoHelper()
		theOperator.stop()
		d.handedOut(ctx, "darit", darit)
		d.handedOut(ctx, "tebidah", stepTwo)
		theOperator.start()
		Eventually(func() v1alpha1.ObjectName { return d.puskesmas(ctx, "darit").Spec.Release }).Should(BeEmpty())
		d.expectReady(ctx, "tebidah")
		Expect(d.puskesmas(ctx, "tebidah").Spec.Release).To(BeEquivalentTo(stepTwo), "somebody pins it")
		Expect(d.puskesmas(ctx, "darit").Finalizers).To(ContainElement(v1alpha1.Finalizer))
	}

	It("is written down, and its spec is given back, as often as the operators change", func(ctx SpecContext) {
		pods := d.pods(ctx)
		for range 2 {
			upgrade(ctx, defaultRelease)
			d.expectReady(ctx)
			Eventually(func() *record.Record { return d.recordOf(ctx, "darit") }).Should(And(
				HaveField("Target", defaultRelease), HaveField("Running", defaultRelease), HaveField("Schema", []string{defaultRelease})))
			Expect(d.recordOf(ctx, "tebidah")).To(And(HaveField("Target", stepTwo), HaveField("Schema", []string{stepTwo})))
			Expect(d.pods(ctx)).To(Equal(pods))
		}

		By("following its district then")
		d.edit(ctx, to(stepTwo))
		d.expectReady(ctx)
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(stepTwoImage))
	})

	It("goes on where it was on its way", func(ctx SpecContext) {
		workloads.let(ctx, d, "Job", "darit", hangs)
		d.edit(ctx, to(stepTwo))
		Eventually(func() []string { return d.schemaImages(ctx, "darit") }).Should(ContainElement(stepTwoImage))
		d.expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		Expect(d.puskesmas(ctx, "darit").Status.Release.Schema).To(Equal(stepTwo))
		pods := d.pods(ctx)
		for range 2 {
			upgrade(ctx, stepTwo)
			Eventually(func() *record.Record { return d.recordOf(ctx, "darit") }).Should(And(
				HaveField("Target", stepTwo), HaveField("Running", defaultRelease), HaveField("Schema", []string{defaultRelease, stepTwo})))
			Consistently(func() map[string]any { return d.pods(ctx) }, aWhile).Should(Equal(pods))
		}
		workloads.let(ctx, d, "Job", "darit", succeeds)
		d.expectReady(ctx)
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(stepTwoImage))
	})

	It("that was retained is not begun anew on the release of its district", func(ctx SpecContext) {
		before := d.puskesmas(ctx, "tebidah")
		Expect(admin.Delete(ctx, before)).To(Succeed())
		Eventually(func() any { return d.object(ctx, deploymentKind, "tebidah-rme") }).Should(BeNil())
		Eventually(func() error { return admin.Get(ctx, client.ObjectKeyFromObject(before), &v1alpha1.Puskesmas{}) }).ShouldNot(Succeed())
		theOperator.stop()
		d.writeRecords(ctx, map[string]*record.Record{record.WriterOf(before.Spec.Code): nil})
		unmarked := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"ilp.health/recorded":null}}}`))
		Expect(asOperator.Patch(ctx, d.object(ctx, databaseKind, "tebidah-database"), unmarked)).To(Succeed())
		d.addPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Code = before.Spec.Code })
		theOperator.start()
		d.expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRecordMissing, "set spec.release")
		Consistently(func() any { return d.object(ctx, deploymentKind, "tebidah-rme") }, aWhile).Should(BeNil())
		d.editPuskesmas(ctx, "tebidah", pinnedTo(stepTwo))
		d.expectReady(ctx, "tebidah")
		Expect(d.recordOf(ctx, "tebidah")).To(And(HaveField("Target", stepTwo), HaveField("Running", stepTwo)))
	})
})
