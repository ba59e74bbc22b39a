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
	. "ilp.health/operator/test/harness"
)

// onPostgres creates a release with PostgreSQL of a major version.
func onPostgres(ctx context.Context, name, version, major string) string {
	GinkgoHelper()
	release := NewRelease(name, version)
	release.Spec.Database.Image = v1alpha1.ImageReference("localhost/ilp/postgresql:" + major + "-bookworm")
	Expect(admin.Create(ctx, release)).To(Succeed())
	return name
}

// reachedFrom creates a release that can be reached from a range of versions only.
func reachedFrom(ctx context.Context, name, version, from string) string {
	GinkgoHelper()
	release := NewRelease(name, version)
	release.Spec.UpgradeFrom = from
	Expect(admin.Create(ctx, release)).To(Succeed())
	return name
}

// oneAtATime lets one Puskesmas go at once.
func oneAtATime(d *v1alpha1.District) { d.Spec.Upgrade.MaxConcurrent = ptr.To(intstr.FromInt32(1)) }

// postgresImage is the image of the district's Cluster.
func postgresImage(ctx context.Context, d *District) string {
	GinkgoHelper()
	cluster := d.Object(ctx, ClusterKind, "database")
	if cluster == nil {
		return ""
	}
	image, _, _ := unstructured.NestedString(cluster.Object, "spec", "imageName")
	return image
}

// programs tells of everything that runs what it runs, and how often that changed.
func programs(ctx context.Context, d *District) map[string]string {
	GinkgoHelper()
	all := map[string]string{"Cluster": postgresImage(ctx, d)}
	for _, deployment := range d.Objects(ctx, DeploymentKind) {
		all[deployment.GetName()] = fmt.Sprintf("%s generation %d", d.ImageOf(ctx, deployment.GetName()), deployment.GetGeneration())
	}
	for _, job := range d.Objects(ctx, JobKind) {
		all[job.GetName()] = string(job.GetUID())
	}
	return all
}

// comesBack waits until everybody's status says something again.
func comesBack(ctx context.Context, d *District, puskesmas ...string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(d.Get(ctx).Status.Release.Target).NotTo(BeEmpty())
		g.Expect(d.Get(ctx).Status.Conditions).NotTo(BeEmpty())
		for _, name := range puskesmas {
			g.Expect(d.Puskesmas(ctx, name).Status.Release.Target).NotTo(BeEmpty(), name)
			g.Expect(d.Puskesmas(ctx, name).Status.Conditions).NotTo(BeEmpty(), name)
		}
	}).Should(Succeed())
}

var _ = Describe("What runs is written on what holds it:", func() {
	It("a District made again starts neither another PostgreSQL nor earlier software on its data", func(ctx SpecContext) {
		other := onPostgres(ctx, "ilp-1.1.0-pg16", "1.1.1", "16")
		d := NewDistrict(admin).Apply(ctx, to(OtherRelease))
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		Expect(d.Record(ctx, record.District)).To(And(
			HaveField("Target", OtherRelease), HaveField("Running", OtherRelease), HaveField("Postgres", "15"), HaveField("Dashboard", "")))
		image := postgresImage(ctx, d)
		again := func(release string) {
			GinkgoHelper()
			Expect(admin.Delete(ctx, d.Get(ctx))).To(Succeed())
			Eventually(func() []v1alpha1.District { return d.All(ctx) }).Should(BeEmpty())
			resource := d.Resource()
			to(release)(resource)
			Expect(admin.Create(ctx, resource)).To(Succeed())
		}
		for release, reason := range map[string]string{other: v1alpha1.ReasonUpgradePath, DefaultRelease: v1alpha1.ReasonDowngrade} {
			again(release)
			d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, reason, "spec.release: ", "Everything stays on "+OtherRelease)
			d.ExpectReady(ctx, "tebidah")
			Expect(postgresImage(ctx, d)).To(Equal(image))
			Expect(d.ImageOf(ctx, "tebidah-rme")).To(Equal(newImage))
			Expect(d.ImageOf(ctx, "dashboard")).To(Equal("localhost/ilp/superset:1.1.0"))
		}

		By("taking up what is recorded if nobody says otherwise, whatever the default is")
		again("")
		d.ExpectReady(ctx)
		Expect(d.Get(ctx).Status.Release.Current).To(Equal(OtherRelease))
	})

	It("a District that was never ready does not go back to an earlier PostgreSQL", func(ctx SpecContext) {
		other := onPostgres(ctx, "ilp-0.8.0-pg16", "0.8.0", "16")
		d := NewDistrict(admin)
		workloads.Let(ctx, d, "Cluster", "", Hangs)
		d.Apply(ctx, to(other))
		d.Expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		d.Edit(ctx, to(DefaultRelease))
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonUpgradePath, "a major version never changes by itself", "meanwhile")
		Expect(postgresImage(ctx, d)).To(Equal("localhost/ilp/postgresql:16-bookworm"))
		workloads.Let(ctx, d, "Cluster", "", Succeeds)
		d.Edit(ctx, to(""))
		d.ExpectReady(ctx)
		Expect(postgresImage(ctx, d)).To(Equal("localhost/ilp/postgresql:16-bookworm"))
	})

	It("a lost status changes nothing, lets nobody go and fires no old retry", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, oneAtATime)
		everybody := []string{"aman", "baning", "darit"}
		d.AddPuskesmas(ctx, "aman")
		d.AddPuskesmas(ctx, "baning")
		d.AddPuskesmas(ctx, "darit", Pilot)
		d.ExpectReady(ctx)
		d.Retry(ctx)
		asked := d.Get(ctx).Annotations[v1alpha1.AnnotationRetryRequestedAt]
		Eventually(func() string { return d.Record(ctx, record.District).Retried }).Should(Equal(asked))
		d.ExpectReady(ctx)

		By("at rest")
		before := programs(ctx, d)
		d.LoseStatus(ctx, theLinter)
		comesBack(ctx, d, everybody...)
		d.ExpectReady(ctx, everybody...)
		d.ExpectReady(ctx)
		Expect(programs(ctx, d)).To(Equal(before))
		Expect(d.Get(ctx).Status.LastHandledRetry).To(Equal(asked))

		By("midway, with one that has failed and others that wait")
		workloads.Let(ctx, d, "Job", "darit", Fails)
		d.Edit(ctx, to(OtherRelease))
		d.Expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		before = programs(ctx, d)
		d.LoseStatus(ctx, theLinter)
		comesBack(ctx, d, everybody...)
		Consistently(func() map[string]string { return programs(ctx, d) }, AWhile).Should(Equal(before))
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		Expect(d.GivenTo(ctx, OtherRelease, everybody...)).To(ConsistOf("darit"))
		Expect(d.Get(ctx).Status.Admitted).To(BeEmpty())

		By("with the pin gone too")
		d.Edit(ctx, to(""))
		d.LoseStatus(ctx, theLinter)
		comesBack(ctx, d, everybody...)
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		Expect(programs(ctx, d)).To(Equal(before))
		Expect(d.Get(ctx).Status.Release.Target).To(Equal(OtherRelease))

		By("at the dashboard, which does not go back")
		workloads.Let(ctx, d, "Deployment", "dashboard", Hangs)
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		d.Retry(ctx)
		d.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading, "step 4 of 4, dashboard")
		before = programs(ctx, d)
		Expect(before).To(HaveKeyWithValue("dashboard", HavePrefix("localhost/ilp/superset:1.1.0 ")))
		d.LoseStatus(ctx, theLinter)
		comesBack(ctx, d, everybody...)
		d.ExpectReady(ctx, everybody...)
		Expect(programs(ctx, d)).To(Equal(before))
		workloads.Let(ctx, d, "Deployment", "dashboard", Succeeds)
		d.ExpectReady(ctx)
	})

	It("what nothing says the release of is left as it is until a person does", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, to(OtherRelease))
		d.ExpectReady(ctx)
		before := programs(ctx, d)
		d.SuspendNow(ctx)
		d.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		d.Edit(ctx, to(""))
		d.LoseRecords(ctx, asOperator)
		d.LoseStatus(ctx, theLinter)
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateActive })
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRecordMissing, "set spec.release to the one that runs")
		Consistently(func() map[string]string { return programs(ctx, d) }, AWhile).Should(Equal(before))
		d.Edit(ctx, to(OtherRelease))
		d.ExpectReady(ctx)
		Expect(programs(ctx, d)).To(Equal(before))
	})
})

var _ = Describe("A release that cannot be reached", func() {
	It("moves nobody, in no direction, and lets the way that has begun end where it opens another", func(ctx SpecContext) {
		begun := SafeRelease(ctx, admin, "ilp-1.5.0-begun", "1.5.0")
		far := reachedFrom(ctx, "ilp-3.0.0-far", "3.0.0", ">=2.0.0")
		after := reachedFrom(ctx, "ilp-1.6.0-after", "1.6.0", ">=1.5.0 <1.6.0")
		begunImage := "localhost/ilp/gnuhealth:1.5.0"
		d := NewDistrict(admin).Apply(ctx, oneAtATime)
		d.AddPuskesmas(ctx, "aman")
		d.AddPuskesmas(ctx, "darit", Pilot)
		d.ExpectReady(ctx)
		workloads.LetImage(ctx, d, "Deployment", "darit", begunImage, Hangs)
		d.Edit(ctx, to(begun))
		Eventually(func() string { return d.ImageOf(ctx, "darit-rme") }).Should(Equal(begunImage))

		d.Edit(ctx, to(far))
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonUpgradePath, "spec.release: "+far, "Everything stays on "+begun)
		before := programs(ctx, d)
		Consistently(func() map[string]string { return programs(ctx, d) }, AWhile).Should(Equal(before))

		By("nobody else going while it is asked for")
		workloads.LetImage(ctx, d, "Deployment", "darit", begunImage, Succeeds)
		d.ExpectReady(ctx, "darit", "aman")
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonUpgradePath)
		Consistently(func() []string { return d.GivenTo(ctx, begun, "aman", "darit") }, AWhile).Should(ConsistOf("darit"))
		Expect(d.Get(ctx).Status.Admitted).To(BeEmpty())

		By("going on where the release that is asked for can be reached from there")
		workloads.LetImage(ctx, d, "Deployment", "aman", begunImage, Hangs)
		d.Edit(ctx, to(after))
		d.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading, begun+" is not reached yet", "The way to "+begun+" goes on")
		Eventually(func() string { return d.ImageOf(ctx, "aman-rme") }).Should(Equal(begunImage))
		workloads.LetImage(ctx, d, "Deployment", "aman", begunImage, Succeeds)
		d.ExpectReady(ctx)
		Expect(d.ImageOf(ctx, "aman-rme")).To(Equal("localhost/ilp/gnuhealth:1.6.0"))
		Expect(d.Get(ctx).Status.Release.Current).To(Equal(after))
	})
})

var _ = Describe("A district that a wave has let go", func() {
	// midway is a district on its way to another release in a wave of its own.
	midway := func(ctx SpecContext) (*District, *v1alpha1.Wave) {
		GinkgoHelper()
		d := NewDistrict(admin)
		wave := NewWave(ctx, admin, d)
		d.Apply(ctx, InWave(wave), oneAtATime)
		d.AddPuskesmas(ctx, "aman")
		d.AddPuskesmas(ctx, "darit", Pilot)
		d.ExpectReady(ctx)
		workloads.Let(ctx, d, "Job", "darit", Hangs)
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.Release = OtherRelease })
		d.Expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		Expect(d.Get(ctx).Spec.Release).To(BeEmpty())
		Expect(d.Record(ctx, record.District)).To(And(HaveField("Target", OtherRelease), HaveField("Running", DefaultRelease)))
		return d, wave
	}
	ends := func(ctx SpecContext, d *District) {
		GinkgoHelper()
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		d.ExpectReady(ctx, "darit", "aman")
		Eventually(func() string { return d.Get(ctx).Status.Release.Current }).Should(Equal(OtherRelease))
		Expect(d.ImageOf(ctx, "aman-rme")).To(Equal(newImage))
	}

	It("goes on to the end when the wave is deleted", func(ctx SpecContext) {
		d, wave := midway(ctx)
		Expect(admin.Delete(ctx, wave)).To(Succeed())
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonWaveNotFound, wave.Name, "meanwhile")
		ends(ctx, d)
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonWaveNotFound)

		By("the wave coming again, which it is told of at once")
		wave.ResourceVersion, wave.UID = "", ""
		Expect(admin.Create(ctx, wave)).To(Succeed())
		d.ExpectReady(ctx)
	})

	It("goes on to the end when the wave is suspended", func(ctx SpecContext) {
		d, wave := midway(ctx)
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.State = v1alpha1.WaveStateSuspended })
		ExpectWave(ctx, admin, wave, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		ends(ctx, d)
		d.ExpectReady(ctx)
	})

	It("goes on to the end when it moves to another wave", func(ctx SpecContext) {
		d, _ := midway(ctx)
		other := NewWave(ctx, admin, d)
		d.Edit(ctx, InWave(other))
		Consistently(func() string { return d.Record(ctx, record.District).Target }, AWhile).Should(Equal(OtherRelease))
		ends(ctx, d)
	})
})

var _ = Describe("A district of an operator before 0.2.0", func() {
	// handOut writes a release into the spec as that operator did.
	handOut := func(ctx SpecContext, d *District, release string) {
		GinkgoHelper()
		patch := written(&v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: d.Name}})
		patch.Object["spec"] = map[string]any{"release": release}
		applyFile(ctx, patch, v1alpha1.ManagerWave)
	}
	// before brings it to where that operator left it: without records, with its
	// release in the spec.
	before := func(ctx SpecContext, d *District, release string) {
		GinkgoHelper()
		theOperator.Stop()
		d.LoseRecords(ctx, asOperator)
		handOut(ctx, d, release)
		theOperator.Start()
	}

	It("is recorded as it is, and its spec is people's again, as often as the operators change", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, oneAtATime)
		d.AddPuskesmas(ctx, "aman")
		d.AddPuskesmas(ctx, "darit", Pilot)
		d.ExpectReady(ctx)
		runs := programs(ctx, d)
		for range 2 {
			before(ctx, d, DefaultRelease)
			Eventually(func() v1alpha1.ObjectName { return d.Get(ctx).Spec.Release }).Should(BeEmpty())
			Expect(d.Record(ctx, record.District)).To(And(HaveField("Target", DefaultRelease), HaveField("Running", DefaultRelease)))
			d.ExpectReady(ctx)
			Expect(programs(ctx, d)).To(Equal(runs))
		}

		By("midway, with one on its way and one that waits")
		workloads.Let(ctx, d, "Job", "darit", Hangs)
		give(ctx, d, OtherRelease)
		d.Expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		runs = programs(ctx, d)
		before(ctx, d, OtherRelease)
		Eventually(func() v1alpha1.ObjectName { return d.Get(ctx).Spec.Release }).Should(BeEmpty())
		Expect(d.Record(ctx, record.District)).To(And(
			HaveField("Target", OtherRelease), HaveField("Running", DefaultRelease), HaveField("Dashboard", DefaultRelease)))
		d.Expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		Expect(d.GivenTo(ctx, OtherRelease, "aman", "darit")).To(ConsistOf("darit"))
		Expect(programs(ctx, d)).To(Equal(runs))
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		d.ExpectReady(ctx)
		Expect(d.ImageOf(ctx, "aman-rme")).To(Equal(newImage))
	})

	It("is believed where it has worked since, and the record tells of the time before", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, to(OtherRelease))
		d.AddPuskesmas(ctx, "darit")
		d.ExpectReady(ctx)
		d.Edit(ctx, to(""))
		d.ExpectReady(ctx, "darit")
		runs := programs(ctx, d)

		theOperator.Stop()
		district, darit := d.Record(ctx, record.District), d.RecordOf(ctx, "darit")
		district.Target, district.Running, darit.Target, darit.Schema = DefaultRelease, DefaultRelease, DefaultRelease, []string{DefaultRelease}
		d.WriteRecords(ctx, asOperator, map[string]*record.Record{record.District: district, d.WriterOf(ctx, "darit"): darit})
		handOut(ctx, d, OtherRelease)
		patch := written(&v1alpha1.Puskesmas{ObjectMeta: metav1.ObjectMeta{Name: "darit", Namespace: d.Namespace}})
		patch.Object["spec"] = map[string]any{"release": OtherRelease}
		applyFile(ctx, patch, v1alpha1.ManagerDistrict)
		theOperator.Start()

		Eventually(func() v1alpha1.ObjectName { return d.Get(ctx).Spec.Release }).Should(BeEmpty())
		Eventually(func() v1alpha1.ObjectName { return d.Puskesmas(ctx, "darit").Spec.Release }).Should(BeEmpty())
		Eventually(func() *record.Record { return d.Record(ctx, record.District) }).Should(HaveField("Target", OtherRelease))
		Eventually(func() *record.Record { return d.RecordOf(ctx, "darit") }).Should(And(
			HaveField("Target", OtherRelease), HaveField("Schema", []string{OtherRelease})))
		d.ExpectReady(ctx)
		Expect(programs(ctx, d)).To(Equal(runs))
	})

	It("keeps a pin that somebody else holds too", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, to(OtherRelease))
		d.ExpectReady(ctx)
		before(ctx, d, OtherRelease)
		Eventually(func() *record.Record { return d.Record(ctx, record.District) }).Should(HaveField("Running", OtherRelease))
		d.ExpectReady(ctx)
		Expect(d.Get(ctx).Spec.Release).To(BeEquivalentTo(OtherRelease))
	})
})
