package controllers_test

import (
	"context"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
)

// Releases of a catalogue with steps: each can only be reached from the one before,
// but for the second, which anything reaches.
const (
	stepTwo, stepTwoPlus, stepThree, stepFour = "ilp-12.0.0", "ilp-12.5.0", "ilp-13.0.0", "ilp-14.0.0"
	stepTwoImage, stepTwoPlusImage            = "localhost/ilp/gnuhealth:12.0.0", "localhost/ilp/gnuhealth:12.5.0"
)

// createSteps fills the catalogue with them. Only the step after the second can
// be taken back.
func createSteps(ctx context.Context) {
	GinkgoHelper()
	for _, step := range []struct{ name, version, from string }{
		{stepTwo, "12.0.0", ""}, {stepTwoPlus, "12.5.0", ">=1.0.0 <12.5.0"}, {stepThree, "13.0.0", ">=12.0.0 <13.0.0"}, {stepFour, "14.0.0", ">=13.0.0 <14.0.0"},
	} {
		release := NewRelease(step.name, step.version)
		release.Spec.UpgradeFrom = step.from
		if step.name == stepTwoPlus {
			release.Spec.SchemaRollback = v1alpha1.SchemaRollbackSafe
		}
		Expect(client.IgnoreAlreadyExists(admin.Create(ctx, release))).To(Succeed())
	}
}

// pinnedTo pins a Puskesmas.
func pinnedTo(release string) func(*v1alpha1.Puskesmas) {
	return func(p *v1alpha1.Puskesmas) { p.Spec.Release = v1alpha1.ObjectName(release) }
}

// schemaImages are the images of a facility's schema Jobs, sorted. That of the
// release before goes when the facility stands.
func schemaImages(ctx context.Context, d *District, puskesmas string) []string {
	GinkgoHelper()
	var images []string
	for _, job := range d.Objects(ctx, JobKind) {
		if job.GetLabels()[v1alpha1.LabelPuskesmas] == puskesmas {
			images = append(images, ImageOf(&job))
		}
	}
	slices.Sort(images)
	return images
}

// addMigration creates a pod of a facility's schema Job.
func addMigration(ctx context.Context, d *District, puskesmas string, phase corev1.PodPhase) *corev1.Pod {
	GinkgoHelper()
	pod := d.AddPod(ctx, puskesmas+"-schema-1", stepTwoImage, map[string]string{
		v1alpha1.LabelDistrict: string(d.Code), v1alpha1.LabelPuskesmas: puskesmas, "app.kubernetes.io/component": "schema",
	})
	pod.Status.Phase = phase
	Expect(admin.Status().Update(ctx, pod)).To(Succeed())
	return pod
}

var _ = Describe("A schema on its way", func() {
	var d *District
	BeforeEach(func(ctx SpecContext) {
		createSteps(ctx)
		d = NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "darit")
		d.ExpectReady(ctx, "darit")
		workloads.Let(ctx, d, "Job", "darit", Hangs)
	})
	// begin pins the facility and waits until its schema Job is made.
	begin := func(ctx context.Context, release, image string) {
		GinkgoHelper()
		d.EditPuskesmas(ctx, "darit", pinnedTo(release))
		Eventually(func() []string { return schemaImages(ctx, d, "darit") }).Should(ContainElement(image))
	}

	It("counts as that of both ends until it has arrived", func(ctx SpecContext) {
		begin(ctx, stepTwo, stepTwoImage)
		d.EditPuskesmas(ctx, "darit", pinnedTo(stepThree))
		d.Expect(ctx, "darit", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading,
			stepTwo+" is not reached yet on the way from "+DefaultRelease, "The way to "+stepTwo+" goes on", "Job darit-schema")
		Expect(d.RecordOf(ctx, "darit")).To(And(HaveField("Target", stepTwo), HaveField("Schema", []string{DefaultRelease, stepTwo})))
		theOperator.Restart()
		Consistently(func() []string { return append(schemaImages(ctx, d, "darit"), d.ImageOf(ctx, "darit-rme")) }, AWhile).
			Should(Equal([]string{oldImage, stepTwoImage, oldImage}))

		By("going on by itself then")
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		d.ExpectReady(ctx, "darit")
		Expect(d.Puskesmas(ctx, "darit").Status.Release).To(Equal(v1alpha1.PuskesmasReleaseStatus{Current: stepThree, Target: stepThree, Schema: stepThree}))
		Expect(d.RecordOf(ctx, "darit")).To(And(HaveField("Running", stepThree), HaveField("Schema", []string{stepThree})))
	})

	It("is not brought to another release while a pod works on it", func(ctx SpecContext) {
		begin(ctx, stepTwo, stepTwoImage)
		pod := addMigration(ctx, d, "darit", corev1.PodRunning)
		d.EditPuskesmas(ctx, "darit", pinnedTo(stepTwoPlus))
		d.Expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "waiting for the migration before to end")
		Expect(d.RecordOf(ctx, "darit").Schema).To(Equal([]string{DefaultRelease, stepTwo, stepTwoPlus}))
		Consistently(func() []string { return schemaImages(ctx, d, "darit") }, AWhile).Should(Equal([]string{oldImage, stepTwoImage}))
		pod.Status.Phase = corev1.PodSucceeded
		Expect(admin.Status().Update(ctx, pod)).To(Succeed())
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		d.ExpectReady(ctx, "darit")
		Expect(schemaImages(ctx, d, "darit")).To(Equal([]string{stepTwoPlusImage}))
	})

	It("does not wait for a migration that cannot begin, but for its pods to go", func(ctx SpecContext) {
		begin(ctx, stepTwo, stepTwoImage)
		pod := addMigration(ctx, d, "darit", corev1.PodPending)
		d.EditPuskesmas(ctx, "darit", pinnedTo(stepTwoPlus))
		d.Expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "does not run and is deleted")
		Eventually(func() []string { return schemaImages(ctx, d, "darit") }).Should(Equal([]string{oldImage}))
		Consistently(func() []string { return schemaImages(ctx, d, "darit") }, AWhile).Should(Equal([]string{oldImage}))
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		Expect(admin.Delete(ctx, pod, client.GracePeriodSeconds(0))).To(Succeed())
		d.ExpectReady(ctx, "darit")
		Expect(schemaImages(ctx, d, "darit")).To(Equal([]string{stepTwoPlusImage}))
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(stepTwoPlusImage))
	})

	It("goes to its end, and its RME too, when what cannot be reached is asked for", func(ctx SpecContext) {
		workloads.LetImage(ctx, d, "Deployment", "darit", stepTwoPlusImage, Hangs)
		begin(ctx, stepTwoPlus, stepTwoPlusImage)
		d.EditPuskesmas(ctx, "darit", pinnedTo(stepFour))
		held := func(parts ...string) {
			GinkgoHelper()
			d.Expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonUpgradePath,
				append(parts, "spec.release: "+stepFour+" can only be reached from", "Everything stays on "+stepTwoPlus)...)
		}
		held("meanwhile: ", "Job darit-schema")
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(oldImage))
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		Eventually(func() string { return d.ImageOf(ctx, "darit-rme") }).Should(Equal(stepTwoPlusImage))
		held("meanwhile: ", "Deployment darit-rme")
		generation := d.Find(ctx, DeploymentKind, "darit-rme").GetGeneration()
		workloads.LetImage(ctx, d, "Deployment", "darit", stepTwoPlusImage, Succeeds)
		d.Expect(ctx, "darit", v1alpha1.ConditionRMEReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "release "+stepTwoPlus)
		held()
		Expect(d.Find(ctx, DeploymentKind, "darit-rme").GetGeneration()).To(Equal(generation), "it is rolled once, and not back")
		Expect(d.Puskesmas(ctx, "darit").Status.Release.Current).To(Equal(stepTwoPlus))
		Expect(d.RecordOf(ctx, "darit")).To(And(HaveField("Target", stepTwoPlus), HaveField("Schema", []string{stepTwoPlus})))
	})

	It("stays where it goes while the RME goes back", func(ctx SpecContext) {
		begin(ctx, stepTwoPlus, stepTwoPlusImage)
		d.EditPuskesmas(ctx, "darit", pinnedTo(DefaultRelease))
		d.ExpectReady(ctx, "darit")
		d.Expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Job darit-schema")
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(oldImage))
		Expect(d.RecordOf(ctx, "darit").Schema).To(Equal([]string{DefaultRelease, stepTwoPlus}))
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		d.Expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "stays that of release "+stepTwoPlus)
		Eventually(func() []string { return d.RecordOf(ctx, "darit").Schema }).Should(Equal([]string{stepTwoPlus}))
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(oldImage))
	})
})
