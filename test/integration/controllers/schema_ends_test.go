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
		release := newRelease(step.name, step.version)
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
func (d *district) schemaImages(ctx context.Context, puskesmas string) []string {
	GinkgoHelper()
	var images []string
	for _, job := range d.objects(ctx, jobKind) {
		if job.GetLabels()[v1alpha1.LabelPuskesmas] == puskesmas {
			images = append(images, imageOf(&job))
		}
	}
	slices.Sort(images)
	return images
}

// addMigration creates a pod of a facility's schema Job.
func (d *district) addMigration(ctx context.Context, puskesmas string, phase corev1.PodPhase) *corev1.Pod {
	GinkgoHelper()
	pod := d.addPod(ctx, puskesmas+"-schema-1", stepTwoImage, map[string]string{
		v1alpha1.LabelDistrict: string(d.code), v1alpha1.LabelPuskesmas: puskesmas, "app.kubernetes.io/component": "schema",
	})
	pod.Status.Phase = phase
	Expect(admin.Status().Update(ctx, pod)).To(Succeed())
	return pod
}

var _ = Describe("A schema on its way", func() {
	var d *district
	BeforeEach(func(ctx SpecContext) {
		createSteps(ctx)
		d = newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "darit")
		d.expectReady(ctx, "darit")
		workloads.let(ctx, d, "Job", "darit", hangs)
	})
	// begin pins the facility and waits until its schema Job is made.
	begin := func(ctx context.Context, release, image string) {
		GinkgoHelper()
		d.editPuskesmas(ctx, "darit", pinnedTo(release))
		Eventually(func() []string { return d.schemaImages(ctx, "darit") }).Should(ContainElement(image))
	}

	It("counts as that of both ends until it has arrived", func(ctx SpecContext) {
		begin(ctx, stepTwo, stepTwoImage)
		d.editPuskesmas(ctx, "darit", pinnedTo(stepThree))
		d.expect(ctx, "darit", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading,
			stepTwo+" is not reached yet on the way from "+defaultRelease, "The way to "+stepTwo+" goes on", "Job darit-schema")
		Expect(d.recordOf(ctx, "darit")).To(And(HaveField("Target", stepTwo), HaveField("Schema", []string{defaultRelease, stepTwo})))
		theOperator.restart()
		Consistently(func() []string { return append(d.schemaImages(ctx, "darit"), d.imageOf(ctx, "darit-rme")) }, aWhile).
			Should(Equal([]string{oldImage, stepTwoImage, oldImage}))

		By("going on by itself then")
		workloads.let(ctx, d, "Job", "darit", succeeds)
		d.expectReady(ctx, "darit")
		Expect(d.puskesmas(ctx, "darit").Status.Release).To(Equal(v1alpha1.PuskesmasReleaseStatus{Current: stepThree, Target: stepThree, Schema: stepThree}))
		Expect(d.recordOf(ctx, "darit")).To(And(HaveField("Running", stepThree), HaveField("Schema", []string{stepThree})))
	})

	It("is not brought to another release while a pod works on it", func(ctx SpecContext) {
		begin(ctx, stepTwo, stepTwoImage)
		pod := d.addMigration(ctx, "darit", corev1.PodRunning)
		d.editPuskesmas(ctx, "darit", pinnedTo(stepTwoPlus))
		d.expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "waiting for the migration before to end")
		Expect(d.recordOf(ctx, "darit").Schema).To(Equal([]string{defaultRelease, stepTwo, stepTwoPlus}))
		Consistently(func() []string { return d.schemaImages(ctx, "darit") }, aWhile).Should(Equal([]string{oldImage, stepTwoImage}))
		pod.Status.Phase = corev1.PodSucceeded
		Expect(admin.Status().Update(ctx, pod)).To(Succeed())
		workloads.let(ctx, d, "Job", "darit", succeeds)
		d.expectReady(ctx, "darit")
		Expect(d.schemaImages(ctx, "darit")).To(Equal([]string{stepTwoPlusImage}))
	})

	It("does not wait for a migration that cannot begin, but for its pods to go", func(ctx SpecContext) {
		begin(ctx, stepTwo, stepTwoImage)
		pod := d.addMigration(ctx, "darit", corev1.PodPending)
		d.editPuskesmas(ctx, "darit", pinnedTo(stepTwoPlus))
		d.expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "does not run and is deleted")
		Eventually(func() []string { return d.schemaImages(ctx, "darit") }).Should(Equal([]string{oldImage}))
		Consistently(func() []string { return d.schemaImages(ctx, "darit") }, aWhile).Should(Equal([]string{oldImage}))
		workloads.let(ctx, d, "Job", "darit", succeeds)
		Expect(admin.Delete(ctx, pod, client.GracePeriodSeconds(0))).To(Succeed())
		d.expectReady(ctx, "darit")
		Expect(d.schemaImages(ctx, "darit")).To(Equal([]string{stepTwoPlusImage}))
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(stepTwoPlusImage))
	})

	It("goes to its end, and its RME too, when what cannot be reached is asked for", func(ctx SpecContext) {
		workloads.letImage(ctx, d, "Deployment", "darit", stepTwoPlusImage, hangs)
		begin(ctx, stepTwoPlus, stepTwoPlusImage)
		d.editPuskesmas(ctx, "darit", pinnedTo(stepFour))
		held := func(parts ...string) {
			GinkgoHelper()
			d.expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonUpgradePath,
				append(parts, "spec.release: "+stepFour+" can only be reached from", "Everything stays on "+stepTwoPlus)...)
		}
		held("meanwhile: ", "Job darit-schema")
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(oldImage))
		workloads.let(ctx, d, "Job", "darit", succeeds)
		Eventually(func() string { return d.imageOf(ctx, "darit-rme") }).Should(Equal(stepTwoPlusImage))
		held("meanwhile: ", "Deployment darit-rme")
		generation := d.find(ctx, deploymentKind, "darit-rme").GetGeneration()
		workloads.letImage(ctx, d, "Deployment", "darit", stepTwoPlusImage, succeeds)
		d.expect(ctx, "darit", v1alpha1.ConditionRMEReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "release "+stepTwoPlus)
		held()
		Expect(d.find(ctx, deploymentKind, "darit-rme").GetGeneration()).To(Equal(generation), "it is rolled once, and not back")
		Expect(d.puskesmas(ctx, "darit").Status.Release.Current).To(Equal(stepTwoPlus))
		Expect(d.recordOf(ctx, "darit")).To(And(HaveField("Target", stepTwoPlus), HaveField("Schema", []string{stepTwoPlus})))
	})

	It("stays where it goes while the RME goes back", func(ctx SpecContext) {
		begin(ctx, stepTwoPlus, stepTwoPlusImage)
		d.editPuskesmas(ctx, "darit", pinnedTo(defaultRelease))
		d.expectReady(ctx, "darit")
		d.expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Job darit-schema")
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(oldImage))
		Expect(d.recordOf(ctx, "darit").Schema).To(Equal([]string{defaultRelease, stepTwoPlus}))
		workloads.let(ctx, d, "Job", "darit", succeeds)
		d.expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "stays that of release "+stepTwoPlus)
		Eventually(func() []string { return d.recordOf(ctx, "darit").Schema }).Should(Equal([]string{stepTwoPlus}))
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(oldImage))
	})
})
