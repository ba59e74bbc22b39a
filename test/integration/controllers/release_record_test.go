package controllers_test

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
)

// onPostgres creates a release with PostgreSQL of a major version.
func onPostgres(ctx context.Context, name, version, major string) string {
	GinkgoHelper()
	release := newRelease(name, version)
	release.Spec.Database.Image = v1alpha1.ImageReference("localhost/ilp/postgresql:" + major + "-bookworm")
	Expect(admin.Create(ctx, release)).To(Succeed())
	return name
}

// reachedFrom creates a release that can be reached from a range of versions only.
func reachedFrom(ctx context.Context, name, version, from string) string {
	GinkgoHelper()
	release := newRelease(name, version)
	release.Spec.UpgradeFrom = from
	Expect(admin.Create(ctx, release)).To(Succeed())
	return name
}

// oneAtATime lets one Puskesmas go at once.
func oneAtATime(d *v1alpha1.District) { d.Spec.Upgrade.MaxConcurrent = ptr.To(intstr.FromInt32(1)) }

// postgresImage is the image of the district's Cluster.
func (d *district) postgresImage(ctx context.Context) string {
	GinkgoHelper()
	cluster := d.object(ctx, clusterKind, "database")
	if cluster == nil {
		return ""
	}
	image, _, _ := unstructured.NestedString(cluster.Object, "spec", "imageName")
	return image
}

// programs tells of everything that runs what it runs, and how often that changed.
func (d *district) programs(ctx context.Context) map[string]string {
	GinkgoHelper()
	all := map[string]string{"Cluster": d.postgresImage(ctx)}
	for _, deployment := range d.objects(ctx, deploymentKind) {
		all[deployment.GetName()] = fmt.Sprintf("%s generation %d", imageOf(&deployment), deployment.GetGeneration())
	}
	for _, job := range d.objects(ctx, jobKind) {
		all[job.GetName()] = string(job.GetUID())
	}
	return all
}

// comesBack waits until everybody's status says something again.
func (d *district) comesBack(ctx context.Context, puskesmas ...string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(d.get(ctx).Status.Release.Target).NotTo(BeEmpty())
		g.Expect(d.get(ctx).Status.Conditions).NotTo(BeEmpty())
		for _, name := range puskesmas {
			g.Expect(d.puskesmas(ctx, name).Status.Release.Target).NotTo(BeEmpty(), name)
			g.Expect(d.puskesmas(ctx, name).Status.Conditions).NotTo(BeEmpty(), name)
		}
	}).Should(Succeed())
}

var _ = Describe("What runs is written on what holds it:", func() {
	It("a District made again starts neither another PostgreSQL nor earlier software on its data", func(ctx SpecContext) {
		other := onPostgres(ctx, "ilp-1.1.0-pg16", "1.1.1", "16")
		d := newDistrict(admin).apply(ctx, to(otherRelease))
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		Expect(d.record(ctx, record.District)).To(And(
			HaveField("Target", otherRelease), HaveField("Running", otherRelease), HaveField("Postgres", "15"), HaveField("Dashboard", "")))
		image := d.postgresImage(ctx)
		again := func(release string) {
			GinkgoHelper()
			Expect(admin.Delete(ctx, d.get(ctx))).To(Succeed())
			Eventually(func() []v1alpha1.District { return d.all(ctx) }).Should(BeEmpty())
			resource := d.resource()
			to(release)(resource)
			Expect(admin.Create(ctx, resource)).To(Succeed())
		}
		for release, reason := range map[string]string{other: v1alpha1.ReasonUpgradePath, defaultRelease: v1alpha1.ReasonDowngrade} {
			again(release)
			d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, reason, "spec.release: ", "Everything stays on "+otherRelease)
			d.expectReady(ctx, "tebidah")
			Expect(d.postgresImage(ctx)).To(Equal(image))
			Expect(d.imageOf(ctx, "tebidah-rme")).To(Equal(newImage))
			Expect(d.imageOf(ctx, "dashboard")).To(Equal("localhost/ilp/superset:1.1.0"))
		}

		By("taking up what is recorded if nobody says otherwise, whatever the default is")
		again("")
		d.expectReady(ctx)
		Expect(d.get(ctx).Status.Release.Current).To(Equal(otherRelease))
	})

	It("a District that was never ready does not go back to an earlier PostgreSQL", func(ctx SpecContext) {
		other := onPostgres(ctx, "ilp-0.8.0-pg16", "0.8.0", "16")
		d := newDistrict(admin)
		workloads.let(ctx, d, "Cluster", "", hangs)
		d.apply(ctx, to(other))
		d.expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		d.edit(ctx, to(defaultRelease))
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonUpgradePath, "a major version never changes by itself", "meanwhile")
		Expect(d.postgresImage(ctx)).To(Equal("localhost/ilp/postgresql:16-bookworm"))
		workloads.let(ctx, d, "Cluster", "", succeeds)
		d.edit(ctx, to(""))
		d.expectReady(ctx)
		Expect(d.postgresImage(ctx)).To(Equal("localhost/ilp/postgresql:16-bookworm"))
	})

	It("a lost status changes nothing, lets nobody go and fires no old retry", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, oneAtATime)
		everybody := []string{"aman", "baning", "darit"}
		d.addPuskesmas(ctx, "aman")
		d.addPuskesmas(ctx, "baning")
		d.addPuskesmas(ctx, "darit", pilot)
		d.expectReady(ctx)
		d.retry(ctx)
		asked := d.get(ctx).Annotations[v1alpha1.AnnotationRetryRequestedAt]
		Eventually(func() string { return d.record(ctx, record.District).Retried }).Should(Equal(asked))
		d.expectReady(ctx)

		By("at rest")
		before := d.programs(ctx)
		d.loseStatus(ctx)
		d.comesBack(ctx, everybody...)
		d.expectReady(ctx, everybody...)
		d.expectReady(ctx)
		Expect(d.programs(ctx)).To(Equal(before))
		Expect(d.get(ctx).Status.LastHandledRetry).To(Equal(asked))

		By("midway, with one that has failed and others that wait")
		workloads.let(ctx, d, "Job", "darit", fails)
		d.edit(ctx, to(otherRelease))
		d.expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		before = d.programs(ctx)
		d.loseStatus(ctx)
		d.comesBack(ctx, everybody...)
		Consistently(func() map[string]string { return d.programs(ctx) }, aWhile).Should(Equal(before))
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		Expect(d.givenTo(ctx, otherRelease, everybody...)).To(ConsistOf("darit"))
		Expect(d.get(ctx).Status.Admitted).To(BeEmpty())

		By("with the pin gone too")
		d.edit(ctx, to(""))
		d.loseStatus(ctx)
		d.comesBack(ctx, everybody...)
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		Expect(d.programs(ctx)).To(Equal(before))
		Expect(d.get(ctx).Status.Release.Target).To(Equal(otherRelease))

		By("at the dashboard, which does not go back")
		workloads.let(ctx, d, "Deployment", "dashboard", hangs)
		workloads.let(ctx, d, "Job", "darit", succeeds)
		d.retry(ctx)
		d.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading, "step 4 of 4, dashboard")
		before = d.programs(ctx)
		Expect(before).To(HaveKeyWithValue("dashboard", HavePrefix("localhost/ilp/superset:1.1.0 ")))
		d.loseStatus(ctx)
		d.comesBack(ctx, everybody...)
		d.expectReady(ctx, everybody...)
		Expect(d.programs(ctx)).To(Equal(before))
		workloads.let(ctx, d, "Deployment", "dashboard", succeeds)
		d.expectReady(ctx)
	})

	It("what nothing says the release of is left as it is until a person does", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, to(otherRelease))
		d.expectReady(ctx)
		before := d.programs(ctx)
		d.suspendNow(ctx)
		d.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		d.edit(ctx, to(""))
		d.loseRecords(ctx)
		d.loseStatus(ctx)
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateActive })
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRecordMissing, "set spec.release to the one that runs")
		Consistently(func() map[string]string { return d.programs(ctx) }, aWhile).Should(Equal(before))
		d.edit(ctx, to(otherRelease))
		d.expectReady(ctx)
		Expect(d.programs(ctx)).To(Equal(before))
	})
})

var _ = Describe("A release that cannot be reached", func() {
	It("moves nobody, in no direction, and lets the way that has begun end where it opens another", func(ctx SpecContext) {
		begun := safeRelease(ctx, "ilp-1.5.0-begun", "1.5.0")
		far := reachedFrom(ctx, "ilp-3.0.0-far", "3.0.0", ">=2.0.0")
		after := reachedFrom(ctx, "ilp-1.6.0-after", "1.6.0", ">=1.5.0 <1.6.0")
		begunImage := "localhost/ilp/gnuhealth:1.5.0"
		d := newDistrict(admin).apply(ctx, oneAtATime)
		d.addPuskesmas(ctx, "aman")
		d.addPuskesmas(ctx, "darit", pilot)
		d.expectReady(ctx)
		workloads.letImage(ctx, d, "Deployment", "darit", begunImage, hangs)
		d.edit(ctx, to(begun))
		Eventually(func() string { return d.imageOf(ctx, "darit-rme") }).Should(Equal(begunImage))

		d.edit(ctx, to(far))
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonUpgradePath, "spec.release: "+far, "Everything stays on "+begun)
		before := d.programs(ctx)
		Consistently(func() map[string]string { return d.programs(ctx) }, aWhile).Should(Equal(before))

		By("nobody else going while it is asked for")
		workloads.letImage(ctx, d, "Deployment", "darit", begunImage, succeeds)
		d.expectReady(ctx, "darit", "aman")
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonUpgradePath)
		Consistently(func() []string { return d.givenTo(ctx, begun, "aman", "darit") }, aWhile).Should(ConsistOf("darit"))
		Expect(d.get(ctx).Status.Admitted).To(BeEmpty())

		By("going on where the release that is asked for can be reached from there")
		workloads.letImage(ctx, d, "Deployment", "aman", begunImage, hangs)
		d.edit(ctx, to(after))
		d.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading, begun+" is not reached yet", "The way to "+begun+" goes on")
		Eventually(func() string { return d.imageOf(ctx, "aman-rme") }).Should(Equal(begunImage))
		workloads.letImage(ctx, d, "Deployment", "aman", begunImage, succeeds)
		d.expectReady(ctx)
		Expect(d.imageOf(ctx, "aman-rme")).To(Equal("localhost/ilp/gnuhealth:1.6.0"))
		Expect(d.get(ctx).Status.Release.Current).To(Equal(after))
	})
})

var _ = Describe("A district that a wave has let go", func() {
	// midway is a district on its way to another release in a wave of its own.
	midway := func(ctx SpecContext) (*district, *v1alpha1.Wave) {
		GinkgoHelper()
		d := newDistrict(admin)
		wave := newWave(ctx, d)
		d.apply(ctx, inWave(wave), oneAtATime)
		d.addPuskesmas(ctx, "aman")
		d.addPuskesmas(ctx, "darit", pilot)
		d.expectReady(ctx)
		workloads.let(ctx, d, "Job", "darit", hangs)
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Release = otherRelease })
		d.expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		Expect(d.get(ctx).Spec.Release).To(BeEmpty())
		Expect(d.record(ctx, record.District)).To(And(HaveField("Target", otherRelease), HaveField("Running", defaultRelease)))
		return d, wave
	}
	ends := func(ctx SpecContext, d *district) {
		GinkgoHelper()
		workloads.let(ctx, d, "Job", "darit", succeeds)
		d.expectReady(ctx, "darit", "aman")
		Eventually(func() string { return d.get(ctx).Status.Release.Current }).Should(Equal(otherRelease))
		Expect(d.imageOf(ctx, "aman-rme")).To(Equal(newImage))
	}

	It("goes on to the end when the wave is deleted", func(ctx SpecContext) {
		d, wave := midway(ctx)
		Expect(admin.Delete(ctx, wave)).To(Succeed())
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonWaveNotFound, wave.Name, "meanwhile")
		ends(ctx, d)
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonWaveNotFound)

		By("the wave coming again, which it is told of at once")
		wave.ResourceVersion, wave.UID = "", ""
		Expect(admin.Create(ctx, wave)).To(Succeed())
		d.expectReady(ctx)
	})

	It("goes on to the end when the wave is suspended", func(ctx SpecContext) {
		d, wave := midway(ctx)
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.State = v1alpha1.WaveStateSuspended })
		expectWave(ctx, wave, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		ends(ctx, d)
		d.expectReady(ctx)
	})

	It("goes on to the end when it moves to another wave", func(ctx SpecContext) {
		d, _ := midway(ctx)
		other := newWave(ctx, d)
		d.edit(ctx, inWave(other))
		Consistently(func() string { return d.record(ctx, record.District).Target }, aWhile).Should(Equal(otherRelease))
		ends(ctx, d)
	})
})

var _ = Describe("A district of an operator before 0.2.0", func() {
	// handOut writes a release into the spec as that operator did.
	handOut := func(ctx SpecContext, d *district, release string) {
		GinkgoHelper()
		patch := written(&v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: d.name}})
		patch.Object["spec"] = map[string]any{"release": release}
		applyFile(ctx, patch, v1alpha1.ManagerWave)
	}
	// before brings it to where that operator left it: without records, with its
	// release in the spec.
	before := func(ctx SpecContext, d *district, release string) {
		GinkgoHelper()
		theOperator.stop()
		d.loseRecords(ctx)
		handOut(ctx, d, release)
		theOperator.start()
	}

	It("is recorded as it is, and its spec is people's again, as often as the operators change", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, oneAtATime)
		d.addPuskesmas(ctx, "aman")
		d.addPuskesmas(ctx, "darit", pilot)
		d.expectReady(ctx)
		programs := d.programs(ctx)
		for range 2 {
			before(ctx, d, defaultRelease)
			Eventually(func() v1alpha1.ObjectName { return d.get(ctx).Spec.Release }).Should(BeEmpty())
			Expect(d.record(ctx, record.District)).To(And(HaveField("Target", defaultRelease), HaveField("Running", defaultRelease)))
			d.expectReady(ctx)
			Expect(d.programs(ctx)).To(Equal(programs))
		}

		By("midway, with one on its way and one that waits")
		workloads.let(ctx, d, "Job", "darit", hangs)
		give(ctx, d, otherRelease)
		d.expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		programs = d.programs(ctx)
		before(ctx, d, otherRelease)
		Eventually(func() v1alpha1.ObjectName { return d.get(ctx).Spec.Release }).Should(BeEmpty())
		Expect(d.record(ctx, record.District)).To(And(
			HaveField("Target", otherRelease), HaveField("Running", defaultRelease), HaveField("Dashboard", defaultRelease)))
		d.expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		Expect(d.givenTo(ctx, otherRelease, "aman", "darit")).To(ConsistOf("darit"))
		Expect(d.programs(ctx)).To(Equal(programs))
		workloads.let(ctx, d, "Job", "darit", succeeds)
		d.expectReady(ctx)
		Expect(d.imageOf(ctx, "aman-rme")).To(Equal(newImage))
	})

	It("keeps a pin that somebody else holds too", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, to(otherRelease))
		d.expectReady(ctx)
		before(ctx, d, otherRelease)
		Eventually(func() *record.Record { return d.record(ctx, record.District) }).Should(HaveField("Running", otherRelease))
		d.expectReady(ctx)
		Expect(d.get(ctx).Spec.Release).To(BeEquivalentTo(otherRelease))
	})
})
