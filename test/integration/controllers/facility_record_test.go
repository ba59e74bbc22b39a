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
	. "ilp.health/operator/test/harness"
)

// loseStatusOfAll restarts the operator without any status, as after a restore.
func loseStatusOfAll(ctx context.Context, d *District) {
	GinkgoHelper()
	theOperator.Stop()
	d.LoseStatus(ctx, theLinter)
	theOperator.Start()
}

var _ = Describe("What a Puskesmas has written down", func() {
	var d *District
	BeforeEach(func(ctx SpecContext) {
		createSteps(ctx)
		d = NewDistrict(admin).Apply(ctx)
	})

	It("keeps it on the release of its data when it is made again with an earlier one", func(ctx SpecContext) {
		before := d.AddPuskesmas(ctx, "darit", pinnedTo(stepTwo))
		d.ExpectReady(ctx, "darit")
		Expect(admin.Delete(ctx, before)).To(Succeed())
		Eventually(func() bool {
			return apierrors.IsNotFound(admin.Get(ctx, client.ObjectKeyFromObject(before), &v1alpha1.Puskesmas{}))
		}).Should(BeTrue())
		Eventually(func() any { return d.Object(ctx, DeploymentKind, "darit-rme") }).Should(BeNil())

		d.AddPuskesmas(ctx, "darit", pinnedTo(DefaultRelease), func(p *v1alpha1.Puskesmas) { p.Spec.Code = before.Spec.Code })
		d.Expect(ctx, "darit", v1alpha1.ConditionRMEReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "release "+stepTwo)
		d.Expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDowngrade,
			"spec.release: "+DefaultRelease+" (1.0.0) is earlier than "+stepTwo, "restore a backup", "Everything stays on "+stepTwo)
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(stepTwoImage))
		Expect(schemaImages(ctx, d, "darit")).To(Equal([]string{stepTwoImage}))
		Expect(d.RecordOf(ctx, "darit")).To(And(HaveField("Target", stepTwo), HaveField("Schema", []string{stepTwo})))
		d.EditPuskesmas(ctx, "darit", pinnedTo(stepTwo))
		d.ExpectReady(ctx, "darit")
	})

	It("brings it to its end when every status is lost on the way", func(ctx SpecContext) {
		d.AddPuskesmas(ctx, "darit")
		d.AddPuskesmas(ctx, "aman")
		d.ExpectReady(ctx)
		versions := d.Find(ctx, DeploymentKind, "aman-rme").GetResourceVersion()
		workloads.Let(ctx, d, "Job", "darit", Hangs)
		d.EditPuskesmas(ctx, "darit", pinnedTo(stepTwo))
		Eventually(func() []string { return schemaImages(ctx, d, "darit") }).Should(ContainElement(stepTwoImage))
		jobs, known := d.Uids(ctx, JobKind), d.RecordOf(ctx, "darit")
		loseStatusOfAll(ctx, d)
		d.Expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Job darit-schema")
		d.ExpectReady(ctx, "aman")
		Expect(d.Puskesmas(ctx, "darit").Status.Release).To(Equal(v1alpha1.PuskesmasReleaseStatus{Current: DefaultRelease, Target: stepTwo, Schema: stepTwo}))
		Expect(d.RecordOf(ctx, "darit")).To(Equal(known))
		Expect(d.Uids(ctx, JobKind)).To(Equal(jobs))
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(oldImage))
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		d.ExpectReady(ctx)
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(stepTwoImage))
		Expect(d.Find(ctx, DeploymentKind, "aman-rme").GetResourceVersion()).To(Equal(versions))
	})

	It("keeps an RME back that has failed, and an old retry, when every status is lost", func(ctx SpecContext) {
		d.AddPuskesmas(ctx, "darit")
		d.ExpectReady(ctx, "darit")
		workloads.LetImage(ctx, d, "Deployment", "darit", stepTwoPlusImage, Fails)
		d.EditPuskesmas(ctx, "darit", pinnedTo(stepTwoPlus))
		back := func(message string) {
			GinkgoHelper()
			d.Expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed,
				"the RME of release "+stepTwoPlus+" failed and is put back to "+DefaultRelease, message)
		}
		back("Deployment darit-rme")
		d.Retry(ctx)
		Eventually(func() *record.Record { return d.RecordOf(ctx, "darit") }).Should(And(HaveField("Retried", Not(BeEmpty())), HaveField("RolledBack", Not(BeNil()))))
		back("Deployment darit-rme")
		generation := d.Find(ctx, DeploymentKind, "darit-rme").GetGeneration()

		loseStatusOfAll(ctx, d)
		back("how it failed was lost with the status")
		Consistently(func() string { return d.ImageOf(ctx, "darit-rme") }, AWhile).Should(Equal(oldImage))
		Expect(d.Find(ctx, DeploymentKind, "darit-rme").GetGeneration()).To(Equal(generation))

		By("which a new one tries again")
		workloads.LetImage(ctx, d, "Deployment", "darit", stepTwoPlusImage, Succeeds)
		d.Retry(ctx)
		d.ExpectReady(ctx, "darit")
		Expect(d.RecordOf(ctx, "darit")).To(And(HaveField("RolledBack", BeNil()), HaveField("Running", stepTwoPlus)))
	})

	It("counts as a use of its release, which is not deleted although no status tells of it", func(ctx SpecContext) {
		release := NewRelease("ilp-12.7.0", "12.7.0")
		Expect(admin.Create(ctx, release)).To(Succeed())
		d.AddPuskesmas(ctx, "darit", pinnedTo(release.Name))
		d.ExpectReady(ctx, "darit")
		d.EditPuskesmas(ctx, "darit", func(p *v1alpha1.Puskesmas) { p.Spec.State = v1alpha1.StateSuspended })
		d.Expect(ctx, "darit", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		loseStatusOfAll(ctx, d)
		d.Expect(ctx, "darit", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		Expect(d.Puskesmas(ctx, "darit").Status.Release).To(BeZero())
		Consistently(func() *int32 {
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(release), release)).To(Succeed())
			return release.Status.Puskesmas
		}, AWhile).Should(HaveValue(BeEquivalentTo(1)))
		Expect(admin.Delete(ctx, release)).To(MatchError(ContainSubstring("1 Puskesmas (status) and is not deleted")))
	})

	It("is missed where something runs and no status tells of it either", func(ctx SpecContext) {
		d.AddPuskesmas(ctx, "darit", pinnedTo(stepTwo))
		d.ExpectReady(ctx, "darit")
		theOperator.Stop()
		d.EditPuskesmas(ctx, "darit", pinnedTo(""))
		writer := d.WriterOf(ctx, "darit")
		known := d.RecordOf(ctx, "darit")
		known.Target, known.Running, known.Schema = "", "", nil
		d.WriteRecords(ctx, asOperator, map[string]*record.Record{writer: known})
		theLinter.Forget(d.Puskesmas(ctx, "darit").UID)
		Expect(admin.Status().Patch(ctx, d.Puskesmas(ctx, "darit"), client.RawPatch("application/merge-patch+json", []byte(`{"status":null}`)))).To(Succeed())
		theOperator.Start()
		d.Expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRecordMissing, "set spec.release")
		Consistently(func() string { return d.ImageOf(ctx, "darit-rme") }, AWhile).Should(Equal(stepTwoImage))
		d.EditPuskesmas(ctx, "darit", pinnedTo(stepTwo))
		d.ExpectReady(ctx, "darit")
		Expect(d.RecordOf(ctx, "darit")).To(And(HaveField("Target", stepTwo), HaveField("Running", stepTwo)))
	})
})
