package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"ilp.health/operator/api/v1alpha1"
)

// A district of its own code goes through all that can become of it, and at each
// stage it, its Puskesmas, its wave and releases are as test/gitops has them.
var _ = Describe("Every stage of life", func() {
	const first, second, contradictory = "ilp-7.0.0", "ilp-7.1.0", "ilp-7.2.0"

	It("is as GitOps tools are tested with", func(ctx SpecContext) {
		d := &district{client: admin, code: "61.09", namespace: "ilp-6109", name: "sekadau"}
		wave := &v1alpha1.Wave{
			ObjectMeta: metav1.ObjectMeta{Name: "programme-2026"},
			Spec: v1alpha1.WaveSpec{Year: 2026, TargetDistricts: 1, Release: first, Rollout: v1alpha1.Rollout{
				FailureBudget: v1alpha1.FailureBudget{Total: ptr.To[int32](0)},
				Stages:        []v1alpha1.Stage{{Name: "all", Approval: "Required"}},
			}},
		}
		releaseAt := func(name, stage string) {
			GinkgoHelper()
			recorded(ctx, stackReleaseKind, client.ObjectKey{Name: name}, stage)
		}
		waveAt := func(stage string) {
			GinkgoHelper()
			recorded(ctx, waveKind, client.ObjectKey{Name: wave.Name}, stage)
		}
		districtAt := func(stage string) {
			GinkgoHelper()
			recorded(ctx, districtKind, client.ObjectKey{Name: d.name}, stage)
		}
		puskesmasAt := func(stage string) {
			GinkgoHelper()
			recorded(ctx, puskesmasKind, client.ObjectKey{Namespace: d.namespace, Name: "tebidah"}, stage)
		}

		By("created: nobody has looked yet")
		theOperator.stop()
		Expect(admin.Create(ctx, newRelease(first, "7.0.0"))).To(Succeed())
		Expect(admin.Create(ctx, wave)).To(Succeed())
		d.apply(ctx, inWave(wave), func(r *v1alpha1.District) { r.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionDelete })
		d.addPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Code = "P6109010101" })
		releaseAt(first, "created")
		waveAt("created")
		districtAt("created")
		puskesmasAt("created")

		By("awaiting: a person, and the wave")
		workloads.let(ctx, d, "Cluster", "", hangs)
		theOperator.start()
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonAwaitingApproval)
		releaseAt(first, "ready")
		waveAt("awaiting-approval")
		districtAt("awaiting-release")
		puskesmasAt("awaiting-release")

		By("provisioning")
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.ApprovedStages = []v1alpha1.ObjectName{"all"} })
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "1 in flight")
		d.expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		waveAt("provisioning")
		districtAt("provisioning")
		puskesmasAt("provisioning")

		By("ready")
		workloads.let(ctx, d, "Cluster", "", succeeds)
		d.expectReady(ctx)
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1/1")
		waveAt("ready")
		districtAt("ready")
		puskesmasAt("ready")

		By("edited: what the status says is of the spec before")
		theOperator.stop()
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Programme = "ILP" })
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Name = "Kabupaten Sekadau" })
		d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Connectivity = "Good" })
		waveAt("edited")
		districtAt("edited")
		puskesmasAt("edited")
		theOperator.start()
		d.expectReady(ctx)

		By("suspended")
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.State = v1alpha1.WaveStateSuspended })
		expectWave(ctx, wave, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		waveAt("suspended")
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.State = v1alpha1.WaveStateActive })
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateSuspended })
		d.expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		districtAt("suspended")
		puskesmasAt("suspended")

		By("hibernated")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateHibernated })
		d.expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonHibernated)
		districtAt("hibernated")
		puskesmasAt("hibernated")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateActive })
		d.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		expectWave(ctx, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)

		By("upgrading")
		workloads.let(ctx, d, "Job", "tebidah", hangs)
		next := newRelease(second, "7.1.0")
		next.Spec.UpgradeFrom = ">=7.0.0 <7.1.0"
		Expect(admin.Create(ctx, next)).To(Succeed())
		editWave(ctx, wave, func(s *v1alpha1.WaveSpec) { s.Release = second })
		d.expect(ctx, "tebidah", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		waveAt("upgrading")
		districtAt("upgrading")
		puskesmasAt("upgrading")

		By("failed")
		workloads.let(ctx, d, "Job", "tebidah", fails)
		expectWave(ctx, wave, metav1.ConditionFalse, v1alpha1.ReasonBudgetSpent)
		waveAt("failed")
		districtAt("failed")
		puskesmasAt("failed")
		invalid := newRelease(contradictory, "7.2.0")
		invalid.Spec.UpgradeFrom = ">=7.0.0"
		Expect(admin.Create(ctx, invalid)).To(Succeed())
		releaseAt(contradictory, "failed")

		By("deleting, in the foreground as Argo CD does")
		deleteInForeground(ctx, invalid)
		releaseAt(contradictory, "deleting")
		deleteInForeground(ctx, wave)
		waveAt("deleting")
		workloads.let(ctx, d, "Database", "", hangs)
		d.agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		puskesmasAt("deleting")
		workloads.let(ctx, d, "Database", "", succeeds)
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		Expect(admin.Delete(ctx, d.get(ctx))).To(Succeed())
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConsentRequired)
		districtAt("deleting")
	})
})

// deleteInForeground deletes what nothing depends on, and holds on to it as long
// as the spec wants.
func deleteInForeground(ctx context.Context, object client.Object) {
	GinkgoHelper()
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
	before, _ := object.DeepCopyObject().(client.Object)
	controllerutil.AddFinalizer(object, "test.ilp.health/hold")
	Expect(admin.Patch(ctx, object, client.MergeFrom(before))).To(Succeed())
	Expect(admin.Delete(ctx, object, client.PropagationPolicy(metav1.DeletePropagationForeground))).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
		before, _ := object.DeepCopyObject().(client.Object)
		object.SetFinalizers(nil)
		Expect(admin.Patch(ctx, object, client.MergeFrom(before))).To(Succeed())
	})
}
