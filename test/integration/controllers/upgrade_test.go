package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

const (
	oldImage = "localhost/ilp/gnuhealth:1.0.0"
	newImage = "localhost/ilp/gnuhealth:1.1.0"
)

// safeRelease creates a release that follows the default one, and whose schema
// the default one's software can run on.
func safeRelease(ctx context.Context, name, version string) string {
	GinkgoHelper()
	release := newRelease(name, version)
	release.Spec.UpgradeFrom = ">=1.0.0 <" + version
	release.Spec.SchemaRollback = v1alpha1.SchemaRollbackSafe
	Expect(admin.Create(ctx, release)).To(Succeed())
	return name
}

// to asks a District for another release.
func to(release string) func(*v1alpha1.District) {
	return func(d *v1alpha1.District) { d.Spec.Release = v1alpha1.ObjectName(release) }
}

func pilot(p *v1alpha1.Puskesmas) { p.Spec.ILP.Stage = "Pilot" }

func priority(n int32) func(*v1alpha1.Puskesmas) {
	return func(p *v1alpha1.Puskesmas) { p.Spec.ILP.Priority = &n }
}

// retry asks for another try as kubectl annotate does.
func (d *district) retry(ctx context.Context) {
	GinkgoHelper()
	d.edit(ctx, func(r *v1alpha1.District) {
		metav1.SetMetaDataAnnotation(&r.ObjectMeta, v1alpha1.AnnotationRetryRequestedAt, time.Now().Format(time.RFC3339Nano))
	})
}

// givenTo lists the Puskesmas that are brought to a release.
func (d *district) givenTo(ctx context.Context, release string, names ...string) []string {
	GinkgoHelper()
	var given []string
	for _, name := range names {
		if d.puskesmas(ctx, name).Status.Release.Target == release {
			given = append(given, name)
		}
	}
	return given
}

var _ = Describe("An upgrade", func() {
	It("goes from the database to pilots, to the others by priority, to the dashboard", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, func(d *v1alpha1.District) {
			d.Spec.Upgrade.MaxConcurrent = ptr.To(intstr.FromInt32(1))
		})
		everybody := []string{"akcaya", "baning", "cempaka", "darit"}
		d.addPuskesmas(ctx, "akcaya")
		d.addPuskesmas(ctx, "baning", priority(5))
		d.addPuskesmas(ctx, "cempaka", priority(1))
		d.addPuskesmas(ctx, "darit", pilot)
		d.expectReady(ctx)
		old := d.imageOf(ctx, "dashboard")

		By("the pilot alone, whose RME stays while the schema moves")
		workloads.let(ctx, d, "Job", "darit", hangs)
		d.edit(ctx, to(otherRelease))
		d.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading,
			"from "+defaultRelease+" to "+otherRelease, "backup: not configured", "step 3 of 4, Puskesmas", "waiting for darit")
		d.expect(ctx, "darit", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "Job darit-schema")
		Expect(d.givenTo(ctx, otherRelease, everybody...)).To(ConsistOf("darit"))
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(oldImage))
		Expect(d.puskesmas(ctx, "darit").Status.Release).To(Equal(v1alpha1.PuskesmasReleaseStatus{Current: defaultRelease, Target: otherRelease, Schema: otherRelease}))

		By("putting back what is deleted by hand meanwhile")
		Expect(admin.Delete(ctx, d.find(ctx, deploymentKind, "darit-rme"), background)).To(Succeed())
		Eventually(func() any { return d.object(ctx, deploymentKind, "darit-rme") }).ShouldNot(BeNil())
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(oldImage))

		By("the next by priority")
		workloads.let(ctx, d, "Deployment", "cempaka", hangs)
		workloads.let(ctx, d, "Job", "darit", succeeds)
		d.expectReady(ctx, "darit")
		d.expect(ctx, "cempaka", v1alpha1.ConditionRMEReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		Expect(d.givenTo(ctx, otherRelease, everybody...)).To(ConsistOf("darit", "cempaka"))
		Expect(d.imageOf(ctx, "dashboard")).To(Equal(old))

		By("the dashboard at the end")
		workloads.let(ctx, d, "Deployment", "dashboard", hangs)
		workloads.let(ctx, d, "Deployment", "cempaka", succeeds)
		d.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading, "step 4 of 4, dashboard")
		d.expectReady(ctx, everybody...)
		Expect(d.imageOf(ctx, "dashboard")).To(Equal("localhost/ilp/superset:1.1.0"))
		Expect(d.get(ctx).Status.Release.Current).To(Equal(defaultRelease), "not before the dashboard serves")
		workloads.let(ctx, d, "Deployment", "dashboard", succeeds)
		d.expectReady(ctx)
		Expect(d.get(ctx).Status.Release.Current).To(Equal(otherRelease))

		By("rolling each RME once")
		for _, name := range everybody {
			Expect(d.find(ctx, deploymentKind, name+"-rme").GetGeneration()).To(BeEquivalentTo(2), name)
		}
	})

	It("puts an RME back that fails, begins no other, and tries again when asked", func(ctx SpecContext) {
		release := safeRelease(ctx, "ilp-1.2.0", "1.2.0")
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "aman")
		d.addPuskesmas(ctx, "darit", pilot)
		d.expectReady(ctx)
		workloads.letImage(ctx, d, "Deployment", "darit", "localhost/ilp/gnuhealth:1.2.0", fails)
		d.edit(ctx, to(release))
		d.expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed,
			"the RME of release ilp-1.2.0 failed and is put back to "+defaultRelease, "Deployment darit-rme", v1alpha1.AnnotationRetryRequestedAt)
		d.expect(ctx, "darit", v1alpha1.ConditionRMEReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "release "+defaultRelease)
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(oldImage))
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed,
			"the way from "+defaultRelease+" to ilp-1.2.0 is held", "Puskesmas darit")
		Expect(d.givenTo(ctx, release, "aman", "darit")).To(ConsistOf("darit"))

		By("staying so after a restart")
		theOperator.restart()
		Consistently(func() string { return d.imageOf(ctx, "darit-rme") }, aWhile).Should(Equal(oldImage))

		By("going on when the cause is gone and a person asks")
		workloads.letImage(ctx, d, "Deployment", "darit", "localhost/ilp/gnuhealth:1.2.0", succeeds)
		d.retry(ctx)
		d.expectReady(ctx)
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal("localhost/ilp/gnuhealth:1.2.0"))
		Expect(d.puskesmas(ctx, "darit").Status.Release.RolledBack).To(BeZero())
	})

	It("can be taken back where the release says that this is safe", func(ctx SpecContext) {
		release := safeRelease(ctx, "ilp-1.3.0", "1.3.0")
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "aman")
		d.addPuskesmas(ctx, "darit", pilot)
		d.expectReady(ctx)
		workloads.letImage(ctx, d, "Deployment", "aman", "localhost/ilp/gnuhealth:1.3.0", fails)
		d.edit(ctx, to(release))
		d.expect(ctx, "aman", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed)
		d.edit(ctx, to(defaultRelease))
		d.expectReady(ctx)
		for _, name := range []string{"aman", "darit"} {
			Expect(d.imageOf(ctx, name+"-rme")).To(Equal(oldImage))
			Expect(d.puskesmas(ctx, name).Status.Release).To(Equal(v1alpha1.PuskesmasReleaseStatus{Current: defaultRelease, Target: defaultRelease, Schema: release}))
			d.expect(ctx, name, v1alpha1.ConditionSchemaReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "stays that of release "+release)
		}
	})

	It("leaves an RME where it is if no earlier one runs on its schema", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "darit")
		d.expectReady(ctx)
		workloads.letImage(ctx, d, "Deployment", "darit", newImage, fails)
		d.edit(ctx, to(otherRelease))
		d.expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed, "Deployment darit-rme")
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(newImage))

		By("refusing the way back, which the schema would not survive")
		d.edit(ctx, to(defaultRelease))
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed,
			"Puskesmas darit: ApplicationFailed", "Besides, spec.release: ", "schemaRollback", "restore a backup", "Everything stays on "+otherRelease)
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(newImage))

		By("recovering by itself when the software does")
		d.edit(ctx, to(otherRelease))
		workloads.letImage(ctx, d, "Deployment", "darit", newImage, succeeds)
		d.expectReady(ctx)
	})

	It("keeps the RME serving when the schema cannot be brought about", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "darit")
		d.expectReady(ctx)
		workloads.let(ctx, d, "Job", "darit", fails)
		d.edit(ctx, to(otherRelease))
		d.expect(ctx, "darit", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonApplicationFailed,
			"Job darit-schema", "failed after 5 attempts", "the RME of release "+defaultRelease+" stays as it is")
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(oldImage))
		workloads.let(ctx, d, "Job", "darit", succeeds)
		d.retry(ctx)
		d.expectReady(ctx)
		Expect(d.imageOf(ctx, "darit-rme")).To(Equal(newImage))
	})

	DescribeTable("that cannot be made changes nothing, and keeps what runs",
		func(ctx SpecContext, version string, change func(*v1alpha1.StackReleaseSpec), reason, message string) {
			release := newRelease("ilp-"+version, version)
			change(&release.Spec)
			Expect(admin.Create(ctx, release)).To(Succeed())
			d := newDistrict(admin).apply(ctx, to(defaultRelease))
			d.addPuskesmas(ctx, "darit")
			d.expectReady(ctx)
			d.edit(ctx, to(release.Name))
			d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, reason, message, "Everything stays on "+defaultRelease)
			Expect(d.givenTo(ctx, release.Name, "darit")).To(BeEmpty())
			Expect(admin.Delete(ctx, d.find(ctx, deploymentKind, "dashboard"), background)).To(Succeed())
			Eventually(func() any { return d.object(ctx, deploymentKind, "dashboard") }).ShouldNot(BeNil())
			Expect(d.imageOf(ctx, "dashboard")).To(Equal("localhost/ilp/superset:1.0.0"))
			d.edit(ctx, to(defaultRelease))
			d.expectReady(ctx)
		},
		Entry("for another major version of PostgreSQL", "3.0.0", func(s *v1alpha1.StackReleaseSpec) { s.Database.Image = "localhost/ilp/postgresql:16-bookworm" },
			v1alpha1.ReasonUpgradePath, "a major version never changes by itself"),
		Entry("for a release in between that is missing", "3.1.0", func(s *v1alpha1.StackReleaseSpec) { s.UpgradeFrom = ">=3.0.0 <3.1.0" },
			v1alpha1.ReasonUpgradePath, "name a release in between first"),
		Entry("for an earlier release", "0.9.0", func(*v1alpha1.StackReleaseSpec) {}, v1alpha1.ReasonDowngrade, "name a later release"),
	)

	It("waits until every server runs the new minor version of PostgreSQL", func(ctx SpecContext) {
		release := newRelease("ilp-1.5.0", "1.5.0")
		release.Spec.Database.Image = "localhost/ilp/postgresql:15.99"
		Expect(admin.Create(ctx, release)).To(Succeed())
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "darit")
		d.expectReady(ctx)
		old := d.addServer(ctx, "localhost/ilp/postgresql:15-bookworm")
		d.edit(ctx, to(release.Name))
		d.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpgrading,
			"step 2 of 4, database", "waiting for PostgreSQL to run image localhost/ilp/postgresql:15.99")
		Expect(d.givenTo(ctx, release.Name, "darit")).To(BeEmpty())
		Expect(admin.Delete(ctx, old, client.GracePeriodSeconds(0))).To(Succeed())
		d.addServer(ctx, "localhost/ilp/postgresql:15.99")
		d.expectReadyWithin(ctx, 40*time.Second)
		Expect(d.get(ctx).Status.Release).To(Equal(v1alpha1.DistrictReleaseStatus{
			Current: release.Name, Target: release.Name, Database: release.Name, Dashboard: release.Name,
		}))
	})

	It("passes over who sleeps or is pinned", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, func(d *v1alpha1.District) { d.Spec.Upgrade.MaxConcurrent = ptr.To(intstr.FromString("100%")) })
		for _, name := range []string{"aman", "baning", "cempaka"} {
			d.addPuskesmas(ctx, name)
		}
		d.expectReady(ctx)
		pinned := d.newPuskesmas("darit")
		pinned.SetGroupVersionKind(puskesmasKind)
		pinned.Spec.Release = defaultRelease
		applyAs(ctx, "flux", pinned)
		d.editPuskesmas(ctx, "baning", func(p *v1alpha1.Puskesmas) { p.Spec.State = v1alpha1.StateHibernated })
		d.expectReady(ctx, "baning", "darit")
		d.edit(ctx, to(otherRelease))
		d.expectReady(ctx)
		Expect(d.givenTo(ctx, otherRelease, "aman", "baning", "cempaka", "darit")).To(ConsistOf("aman", "cempaka"))
		Expect(d.get(ctx).Status.Admitted).To(BeEmpty())
		Expect(d.get(ctx).Status.Puskesmas.Pinned).To(HaveValue(BeEquivalentTo(1)))

		By("waking up to the release")
		d.editPuskesmas(ctx, "baning", func(p *v1alpha1.Puskesmas) { p.Spec.State = v1alpha1.StateActive })
		Eventually(func() string { return d.imageOf(ctx, "baning-rme") }).Should(Equal(newImage))
		d.expectReady(ctx)
	})
})

// addServer creates the pod of a PostgreSQL server that is ready, as
// CloudNativePG would.
func (d *district) addServer(ctx context.Context, image string) *corev1.Pod {
	GinkgoHelper()
	return d.addPod(ctx, "database-1", image, map[string]string{"cnpg.io/cluster": "database", "cnpg.io/podRole": "instance"})
}

// addPod creates a pod that is ready, as a controller of Kubernetes would.
func (d *district) addPod(ctx context.Context, name, image string, labels map[string]string) *corev1.Pod {
	GinkgoHelper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: d.namespace, Labels: labels},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: ptr.To(false),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](26),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "postgres", Image: image,
				Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("128Mi")}},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
	Expect(admin.Create(ctx, pod)).To(Succeed())
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	Expect(admin.Status().Update(ctx, pod)).To(Succeed())
	return pod
}
