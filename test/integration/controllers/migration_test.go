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
	. "ilp.health/operator/test/harness"
)

// handedOut is a facility as an operator before 0.2.0 left it: the release in its
// spec, the status that is there, no releases in its record, and programs that do
// not say which they are of.
func handedOut(ctx context.Context, d *District, puskesmas, release string) {
	GinkgoHelper()
	patch := written(&v1alpha1.Puskesmas{ObjectMeta: metav1.ObjectMeta{Name: puskesmas, Namespace: d.Namespace, Finalizers: []string{v1alpha1.Finalizer}}})
	patch.Object["spec"] = map[string]any{"release": release}
	applyFile(ctx, patch, v1alpha1.ManagerDistrict)

	known := d.RecordOf(ctx, puskesmas)
	d.WriteRecords(ctx, asOperator, map[string]*record.Record{d.WriterOf(ctx, puskesmas): {
		SystemID: known.SystemID, Profile: known.Profile, Program: known.Program, Objects: known.Objects,
	}})
	unmarked := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"ilp.health/release":null,"ilp.health/recorded":null}}}`))
	for _, gvk := range SimulatedKinds {
		for _, object := range d.Objects(ctx, gvk) {
			if object.GetLabels()[v1alpha1.LabelPuskesmas] == puskesmas {
				Expect(asOperator.Patch(ctx, &object, unmarked)).To(Succeed())
			}
		}
	}
}

// pods tells of everything that has pods which they are, and how they are made.
func pods(ctx context.Context, d *District) map[string]any {
	GinkgoHelper()
	all := map[string]any{}
	for _, gvk := range []schema.GroupVersionKind{DeploymentKind, JobKind} {
		for _, object := range d.Objects(ctx, gvk) {
			template, _, _ := unstructured.NestedMap(object.Object, "spec", "template")
			all[object.GetName()] = []any{object.GetUID(), template}
		}
	}
	return all
}

var _ = Describe("A Puskesmas of an operator before 0.2.0", func() {
	var d *District
	BeforeEach(func(ctx SpecContext) {
		createSteps(ctx)
		d = NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "darit")
		d.AddPuskesmas(ctx, "tebidah", pinnedTo(stepTwo))
		d.ExpectReady(ctx)
	})
	// upgrade starts this operator where that one was.
	upgrade := func(ctx context.Context, darit string) {
		GinkgoHelper()
		theOperator.Stop()
		handedOut(ctx, d, "darit", darit)
		handedOut(ctx, d, "tebidah", stepTwo)
		theOperator.Start()
		Eventually(func() v1alpha1.ObjectName { return d.Puskesmas(ctx, "darit").Spec.Release }).Should(BeEmpty())
		d.ExpectReady(ctx, "tebidah")
		Expect(d.Puskesmas(ctx, "tebidah").Spec.Release).To(BeEquivalentTo(stepTwo), "somebody pins it")
		Eventually(func() []string { return d.Puskesmas(ctx, "darit").Finalizers }).Should(BeEmpty())
	}

	It("is written down, and its spec is given back, as often as the operators change", func(ctx SpecContext) {
		before := pods(ctx, d)
		for range 2 {
			upgrade(ctx, DefaultRelease)
			d.ExpectReady(ctx)
			Eventually(func() *record.Record { return d.RecordOf(ctx, "darit") }).Should(And(
				HaveField("Target", DefaultRelease), HaveField("Running", DefaultRelease), HaveField("Schema", []string{DefaultRelease})))
			Expect(d.RecordOf(ctx, "tebidah")).To(And(HaveField("Target", stepTwo), HaveField("Schema", []string{stepTwo})))
			Expect(pods(ctx, d)).To(Equal(before))
		}

		By("following its district then")
		d.Edit(ctx, to(stepTwo))
		d.ExpectReady(ctx)
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(stepTwoImage))
	})

	It("goes on where it was on its way", func(ctx SpecContext) {
		workloads.Let(ctx, d, "Job", "darit", Hangs)
		d.Edit(ctx, to(stepTwo))
		Eventually(func() []string { return schemaImages(ctx, d, "darit") }).Should(ContainElement(stepTwoImage))
		d.Expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		Expect(d.Puskesmas(ctx, "darit").Status.Release.Schema).To(Equal(stepTwo))
		before := pods(ctx, d)
		for range 2 {
			upgrade(ctx, stepTwo)
			Eventually(func() *record.Record { return d.RecordOf(ctx, "darit") }).Should(And(
				HaveField("Target", stepTwo), HaveField("Running", DefaultRelease), HaveField("Schema", []string{DefaultRelease, stepTwo})))
			Consistently(func() map[string]any { return pods(ctx, d) }, AWhile).Should(Equal(before))
		}
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		d.ExpectReady(ctx)
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(stepTwoImage))
	})

	It("that was retained is not begun anew on the release of its district", func(ctx SpecContext) {
		before := d.Puskesmas(ctx, "tebidah")
		Expect(admin.Delete(ctx, before)).To(Succeed())
		Eventually(func() any { return d.Object(ctx, DeploymentKind, "tebidah-rme") }).Should(BeNil())
		Eventually(func() error { return admin.Get(ctx, client.ObjectKeyFromObject(before), &v1alpha1.Puskesmas{}) }).ShouldNot(Succeed())
		theOperator.Stop()
		d.WriteRecords(ctx, asOperator, map[string]*record.Record{record.WriterOf(before.Spec.Code): nil})
		unmarked := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"ilp.health/recorded":null}}}`))
		Expect(asOperator.Patch(ctx, d.Object(ctx, DatabaseKind, "tebidah-database"), unmarked)).To(Succeed())
		d.AddPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Code = before.Spec.Code })
		theOperator.Start()
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRecordMissing, "set spec.release")
		Consistently(func() any { return d.Object(ctx, DeploymentKind, "tebidah-rme") }, AWhile).Should(BeNil())
		d.EditPuskesmas(ctx, "tebidah", pinnedTo(stepTwo))
		d.ExpectReady(ctx, "tebidah")
		Expect(d.RecordOf(ctx, "tebidah")).To(And(HaveField("Target", stepTwo), HaveField("Running", stepTwo)))
	})
})
