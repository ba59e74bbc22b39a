package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/test/testenv"
)

// These specs have an API server of their own, since they take it down.
var _ = Describe("A cluster", Ordered, func() {
	var (
		environment *testenv.Environment
		there       *operator
		simulated   *world
		statuses    *linter
		background  context.Context
		first       *district
	)
	BeforeAll(func(ctx SpecContext) {
		environment = testenv.Start(GinkgoT(), testenv.Restartable(GinkgoT().TempDir()))
		installOperator(ctx, environment.Client)
		createReleases(ctx, environment.Client)
		var stop context.CancelFunc
		background, stop = context.WithCancel(context.Background())
		DeferCleanup(stop)
		statuses = startLinter(background, environment.Client)
		there = &operator{config: environment.Config, traffic: &traffic{}}
		there.start()
		DeferCleanup(there.stop)
	})
	AfterEach(func() {
		Expect(statuses.findings()).To(BeEmpty(), "statuses that break the rules")
	})

	It("without CloudNativePG is told so, and goes on by itself when it is installed", func(ctx SpecContext) {
		first = newDistrict(environment.Client).apply(ctx)
		first.addPuskesmas(ctx, "tebidah")
		first.expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonMissingDependency,
			"CloudNativePG is not installed", "install CloudNativePG 1.30 or later", "goes on by itself")
		first.expect(ctx, "", v1alpha1.ConditionIsolationReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		first.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonMissingDependency)

		By("deleting one meanwhile, with and without its data")
		for _, policy := range []v1alpha1.DeletionPolicy{v1alpha1.DeletionRetain, v1alpha1.DeletionDelete} {
			d := newDistrict(environment.Client).apply(ctx, func(r *v1alpha1.District) {
				r.Spec.DataProtection.DeletionPolicy = policy
				r.Spec.DataProtection.Consent = newConsent(v1alpha1.ConsentDelete, string(r.Spec.Code), time.Hour)
			})
			d.expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonMissingDependency)
			Expect(environment.Client.Delete(ctx, d.get(ctx))).To(Succeed())
			if policy == v1alpha1.DeletionRetain {
				Eventually(func() []v1alpha1.District { return d.all(ctx) }).Should(BeEmpty())
			} else {
				d.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "namespace "+d.namespace+" is being deleted")
			}
		}

		_, err := envtest.InstallCRDs(environment.Config, envtest.CRDInstallOptions{
			Paths: []string{testenv.CloudNativePG(GinkgoT())}, MaxTime: time.Minute,
		})
		Expect(err).NotTo(HaveOccurred())
		simulated = startWorld(background, environment)
		start := time.Now()
		first.expectReadyWithin(ctx, 40*time.Second)
		AddReportEntry("CloudNativePG", "Ready "+time.Since(start).Round(time.Second).String()+" after it was installed")
	})

	It("whose API server restarts in the middle of a bring-up loses nothing", func(ctx SpecContext) {
		d := newDistrict(environment.Client)
		simulated.let(ctx, d, "Database", "tebidah", hangs)
		d.apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expect(ctx, "tebidah", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		secret := d.find(ctx, core("Secret"), "tebidah-database")
		environment.Restart(func() { time.Sleep(time.Second) })
		simulated.let(ctx, d, "Database", "tebidah", succeeds)
		d.expectReadyWithin(ctx, 40*time.Second)
		Expect(d.find(ctx, core("Secret"), "tebidah-database").GetUID()).To(Equal(secret.GetUID()))
		d.expectOwned(ctx)

		By("drift being put right as before")
		policy := d.find(ctx, network("NetworkPolicy"), "web")
		Expect(environment.Client.Patch(ctx, policy, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"ingress":[{}]}}`)))).To(Succeed())
		Eventually(func() any {
			return d.find(ctx, network("NetworkPolicy"), "web").Object["spec"].(map[string]any)["ingress"]
		}).ShouldNot(ConsistOf(BeEmpty()))
	})
})

// expectReadyWithin waits longer than expectReady.
func (d *district) expectReadyWithin(ctx context.Context, limit time.Duration) {
	GinkgoHelper()
	Eventually(func() v1alpha1.DistrictStatus { return d.get(ctx).Status }).WithTimeout(limit).Should(
		HaveField("Conditions", ContainElement(And(HaveField("Type", v1alpha1.ConditionReady), HaveField("Status", metav1.ConditionTrue)))))
}
