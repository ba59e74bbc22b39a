package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
)

var _ = Describe("A District with two Puskesmas", func() {
	It("comes up from one apply, each part when the one before it works", func(ctx SpecContext) {
		d := NewDistrict(admin)
		workloads.Let(ctx, d, "Cluster", "", Hangs)
		workloads.Let(ctx, d, "Database", "tebidah", Hangs)
		workloads.Let(ctx, d, "Job", "tebidah", Hangs)
		workloads.Let(ctx, d, "Deployment", "tebidah", Hangs)
		d.Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.AddPuskesmas(ctx, "sungai-durian")

		By("PostgreSQL before any database")
		d.Expect(ctx, "", v1alpha1.ConditionIsolationReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		d.Expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Cluster database", "not yet seen by CloudNativePG")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAwaitingRelease)
		d.NeverMakes(ctx, DatabaseKind, "")
		workloads.Let(ctx, d, "Cluster", "", Succeeds)

		By("the database before the schema")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Database tebidah-database")
		d.NeverMakes(ctx, JobKind, "tebidah")
		d.ExpectReady(ctx, "sungai-durian")
		workloads.Let(ctx, d, "Database", "tebidah", Succeeds)

		By("the schema before the RME")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Job tebidah-schema", "running")
		d.NeverMakes(ctx, DeploymentKind, "tebidah")
		workloads.Let(ctx, d, "Job", "tebidah", Succeeds)

		By("the RME before Ready")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionRMEReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Deployment tebidah-rme")
		d.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "1/2 Puskesmas are ready", "waiting for tebidah (Progressing)")
		workloads.Let(ctx, d, "Deployment", "tebidah", Succeeds)
		d.ExpectReady(ctx)
		Expect(d.Get(ctx).Status.Puskesmas.Summary).To(Equal("2/2"))
	})

	It("does not hold its Puskesmas back when the dashboard fails", func(ctx SpecContext) {
		d := NewDistrict(admin)
		workloads.Let(ctx, d, "Job", "pws-load", Fails)
		workloads.Let(ctx, d, "Deployment", "dashboard", Fails)
		d.Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx, "tebidah")
		d.Expect(ctx, "", v1alpha1.ConditionDashboardReady, metav1.ConditionFalse, v1alpha1.ReasonApplicationFailed,
			"Job pws-load", "failed after 5 attempts", "Deployment dashboard")
		d.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonApplicationFailed)

		By("mending it")
		workloads.Let(ctx, d, "Job", "pws-load", Succeeds)
		workloads.Let(ctx, d, "Deployment", "dashboard", Succeeds)
		for _, job := range d.Objects(ctx, JobKind) {
			if ConditionOf(&job, "Failed") == "True" {
				Expect(admin.Delete(ctx, &job, Background)).To(Succeed())
			}
		}
		d.ExpectReady(ctx)
	})

	It("takes the default release, all but one that Git pins, and writes nobody's spec", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		pinned := d.NewPuskesmas("sungai-durian")
		pinned.SetGroupVersionKind(PuskesmasKind)
		pinned.Spec.Release = OtherRelease
		applyAs(ctx, "flux", pinned)
		d.ExpectReady(ctx)

		status := d.Get(ctx).Status
		Expect(status.Release).To(Equal(v1alpha1.DistrictReleaseStatus{Current: DefaultRelease, Target: DefaultRelease, Database: DefaultRelease, Dashboard: DefaultRelease}))
		Expect(status.Puskesmas.Pinned).To(HaveValue(BeEquivalentTo(1)))
		Expect(d.Puskesmas(ctx, "sungai-durian").Spec.Release).To(BeEquivalentTo(OtherRelease))
		Expect(d.ImageOf(ctx, "sungai-durian-rme")).To(Equal("localhost/ilp/gnuhealth:1.1.0"))

		Expect(d.Puskesmas(ctx, "tebidah").Spec.Release).To(BeEmpty())
		Expect(d.Get(ctx).Spec.Release).To(BeEmpty())

		By("another release of the District reaching all but the pinned one")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Release = OtherRelease })
		d.ExpectReady(ctx, "tebidah")
		Eventually(func() string { return d.ImageOf(ctx, "tebidah-rme") }).Should(Equal("localhost/ilp/gnuhealth:1.1.0"))
		d.ExpectReady(ctx)
		Expect(d.Puskesmas(ctx, "tebidah").Status.Release.Current).To(Equal(OtherRelease))
	})
})

// applyAs applies a resource as a tool such as Flux does.
func applyAs(ctx context.Context, manager string, p *v1alpha1.Puskesmas) {
	GinkgoHelper()
	Expect(admin.Patch(ctx, p, client.Apply, client.FieldOwner(manager))).To(Succeed()) //nolint:staticcheck // typed resources have no apply configuration
}
