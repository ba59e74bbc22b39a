package controllers_test

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// aWhile is how long specs look that something does not happen.
const aWhile = 700 * time.Millisecond

var _ = Describe("A District with two Puskesmas", func() {
	It("comes up from one apply, each part when the one before it works", func(ctx SpecContext) {
		d := newDistrict(admin)
		workloads.let(ctx, d, "Cluster", "", hangs)
		workloads.let(ctx, d, "Database", "tebidah", hangs)
		workloads.let(ctx, d, "Job", "tebidah", hangs)
		workloads.let(ctx, d, "Deployment", "tebidah", hangs)
		d.apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.addPuskesmas(ctx, "sungai-durian")

		By("PostgreSQL before any database")
		d.expect(ctx, "", v1alpha1.ConditionIsolationReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		d.expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Cluster database", "not yet seen by CloudNativePG")
		d.expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAwaitingRelease)
		d.neverMakes(ctx, databaseKind, "")
		workloads.let(ctx, d, "Cluster", "", succeeds)

		By("the database before the schema")
		d.expect(ctx, "tebidah", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Database tebidah-database")
		d.neverMakes(ctx, jobKind, "tebidah")
		d.expectReady(ctx, "sungai-durian")
		workloads.let(ctx, d, "Database", "tebidah", succeeds)

		By("the schema before the RME")
		d.expect(ctx, "tebidah", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Job tebidah-schema", "running")
		d.neverMakes(ctx, deploymentKind, "tebidah")
		workloads.let(ctx, d, "Job", "tebidah", succeeds)

		By("the RME before Ready")
		d.expect(ctx, "tebidah", v1alpha1.ConditionRMEReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Deployment tebidah-rme")
		d.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "1/2 Puskesmas are ready", "waiting for tebidah (Progressing)")
		workloads.let(ctx, d, "Deployment", "tebidah", succeeds)
		d.expectReady(ctx)
		Expect(d.get(ctx).Status.Puskesmas.Summary).To(Equal("2/2"))
	})

	It("does not hold its Puskesmas back when the dashboard fails", func(ctx SpecContext) {
		d := newDistrict(admin)
		workloads.let(ctx, d, "Job", "pws-load", fails)
		workloads.let(ctx, d, "Deployment", "dashboard", fails)
		d.apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx, "tebidah")
		d.expect(ctx, "", v1alpha1.ConditionDashboardReady, metav1.ConditionFalse, v1alpha1.ReasonApplicationFailed,
			"Job pws-load", "failed after 5 attempts", "Deployment dashboard")
		d.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonApplicationFailed)

		By("mending it")
		workloads.let(ctx, d, "Job", "pws-load", succeeds)
		workloads.let(ctx, d, "Deployment", "dashboard", succeeds)
		for _, job := range d.objects(ctx, jobKind) {
			if conditionOf(&job, "Failed") == "True" {
				Expect(admin.Delete(ctx, &job, background)).To(Succeed())
			}
		}
		d.expectReady(ctx)
	})

	It("takes the default release, all but one that Git pins, and writes nobody's spec", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		pinned := d.newPuskesmas("sungai-durian")
		pinned.SetGroupVersionKind(puskesmasKind)
		pinned.Spec.Release = otherRelease
		applyAs(ctx, "flux", pinned)
		d.expectReady(ctx)

		status := d.get(ctx).Status
		Expect(status.Release).To(Equal(v1alpha1.DistrictReleaseStatus{Current: defaultRelease, Target: defaultRelease, Database: defaultRelease, Dashboard: defaultRelease}))
		Expect(status.Puskesmas.Pinned).To(HaveValue(BeEquivalentTo(1)))
		Expect(d.puskesmas(ctx, "sungai-durian").Spec.Release).To(BeEquivalentTo(otherRelease))
		Expect(d.imageOf(ctx, "sungai-durian-rme")).To(Equal("localhost/ilp/gnuhealth:1.1.0"))

		Expect(d.puskesmas(ctx, "tebidah").Spec.Release).To(BeEmpty())
		Expect(d.get(ctx).Spec.Release).To(BeEmpty())

		By("another release of the District reaching all but the pinned one")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Release = otherRelease })
		d.expectReady(ctx, "tebidah")
		Eventually(func() string { return d.imageOf(ctx, "tebidah-rme") }).Should(Equal("localhost/ilp/gnuhealth:1.1.0"))
		d.expectReady(ctx)
		Expect(d.puskesmas(ctx, "tebidah").Status.Release.Current).To(Equal(otherRelease))
	})
})

// neverMakes looks for a while that no object of a kind appears whose name starts so.
func (d *district) neverMakes(ctx context.Context, gvk schema.GroupVersionKind, prefix string) {
	GinkgoHelper()
	Consistently(func() []string {
		var names []string
		for _, object := range d.objects(ctx, gvk) {
			if strings.HasPrefix(object.GetName(), prefix) {
				names = append(names, object.GetName())
			}
		}
		return names
	}, aWhile).Should(BeEmpty())
}

// imageOf is the image that a Deployment runs.
func (d *district) imageOf(ctx context.Context, name string) string {
	GinkgoHelper()
	container := d.container(ctx, name)
	image, _ := container["image"].(string)
	return image
}

// applyAs applies a resource as a tool such as Flux does.
func applyAs(ctx context.Context, manager string, p *v1alpha1.Puskesmas) {
	GinkgoHelper()
	Expect(admin.Patch(ctx, p, client.Apply, client.FieldOwner(manager))).To(Succeed()) //nolint:staticcheck // typed resources have no apply configuration
}
