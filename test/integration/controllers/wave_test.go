package controllers_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
)

var _ = Describe("A wave", func() {
	It("brings its districts to the release stage by stage", func(ctx SpecContext) {
		first, second, pinned := NewDistrict(admin), NewDistrict(admin), NewDistrict(admin)
		wave := NewWave(ctx, admin, first)
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonAwaitingDistricts, "spec.waveRef")

		By("holding who comes later and whose canary is not there")
		second.Apply(ctx, InWave(wave))
		second.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAwaitingRelease, "waiting for Wave "+wave.Name)
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonStageInvalid, "canary")
		pinned.Apply(ctx, InWave(wave), func(d *v1alpha1.District) { d.Spec.Release = OtherRelease })

		By("going no further than the canary while it is on its way")
		workloads.Let(ctx, first, "Cluster", "", Hangs)
		first.Apply(ctx, InWave(wave))
		first.Expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, "")
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "0/2", "3 of 15 are registered", "1 in flight", "1 pinned", "1 held")
		Expect(wave.Status.CurrentStage).To(Equal("canary"))
		Expect(second.Get(ctx).Status.Release.Target).To(BeEmpty())

		By("admitting it in nothing but the wave's own status, until it has the release as its target")
		Expect(first.Get(ctx).Status.Release.Target).To(Equal(DefaultRelease))
		Expect(first.Get(ctx).Spec.Release).To(BeEmpty())
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(wave), wave)).To(Succeed())
			g.Expect(wave.Status.Admitted).To(BeEmpty())
			g.Expect(wave.Status.Memory.Started).To(ConsistOf(HaveField("Name", BeEquivalentTo(first.Name))))
		}).Should(Succeed())

		By("waiting for a person before the others")
		workloads.Let(ctx, first, "Cluster", "", Succeeds)
		first.ExpectReady(ctx)
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonAwaitingApproval, "add others to spec.approvedStages")
		Expect(second.Get(ctx).Status.Release.Target).To(BeEmpty())

		By("finishing without whom Git pins to a later release")
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.ApprovedStages = []v1alpha1.ObjectName{"others"} })
		ExpectWave(ctx, admin, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "2/2 districts run release "+DefaultRelease, "1 pinned",
			"3 of 15 are registered: the wave goes on when one of the other 12 names it")
		second.ExpectReady(ctx)
		Expect(pinned.Get(ctx).Status.Release.Target).To(Equal(OtherRelease))
		Expect(wave.Status.Memory.Started).To(BeEmpty())

		By("remembering all that after a restart, without another write")
		version := wave.ResourceVersion
		theOperator.Restart()
		Consistently(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(wave), wave)).To(Succeed())
			g.Expect(wave.ResourceVersion).To(Equal(version))
		}, "2s").Should(Succeed())

		By("leaving the districts as they are when it is deleted")
		running := second.Get(ctx).Status.Release
		Expect(admin.Delete(ctx, wave)).To(Succeed())
		second.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWaveNotFound, wave.Name)
		Expect(second.Get(ctx).Status.Release).To(Equal(running))
	})

	It("stops when its canary fails, and goes on when a release repairs it", func(ctx SpecContext) {
		first, second, pinned := NewDistrict(admin), NewDistrict(admin), NewDistrict(admin)
		broken := NewRelease("ilp-2.0.0", "2.0.0")
		broken.Spec.UpgradeFrom = ">=1.0.0 <2.0.0"
		Expect(admin.Create(ctx, broken)).To(Succeed())
		wave := NewWave(ctx, admin, first)
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.ApprovedStages = []v1alpha1.ObjectName{"others"} })
		first.Apply(ctx, InWave(wave))
		second.Apply(ctx, InWave(wave))
		pinned.Apply(ctx, InWave(wave), func(d *v1alpha1.District) { d.Spec.Release = DefaultRelease })
		ExpectWave(ctx, admin, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "3/3")

		By("holding when the canary cannot go on")
		first.Edit(ctx, func(d *v1alpha1.District) {
			d.Spec.Patches = []v1alpha1.Patch{{Patch: "not a patch"}}
		})
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.Release = "ilp-2.0.0" })
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonBudgetSpent, "failure budget is 0", first.Name)
		Expect(second.Get(ctx).Status.Release.Target).To(Equal(DefaultRelease))
		Expect(first.Get(ctx).Status.Release).To(And(HaveField("Target", DefaultRelease), HaveField("Asked", "ilp-2.0.0")))

		By("going on when the cause is gone")
		first.Edit(ctx, func(d *v1alpha1.District) { d.Spec.Patches = nil })
		ExpectWave(ctx, admin, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "2/2 districts run release ilp-2.0.0", "1 pinned")
		Expect(pinned.Get(ctx).Status.Release.Target).To(Equal(DefaultRelease))

		By("refusing to go back")
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.Release = OtherRelease })
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonDowngrade, "(1.1.0) is earlier")
		Expect(first.Get(ctx).Status.Release.Target).To(Equal("ilp-2.0.0"))
	})

	It("takes in a district that runs already, which goes on until its turn", func(ctx SpecContext) {
		first, joins := NewDistrict(admin), NewDistrict(admin)
		joins.Apply(ctx)
		joins.AddPuskesmas(ctx, "tebidah")
		joins.ExpectReady(ctx)
		wave := NewWave(ctx, admin, first)
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.Release = OtherRelease })
		first.Apply(ctx, InWave(wave))
		joins.Edit(ctx, InWave(wave))
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonAwaitingApproval, "add others to spec.approvedStages")
		joins.ExpectReady(ctx)
		Expect(joins.Get(ctx).Status.Release.Current).To(Equal(DefaultRelease))
		Expect(admin.Delete(ctx, joins.Find(ctx, DeploymentKind, "tebidah-rme"), Background)).To(Succeed())
		Eventually(func() any { return joins.Object(ctx, DeploymentKind, "tebidah-rme") }).ShouldNot(BeNil())
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.ApprovedStages = []v1alpha1.ObjectName{"others"} })
		ExpectWave(ctx, admin, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "2/2 districts run release "+OtherRelease)
	})

	It("takes back a district whose pin is given up", func(ctx SpecContext) {
		first := NewDistrict(admin)
		Expect(admin.Create(ctx, NewRelease("ilp-2.1.0", "2.1.0"))).To(Succeed())
		wave := NewWave(ctx, admin, first)
		first.Apply(ctx, InWave(wave))
		ExpectWave(ctx, admin, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1/1")

		By("leaving it alone while somebody sets the release")
		own := func(manager, release string) {
			GinkgoHelper()
			patch := &unstructured.Unstructured{}
			patch.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("District"))
			patch.SetName(first.Name)
			if release != "" {
				Expect(unstructured.SetNestedField(patch.Object, release, "spec", "release")).To(Succeed())
			}
			Expect(admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(patch), client.FieldOwner(manager), client.ForceOwnership)).To(Succeed())
		}
		own("a-person", DefaultRelease)
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.Release = "ilp-2.1.0" })
		ExpectWave(ctx, admin, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1 pinned")
		Expect(first.Get(ctx).Status.Release.Target).To(Equal(DefaultRelease))

		By("admitting it when the pin is gone")
		own("a-person", "")
		ExpectWave(ctx, admin, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1/1 districts run release ilp-2.1.0")
		Expect(first.Get(ctx).Spec.Release).To(BeEmpty())
	})

	It("says what is wrong with it", func(ctx SpecContext) {
		first := NewDistrict(admin)
		wave := NewWave(ctx, admin, first)
		first.Apply(ctx, InWave(wave))
		first.ExpectReady(ctx)
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.Release = "ilp-9.9.9" })
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonReleaseNotFound, "ilp-9.9.9")
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) {
			s.Release = OtherRelease
			s.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{Cron: "0 21 30 2 *", Minutes: 60}
		})
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonWindowInvalid, "never opens")
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) {
			s.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{}
			s.State = v1alpha1.WaveStateSuspended
		})
		ExpectWave(ctx, admin, wave, metav1.ConditionUnknown, v1alpha1.ReasonSuspended, "spec.state")
		Expect(first.Get(ctx).Status.Release.Target).To(Equal(DefaultRelease))

		lonely := NewDistrict(admin).Apply(ctx, func(d *v1alpha1.District) { d.Spec.WaveRef.Name = "nobody-made-it" })
		lonely.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWaveNotFound, "nobody-made-it", "create it")
	})
})
