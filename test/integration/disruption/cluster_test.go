package disruption_test

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
	. "ilp.health/operator/test/harness"
	"ilp.health/operator/test/testenv"
)

// These specs have an API server of their own, since they take it down.
var _ = Describe("A cluster", Ordered, func() {
	var (
		environment *testenv.Environment
		there       *Operator
		simulated   *World
		statuses    *Linter
		background  context.Context
		first       *District
	)
	BeforeAll(func(ctx SpecContext) {
		environment = testenv.Start(GinkgoT(), testenv.Restartable(GinkgoT().TempDir()))
		InstallOperator(ctx, environment.Client)
		CreateReleases(ctx, environment.Client)
		var stop context.CancelFunc
		background, stop = context.WithCancel(context.Background())
		DeferCleanup(stop)
		statuses = StartLinter(background, environment.Client)
		there = &Operator{Config: environment.Config, Traffic: &Traffic{}}
		there.Start()
		DeferCleanup(there.Stop)
	})
	AfterEach(func() {
		Expect(statuses.Findings()).To(BeEmpty(), "statuses that break the rules")
	})

	It("without CloudNativePG is told so, and goes on by itself when it is installed", func(ctx SpecContext) {
		first = NewDistrict(environment.Client).Apply(ctx)
		first.AddPuskesmas(ctx, "tebidah")
		first.Expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonMissingDependency,
			"CloudNativePG is not installed", "install CloudNativePG 1.30 or later", "goes on by itself")
		first.Expect(ctx, "", v1alpha1.ConditionIsolationReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		first.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonMissingDependency)

		By("deleting one meanwhile, with and without its data")
		for _, policy := range []v1alpha1.DeletionPolicy{v1alpha1.DeletionRetain, v1alpha1.DeletionDelete} {
			d := NewDistrict(environment.Client).Apply(ctx, func(r *v1alpha1.District) {
				r.Spec.DataProtection.DeletionPolicy = policy
				r.Spec.DataProtection.Consent = NewConsent(v1alpha1.ConsentDelete, string(r.Spec.Code), time.Hour)
			})
			d.Expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonMissingDependency)
			Expect(environment.Client.Delete(ctx, d.Get(ctx))).To(Succeed())
			if policy == v1alpha1.DeletionRetain {
				Eventually(func() []v1alpha1.District { return d.All(ctx) }).Should(BeEmpty())
			} else {
				d.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "namespace "+d.Namespace+" is being deleted")
			}
		}

		_, err := envtest.InstallCRDs(environment.Config, envtest.CRDInstallOptions{
			Paths: []string{testenv.CloudNativePG(GinkgoT())}, MaxTime: time.Minute,
		})
		Expect(err).NotTo(HaveOccurred())
		simulated = StartWorld(background, environment)
		start := time.Now()
		first.ExpectReadyWithin(ctx, 40*time.Second)
		AddReportEntry("CloudNativePG", "Ready "+time.Since(start).Round(time.Second).String()+" after it was installed")
	})

	It("whose API server restarts in the middle of a bring-up loses nothing", func(ctx SpecContext) {
		d := NewDistrict(environment.Client)
		simulated.Let(ctx, d, "Database", "tebidah", Hangs)
		d.Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		secret := d.Find(ctx, Core("Secret"), "tebidah-database")
		environment.Restart(func() { time.Sleep(time.Second) })
		simulated.Let(ctx, d, "Database", "tebidah", Succeeds)
		d.ExpectReadyWithin(ctx, 40*time.Second)
		Expect(d.Find(ctx, Core("Secret"), "tebidah-database").GetUID()).To(Equal(secret.GetUID()))
		d.ExpectOwned(ctx)

		By("drift being put right as before")
		policy := d.Find(ctx, Network("NetworkPolicy"), "web")
		Expect(environment.Client.Patch(ctx, policy, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"ingress":[{}]}}`)))).To(Succeed())
		Eventually(func() any {
			return d.Find(ctx, Network("NetworkPolicy"), "web").Object["spec"].(map[string]any)["ingress"]
		}).ShouldNot(ConsistOf(BeEmpty()))
	})
})
