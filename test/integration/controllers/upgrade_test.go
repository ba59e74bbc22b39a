package controllers_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
)

const (
	oldImage = "localhost/ilp/gnuhealth:1.0.0"
	newImage = "localhost/ilp/gnuhealth:1.1.0"
)

// to asks a District for another release.
func to(release string) func(*v1alpha1.District) {
	return func(d *v1alpha1.District) { d.Spec.Release = v1alpha1.ObjectName(release) }
}

func priority(n int32) func(*v1alpha1.Puskesmas) {
	return func(p *v1alpha1.Puskesmas) { p.Spec.ILP.Priority = &n }
}

var _ = Describe("An upgrade", func() {
	It("goes from the database to pilots, to the others by priority, to the dashboard", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, func(d *v1alpha1.District) {
			d.Spec.Upgrade.MaxConcurrent = ptr.To(intstr.FromInt32(1))
		})
		everybody := []string{"akcaya", "baning", "cempaka", "darit"}
		d.AddPuskesmas(ctx, "akcaya")
		d.AddPuskesmas(ctx, "baning", priority(5))
		d.AddPuskesmas(ctx, "cempaka", priority(1))
		d.AddPuskesmas(ctx, "darit", Pilot)
		d.ExpectReady(ctx)
		old := d.ImageOf(ctx, "dashboard")

		By("the pilot alone, whose RME stays while the schema moves")
		workloads.Let(ctx, d, "Job", "darit", Hangs)
		d.Edit(ctx, to(OtherRelease))
		d.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading,
			"from "+DefaultRelease+" to "+OtherRelease, "backup: not configured", "step 3 of 4, Puskesmas", "waiting for darit")
		d.Expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Job darit-schema")
		Expect(d.GivenTo(ctx, OtherRelease, everybody...)).To(ConsistOf("darit"))
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(oldImage))
		Expect(d.Puskesmas(ctx, "darit").Status.Release).To(Equal(v1alpha1.PuskesmasReleaseStatus{Current: DefaultRelease, Target: OtherRelease, Schema: OtherRelease}))

		By("putting back what is deleted by hand meanwhile")
		Expect(admin.Delete(ctx, d.Find(ctx, DeploymentKind, "darit-rme"), Background)).To(Succeed())
		Eventually(func() any { return d.Object(ctx, DeploymentKind, "darit-rme") }).ShouldNot(BeNil())
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(oldImage))

		By("the next by priority")
		workloads.Let(ctx, d, "Deployment", "cempaka", Hangs)
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		d.ExpectReady(ctx, "darit")
		d.Expect(ctx, "cempaka", v1alpha1.ConditionRMEReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		Expect(d.GivenTo(ctx, OtherRelease, everybody...)).To(ConsistOf("darit", "cempaka"))
		Expect(d.ImageOf(ctx, "dashboard")).To(Equal(old))

		By("the dashboard at the end")
		workloads.Let(ctx, d, "Deployment", "dashboard", Hangs)
		workloads.Let(ctx, d, "Deployment", "cempaka", Succeeds)
		d.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading, "step 4 of 4, dashboard")
		d.ExpectReady(ctx, everybody...)
		Expect(d.ImageOf(ctx, "dashboard")).To(Equal("localhost/ilp/superset:1.1.0"))
		Expect(d.Get(ctx).Status.Release.Current).To(Equal(DefaultRelease), "not before the dashboard serves")
		workloads.Let(ctx, d, "Deployment", "dashboard", Succeeds)
		d.ExpectReady(ctx)
		Expect(d.Get(ctx).Status.Release.Current).To(Equal(OtherRelease))

		By("rolling each RME once")
		for _, name := range everybody {
			Expect(d.Find(ctx, DeploymentKind, name+"-rme").GetGeneration()).To(BeEquivalentTo(2), name)
		}
	})

	It("puts an RME back that fails, begins no other, and tries again when asked", func(ctx SpecContext) {
		release := SafeRelease(ctx, admin, "ilp-1.2.0", "1.2.0")
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "aman")
		d.AddPuskesmas(ctx, "darit", Pilot)
		d.ExpectReady(ctx)
		workloads.LetImage(ctx, d, "Deployment", "darit", "localhost/ilp/gnuhealth:1.2.0", Fails)
		d.Edit(ctx, to(release))
		d.Expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed,
			"the RME of release ilp-1.2.0 failed and is put back to "+DefaultRelease, "Deployment darit-rme", v1alpha1.AnnotationRetryRequestedAt)
		d.Expect(ctx, "darit", v1alpha1.ConditionRMEReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "release "+DefaultRelease)
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(oldImage))
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed,
			"the way from "+DefaultRelease+" to ilp-1.2.0 is held", "Puskesmas darit")
		Expect(d.GivenTo(ctx, release, "aman", "darit")).To(ConsistOf("darit"))

		By("staying so after a restart")
		theOperator.Restart()
		Consistently(func() string { return d.ImageOf(ctx, "darit-rme") }, AWhile).Should(Equal(oldImage))

		By("going on when the cause is gone and a person asks")
		workloads.LetImage(ctx, d, "Deployment", "darit", "localhost/ilp/gnuhealth:1.2.0", Succeeds)
		d.Retry(ctx)
		d.ExpectReady(ctx)
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal("localhost/ilp/gnuhealth:1.2.0"))
		Expect(d.Puskesmas(ctx, "darit").Status.Release.RolledBack).To(BeZero())
	})

	It("can be taken back where the release says that this is safe", func(ctx SpecContext) {
		release := SafeRelease(ctx, admin, "ilp-1.3.0", "1.3.0")
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "aman")
		d.AddPuskesmas(ctx, "darit", Pilot)
		d.ExpectReady(ctx)
		workloads.LetImage(ctx, d, "Deployment", "aman", "localhost/ilp/gnuhealth:1.3.0", Fails)
		d.Edit(ctx, to(release))
		d.Expect(ctx, "aman", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		d.Edit(ctx, to(DefaultRelease))
		d.ExpectReady(ctx)
		for _, name := range []string{"aman", "darit"} {
			Expect(d.ImageOf(ctx, name+"-rme")).To(Equal(oldImage))
			Expect(d.Puskesmas(ctx, name).Status.Release).To(Equal(v1alpha1.PuskesmasReleaseStatus{Current: DefaultRelease, Target: DefaultRelease, Schema: release}))
			d.Expect(ctx, name, v1alpha1.ConditionSchemaReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "stays that of release "+release)
		}
	})

	It("leaves an RME where it is if no earlier one runs on its schema", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "darit")
		d.ExpectReady(ctx)
		workloads.LetImage(ctx, d, "Deployment", "darit", newImage, Fails)
		d.Edit(ctx, to(OtherRelease))
		d.Expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed, "Deployment darit-rme")
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(newImage))

		By("refusing the way back, which the schema would not survive")
		d.Edit(ctx, to(DefaultRelease))
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed,
			"Puskesmas darit: ApplicationFailed", "Besides, spec.release: ", "schemaRollback", "restore a backup", "Everything stays on "+OtherRelease)
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(newImage))

		By("recovering by itself when the software does")
		d.Edit(ctx, to(OtherRelease))
		workloads.LetImage(ctx, d, "Deployment", "darit", newImage, Succeeds)
		d.ExpectReady(ctx)
	})

	It("keeps the RME serving when the schema cannot be brought about", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "darit")
		d.ExpectReady(ctx)
		workloads.Let(ctx, d, "Job", "darit", Fails)
		d.Edit(ctx, to(OtherRelease))
		d.Expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed,
			"Job darit-schema", "failed after 5 attempts", "the RME of release "+DefaultRelease+" stays as it is")
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(oldImage))
		workloads.Let(ctx, d, "Job", "darit", Succeeds)
		d.Retry(ctx)
		d.ExpectReady(ctx)
		Expect(d.ImageOf(ctx, "darit-rme")).To(Equal(newImage))
	})

	DescribeTable("that cannot be made changes nothing, and keeps what runs",
		func(ctx SpecContext, version string, change func(*v1alpha1.StackReleaseSpec), reason, message string) {
			release := NewRelease("ilp-"+version, version)
			change(&release.Spec)
			Expect(admin.Create(ctx, release)).To(Succeed())
			d := NewDistrict(admin).Apply(ctx, to(DefaultRelease))
			d.AddPuskesmas(ctx, "darit")
			d.ExpectReady(ctx)
			d.Edit(ctx, to(release.Name))
			d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, reason, message, "Everything stays on "+DefaultRelease)
			Expect(d.GivenTo(ctx, release.Name, "darit")).To(BeEmpty())
			Expect(admin.Delete(ctx, d.Find(ctx, DeploymentKind, "dashboard"), Background)).To(Succeed())
			Eventually(func() any { return d.Object(ctx, DeploymentKind, "dashboard") }).ShouldNot(BeNil())
			Expect(d.ImageOf(ctx, "dashboard")).To(Equal("localhost/ilp/superset:1.0.0"))
			d.Edit(ctx, to(DefaultRelease))
			d.ExpectReady(ctx)
		},
		Entry("for another major version of PostgreSQL", "3.0.0", func(s *v1alpha1.StackReleaseSpec) { s.Database.Image = "localhost/ilp/postgresql:16-bookworm" },
			v1alpha1.ReasonUpgradePath, "a major version never changes by itself"),
		Entry("for a release in between that is missing", "3.1.0", func(s *v1alpha1.StackReleaseSpec) { s.UpgradeFrom = ">=3.0.0 <3.1.0" },
			v1alpha1.ReasonUpgradePath, "name a release in between first"),
		Entry("for an earlier release", "0.9.0", func(*v1alpha1.StackReleaseSpec) {}, v1alpha1.ReasonDowngrade, "name a later release"),
	)

	It("waits until every server runs the new minor version of PostgreSQL", func(ctx SpecContext) {
		release := NewRelease("ilp-1.5.0", "1.5.0")
		release.Spec.Database.Image = "localhost/ilp/postgresql:15.99"
		Expect(admin.Create(ctx, release)).To(Succeed())
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "darit")
		d.ExpectReady(ctx)
		old := d.AddServer(ctx, "localhost/ilp/postgresql:15-bookworm")
		d.Edit(ctx, to(release.Name))
		d.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading,
			"step 2 of 4, database", "waiting for PostgreSQL to run image localhost/ilp/postgresql:15.99")
		Expect(d.GivenTo(ctx, release.Name, "darit")).To(BeEmpty())
		Expect(admin.Delete(ctx, old, client.GracePeriodSeconds(0))).To(Succeed())
		d.AddServer(ctx, "localhost/ilp/postgresql:15.99")
		d.ExpectReadyWithin(ctx, 40*time.Second)
		Expect(d.Get(ctx).Status.Release).To(Equal(v1alpha1.DistrictReleaseStatus{
			Current: release.Name, Target: release.Name, Database: release.Name, Dashboard: release.Name,
		}))
	})

	It("passes over who sleeps or is pinned", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, func(d *v1alpha1.District) { d.Spec.Upgrade.MaxConcurrent = ptr.To(intstr.FromString("100%")) })
		for _, name := range []string{"aman", "baning", "cempaka"} {
			d.AddPuskesmas(ctx, name)
		}
		d.ExpectReady(ctx)
		pinned := d.NewPuskesmas("darit")
		pinned.SetGroupVersionKind(PuskesmasKind)
		pinned.Spec.Release = DefaultRelease
		applyAs(ctx, "flux", pinned)
		d.EditPuskesmas(ctx, "baning", func(p *v1alpha1.Puskesmas) { p.Spec.State = v1alpha1.StateHibernated })
		d.ExpectReady(ctx, "baning", "darit")
		d.Edit(ctx, to(OtherRelease))
		d.ExpectReady(ctx)
		Expect(d.GivenTo(ctx, OtherRelease, "aman", "baning", "cempaka", "darit")).To(ConsistOf("aman", "cempaka"))
		Expect(d.Get(ctx).Status.Admitted).To(BeEmpty())
		Expect(d.Get(ctx).Status.Puskesmas.Pinned).To(HaveValue(BeEquivalentTo(1)))

		By("waking up to the release")
		d.EditPuskesmas(ctx, "baning", func(p *v1alpha1.Puskesmas) { p.Spec.State = v1alpha1.StateActive })
		Eventually(func() string { return d.ImageOf(ctx, "baning-rme") }).Should(Equal(newImage))
		d.ExpectReady(ctx)
	})
})
