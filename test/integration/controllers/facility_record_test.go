package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
)

// loseStatusOfAll restarts the operator without any status, as after a restore.
func (d *district) loseStatusOfAll(ctx context.Context) {
	GinkgoHelper()
	theOperator.stop()
	d.loseStatus(ctx)
	theOperator.start()
}

var _ = Describe("What a Puskesmas has written down", func() {
	var d *district
	BeforeEach(func(ctx SpecContext) {
		createSteps(ctx)
		d = newDistrict(admin).apply(ctx)
	})

	It("keeps it on the release of its data when it is made again with an earlier one", func(ctx SpecContext) {
		before := d.addPuskesmas(ctx, "darit", pinnedTo(stepTwo))
		d.expectReady(ctx, "darit")
		Expect(admin.Delete(ctx, before)).To(Succeed())
		Eventually(func() bool {
			return apierrors.IsNotFound(admin.Get(ctx, client.ObjectKeyFromObject(before), &v1alpha1.Puskesmas{}))
		}).Should(BeTrue())
		Eventually(func() any { return d.object(ctx, deploymentKind, "darit-rme") }).Should(BeNil())

		d.addPuskesmas(ctx, "darit", pinnedTo(defaultRelease), func(p *v1alpha1.Puskesmas) { p.Spec.Code = before.Spec.Code })
		d.expect(ctx, "darit", v1alpha1.ConditionRMEReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "release "+stepTwo)
		d.expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDowngrade,
			"spec.release: "+defaultRelease+" (1.0.0) is earlier than "+stepTwo, "restore a backup", "Everything stays on "+stepTwo)
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(stepTwoImage))
		Expect(d.schemaImages(ctx, "darit")).To(Equal([]string{stepTwoImage}))
		Expect(d.recordOf(ctx, "darit")).To(And(HaveField("Target", stepTwo), HaveField("Schema", []string{stepTwo})))
		d.editPuskesmas(ctx, "darit", pinnedTo(stepTwo))
		d.expectReady(ctx, "darit")
	})

	It("brings it to its end when every status is lost on the way", func(ctx SpecContext) {
		d.addPuskesmas(ctx, "darit")
		d.addPuskesmas(ctx, "aman")
		d.expectReady(ctx)
		versions := d.find(ctx, deploymentKind, "aman-rme").GetResourceVersion()
		workloads.let(ctx, d, "Job", "darit", hangs)
		d.editPuskesmas(ctx, "darit", pinnedTo(stepTwo))
		Eventually(func() []string { return d.schemaImages(ctx, "darit") }).Should(ContainElement(stepTwoImage))
		jobs, known := d.uids(ctx, jobKind), d.recordOf(ctx, "darit")
		d.loseStatusOfAll(ctx)
		d.expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Job darit-schema")
		d.expectReady(ctx, "aman")
		Expect(d.puskesmas(ctx, "darit").Status.Release).To(Equal(v1alpha1.PuskesmasReleaseStatus{Current: defaultRelease, Target: stepTwo, Schema: stepTwo}))
		Expect(d.recordOf(ctx, "darit")).To(Equal(known))
		Expect(d.uids(ctx, jobKind)).To(Equal(jobs))
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(oldImage))
		workloads.let(ctx, d, "Job", "darit", succeeds)
		d.expectReady(ctx)
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(stepTwoImage))
		Expect(d.find(ctx, deploymentKind, "aman-rme").GetResourceVersion()).To(Equal(versions))
	})

	It("keeps an RME back that has failed, and an old retry, when every status is lost", func(ctx SpecContext) {
		d.addPuskesmas(ctx, "darit")
		d.expectReady(ctx, "darit")
		workloads.letImage(ctx, d, "Deployment", "darit", stepTwoPlusImage, fails)
		d.editPuskesmas(ctx, "darit", pinnedTo(stepTwoPlus))
		back := func(message string) {
			GinkgoHelper()
			d.expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed,
				"the RME of release "+stepTwoPlus+" failed and is put back to "+defaultRelease, message)
		}
		back("Deployment darit-rme")
		d.retry(ctx)
		Eventually(func() *record.Record { return d.recordOf(ctx, "darit") }).Should(And(HaveField("Retried", Not(BeEmpty())), HaveField("RolledBack", Not(BeNil()))))
		back("Deployment darit-rme")
		generation := d.find(ctx, deploymentKind, "darit-rme").GetGeneration()

		d.loseStatusOfAll(ctx)
		back("how it failed was lost with the status")
		Consistently(func() string { return d.imageOf(ctx, "darit-rme") }, aWhile).Should(Equal(oldImage))
		Expect(d.find(ctx, deploymentKind, "darit-rme").GetGeneration()).To(Equal(generation))

		By("which a new one tries again")
		workloads.letImage(ctx, d, "Deployment", "darit", stepTwoPlusImage, succeeds)
		d.retry(ctx)
		d.expectReady(ctx, "darit")
		Expect(d.recordOf(ctx, "darit")).To(And(HaveField("RolledBack", BeNil()), HaveField("Running", stepTwoPlus)))
	})

	It("counts as a use of its release, which is not deleted although no status tells of it", func(ctx SpecContext) {
		release := newRelease("ilp-12.7.0", "12.7.0")
		Expect(admin.Create(ctx, release)).To(Succeed())
		d.addPuskesmas(ctx, "darit", pinnedTo(release.Name))
		d.expectReady(ctx, "darit")
		d.editPuskesmas(ctx, "darit", func(p *v1alpha1.Puskesmas) { p.Spec.State = v1alpha1.StateSuspended })
		d.expect(ctx, "darit", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		d.loseStatusOfAll(ctx)
		d.expect(ctx, "darit", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		Expect(d.puskesmas(ctx, "darit").Status.Release).To(BeZero())
		Consistently(func() *int32 {
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(release), release)).To(Succeed())
			return release.Status.Puskesmas
		}, aWhile).Should(HaveValue(BeEquivalentTo(1)))
		Expect(admin.Delete(ctx, release)).To(MatchError(ContainSubstring("1 Puskesmas (status) and is not deleted")))
	})

	It("is missed where something runs and no status tells of it either", func(ctx SpecContext) {
		d.addPuskesmas(ctx, "darit", pinnedTo(stepTwo))
		d.expectReady(ctx, "darit")
		theOperator.stop()
		d.editPuskesmas(ctx, "darit", pinnedTo(""))
		writer := d.writerOf(ctx, "darit")
		known := d.recordOf(ctx, "darit")
		known.Target, known.Running, known.Schema = "", "", nil
		d.writeRecords(ctx, map[string]*record.Record{writer: known})
		theLedger.excuse(d.puskesmas(ctx, "darit"))
		theLinter.forget(d.puskesmas(ctx, "darit").UID)
		Expect(admin.Status().Patch(ctx, d.puskesmas(ctx, "darit"), client.RawPatch("application/merge-patch+json", []byte(`{"status":null}`)))).To(Succeed())
		theOperator.start()
		d.expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRecordMissing, "set spec.release")
		Consistently(func() string { return d.imageOf(ctx, "darit-rme") }, aWhile).Should(Equal(stepTwoImage))
		d.editPuskesmas(ctx, "darit", pinnedTo(stepTwo))
		d.expectReady(ctx, "darit")
		Expect(d.recordOf(ctx, "darit")).To(And(HaveField("Target", stepTwo), HaveField("Running", stepTwo)))
	})
})
