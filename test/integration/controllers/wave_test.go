package controllers_test

import (
	"context"
	"fmt"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

var wavesMade atomic.Int32

// newWave creates a wave of two stages: one district by name, then the rest,
// which a person has to approve.
func newWave(ctx context.Context, first *district) *v1alpha1.Wave {
	GinkgoHelper()
	wave := &v1alpha1.Wave{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("wave-%d", wavesMade.Add(1))},
		Spec: v1alpha1.WaveSpec{Year: 2025, TargetDistricts: 15, Release: defaultRelease, Rollout: v1alpha1.Rollout{
			FailureBudget: v1alpha1.FailureBudget{Total: ptr.To[int32](0)},
			Stages: []v1alpha1.Stage{
				{Name: "canary", Districts: []v1alpha1.ObjectName{v1alpha1.ObjectName(first.name)}},
				{Name: "others", Approval: "Required"},
			},
		}},
	}
	Expect(admin.Create(ctx, wave)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		Expect(client.IgnoreNotFound(admin.Delete(ctx, wave))).To(Succeed())
	})
	return wave
}

func editWave(ctx context.Context, wave *v1alpha1.Wave, edit func(*v1alpha1.WaveSpec)) {
	GinkgoHelper()
	before := wave.DeepCopy()
	edit(&wave.Spec)
	Expect(admin.Patch(ctx, wave, client.MergeFrom(before))).To(Succeed())
}

// expectWave waits for Ready of the wave with a reason, for its present generation.
func expectWave(ctx context.Context, wave *v1alpha1.Wave, status metav1.ConditionStatus, reason string, parts ...string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega) {
		g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(wave), wave)).To(Succeed())
		ready := meta.FindStatusCondition(wave.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(ready.Status).To(Equal(status), describe(wave.Status.Conditions))
		g.Expect(ready.Reason).To(Equal(reason), describe(wave.Status.Conditions))
		g.Expect(ready.ObservedGeneration).To(Equal(wave.Generation))
		for _, part := range parts {
			g.Expect(ready.Message).To(ContainSubstring(part))
		}
		for _, problem := range lint(wave.Generation, statusView{}, statusView{wave.Status.ObservedGeneration, wave.Status.Conditions}) {
			g.Expect(problem).To(BeEmpty())
		}
	}).Should(Succeed())
}

func inWave(wave *v1alpha1.Wave) func(*v1alpha1.District) {
	return func(d *v1alpha1.District) { d.Spec.WaveRef.Name = v1alpha1.ObjectName(wave.Name) }
}

var _ = Describe("A wave", func() {
	It("brings its districts to the release stage by stage", func(ctx SpecContext) {
		first, second, pinned := newDistrict(admin), newDistrict(admin), newDistrict(admin)
		wave := newWave(ctx, first)
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonAwaitingDistricts, "spec.waveRef")

		By("holding who comes later and whose canary is not there")
		second.apply(ctx, inWave(wave))
		second.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAwaitingRelease, "waiting for Wave "+wave.Name)
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonStageInvalid, "canary")
		pinned.apply(ctx, inWave(wave), func(d *v1alpha1.District) { d.Spec.Release = otherRelease })

		By("going no further than the canary while it is on its way")
		workloads.let(ctx, first, "Cluster", "", hangs)
		first.apply(ctx, inWave(wave))
		first.expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, "")
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "0/2", "3 of 15 are registered", "1 in flight", "1 pinned", "1 held")
		Expect(wave.Status.CurrentStage).To(Equal("canary"))
		Expect(second.get(ctx).Status.Release.Target).To(BeEmpty())

		By("admitting it in nothing but the wave's own status, until it has the release as its target")
		Expect(first.get(ctx).Status.Release.Target).To(Equal(defaultRelease))
		Expect(first.get(ctx).Spec.Release).To(BeEmpty())
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(wave), wave)).To(Succeed())
			g.Expect(wave.Status.Admitted).To(BeEmpty())
			g.Expect(wave.Status.Memory.Started).To(ConsistOf(HaveField("Name", BeEquivalentTo(first.name))))
		}).Should(Succeed())

		By("waiting for a person before the others")
		workloads.let(ctx, first, "Cluster", "", succeeds)
		first.expectReady(ctx)
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonAwaitingApproval, "add others to spec.approvedStages")
		Expect(second.get(ctx).Status.Release.Target).To(BeEmpty())

		By("finishing without whom Git pins to a later release")
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.ApprovedStages = []v1alpha1.ObjectName{"others"} })
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "2/2 districts run release "+defaultRelease, "1 pinned",
			"3 of 15 are registered: the wave goes on when one of the other 12 names it")
		second.expectReady(ctx)
		Expect(pinned.get(ctx).Status.Release.Target).To(Equal(otherRelease))
		Expect(wave.Status.Memory.Started).To(BeEmpty())

		By("remembering all that after a restart, without another write")
		version := wave.ResourceVersion
		theOperator.restart()
		Consistently(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(wave), wave)).To(Succeed())
			g.Expect(wave.ResourceVersion).To(Equal(version))
		}, "2s").Should(Succeed())

		By("leaving the districts as they are when it is deleted")
		running := second.get(ctx).Status.Release
		Expect(admin.Delete(ctx, wave)).To(Succeed())
		second.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWaveNotFound, wave.Name)
		Expect(second.get(ctx).Status.Release).To(Equal(running))
	})

	It("stops when its canary fails, and goes on when a release repairs it", func(ctx SpecContext) {
		first, second, pinned := newDistrict(admin), newDistrict(admin), newDistrict(admin)
		broken := newRelease("ilp-2.0.0", "2.0.0")
		broken.Spec.UpgradeFrom = ">=1.0.0 <2.0.0"
		Expect(admin.Create(ctx, broken)).To(Succeed())
		wave := newWave(ctx, first)
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.ApprovedStages = []v1alpha1.ObjectName{"others"} })
		first.apply(ctx, inWave(wave))
		second.apply(ctx, inWave(wave))
		pinned.apply(ctx, inWave(wave), func(d *v1alpha1.District) { d.Spec.Release = defaultRelease })
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "3/3")

		By("holding when the canary cannot go on")
		first.edit(ctx, func(d *v1alpha1.District) {
			d.Spec.Patches = []v1alpha1.Patch{{Patch: "not a patch"}}
		})
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Release = "ilp-2.0.0" })
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonBudgetSpent, "failure budget is 0", first.name)
		Expect(second.get(ctx).Status.Release.Target).To(Equal(defaultRelease))
		Expect(first.get(ctx).Status.Release).To(And(HaveField("Target", defaultRelease), HaveField("Asked", "ilp-2.0.0")))

		By("going on when the cause is gone")
		first.edit(ctx, func(d *v1alpha1.District) { d.Spec.Patches = nil })
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "2/2 districts run release ilp-2.0.0", "1 pinned")
		Expect(pinned.get(ctx).Status.Release.Target).To(Equal(defaultRelease))

		By("refusing to go back")
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Release = otherRelease })
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonDowngrade, "(1.1.0) is earlier")
		Expect(first.get(ctx).Status.Release.Target).To(Equal("ilp-2.0.0"))
	})

	It("takes in a district that runs already, which goes on until its turn", func(ctx SpecContext) {
		first, joins := newDistrict(admin), newDistrict(admin)
		joins.apply(ctx)
		joins.addPuskesmas(ctx, "tebidah")
		joins.expectReady(ctx)
		wave := newWave(ctx, first)
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Release = otherRelease })
		first.apply(ctx, inWave(wave))
		joins.edit(ctx, inWave(wave))
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonAwaitingApproval, "add others to spec.approvedStages")
		joins.expectReady(ctx)
		Expect(joins.get(ctx).Status.Release.Current).To(Equal(defaultRelease))
		Expect(admin.Delete(ctx, joins.find(ctx, deploymentKind, "tebidah-rme"), background)).To(Succeed())
		Eventually(func() any { return joins.object(ctx, deploymentKind, "tebidah-rme") }).ShouldNot(BeNil())
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.ApprovedStages = []v1alpha1.ObjectName{"others"} })
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "2/2 districts run release "+otherRelease)
	})

	It("takes back a district whose pin is given up", func(ctx SpecContext) {
		first := newDistrict(admin)
		Expect(admin.Create(ctx, newRelease("ilp-2.1.0", "2.1.0"))).To(Succeed())
		wave := newWave(ctx, first)
		first.apply(ctx, inWave(wave))
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1/1")

		By("leaving it alone while somebody sets the release")
		own := func(manager, release string) {
			GinkgoHelper()
			patch := &unstructured.Unstructured{}
			patch.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("District"))
			patch.SetName(first.name)
			if release != "" {
				Expect(unstructured.SetNestedField(patch.Object, release, "spec", "release")).To(Succeed())
			}
			Expect(admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(patch), client.FieldOwner(manager), client.ForceOwnership)).To(Succeed())
		}
		own("a-person", defaultRelease)
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Release = "ilp-2.1.0" })
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1 pinned")
		Expect(first.get(ctx).Status.Release.Target).To(Equal(defaultRelease))

		By("admitting it when the pin is gone")
		own("a-person", "")
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1/1 districts run release ilp-2.1.0")
		Expect(first.get(ctx).Spec.Release).To(BeEmpty())
	})

	It("says what is wrong with it", func(ctx SpecContext) {
		first := newDistrict(admin)
		wave := newWave(ctx, first)
		first.apply(ctx, inWave(wave))
		first.expectReady(ctx)
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Release = "ilp-9.9.9" })
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonReleaseNotFound, "ilp-9.9.9")
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) {
			s.Release = otherRelease
			s.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{Cron: "0 21 30 2 *", Minutes: 60}
		})
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonWindowInvalid, "never opens")
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) {
			s.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{}
			s.State = v1alpha1.WaveStateSuspended
		})
		expectWave(ctx, wave, metav1.ConditionUnknown, v1alpha1.ReasonSuspended, "spec.state")
		Expect(first.get(ctx).Status.Release.Target).To(Equal(defaultRelease))

		lonely := newDistrict(admin).apply(ctx, func(d *v1alpha1.District) { d.Spec.WaveRef.Name = "nobody-made-it" })
		lonely.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWaveNotFound, "nobody-made-it", "create it")
	})
})
