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
	. "ilp.health/operator/test/harness"
)

// A district of its own code goes through all that can become of it, and at each
// stage it, its Puskesmas, its wave and releases are as test/gitops has them.
var _ = Describe("Every stage of life", func() {
	const first, second, contradictory = "ilp-7.0.0", "ilp-7.1.0", "ilp-7.2.0"

	It("is as GitOps tools are tested with", func(ctx SpecContext) {
		d := &District{Client: admin, Code: "61.09", Namespace: "ilp-6109", Name: "sekadau"}
		wave := &v1alpha1.Wave{
			ObjectMeta: metav1.ObjectMeta{Name: "programme-2026"},
			Spec: v1alpha1.WaveSpec{Year: 2026, TargetDistricts: 1, Release: first, Rollout: v1alpha1.Rollout{
				FailureBudget: v1alpha1.FailureBudget{Total: ptr.To[int32](0)},
				Stages:        []v1alpha1.Stage{{Name: "all", Approval: "Required"}},
			}},
		}
		releaseAt := func(name, stage string) {
			GinkgoHelper()
			recorded(ctx, StackReleaseKind, client.ObjectKey{Name: name}, stage)
		}
		waveAt := func(stage string) {
			GinkgoHelper()
			recorded(ctx, WaveKind, client.ObjectKey{Name: wave.Name}, stage)
		}
		districtAt := func(stage string) {
			GinkgoHelper()
			recorded(ctx, DistrictKind, client.ObjectKey{Name: d.Name}, stage)
		}
		puskesmasAt := func(stage string) {
			GinkgoHelper()
			recorded(ctx, PuskesmasKind, client.ObjectKey{Namespace: d.Namespace, Name: "tebidah"}, stage)
		}

		By("created: nobody has looked yet")
		theOperator.Stop()
		Expect(admin.Create(ctx, NewRelease(first, "7.0.0"))).To(Succeed())
		Expect(admin.Create(ctx, wave)).To(Succeed())
		d.Apply(ctx, InWave(wave), func(r *v1alpha1.District) { r.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionDelete })
		d.AddPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Code = "P6109010101" })
		releaseAt(first, "created")
		waveAt("created")
		districtAt("created")
		puskesmasAt("created")

		By("awaiting: a person, and the wave")
		workloads.Let(ctx, d, "Cluster", "", Hangs)
		theOperator.Start()
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonAwaitingApproval)
		releaseAt(first, "ready")
		waveAt("awaiting-approval")
		districtAt("awaiting-release")
		puskesmasAt("awaiting-release")

		By("provisioning")
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.ApprovedStages = []v1alpha1.ObjectName{"all"} })
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "1 in flight")
		d.Expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		waveAt("provisioning")
		districtAt("provisioning")
		puskesmasAt("provisioning")

		By("ready")
		workloads.Let(ctx, d, "Cluster", "", Succeeds)
		d.ExpectReady(ctx)
		ExpectWave(ctx, admin, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1/1")
		waveAt("ready")
		districtAt("ready")
		puskesmasAt("ready")

		By("edited: what the status says is of the spec before")
		theOperator.Stop()
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.Programme = "ILP" })
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Name = "Kabupaten Sekadau" })
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Connectivity = "Good" })
		waveAt("edited")
		districtAt("edited")
		puskesmasAt("edited")
		theOperator.Start()
		d.ExpectReady(ctx)

		By("suspended")
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.State = v1alpha1.WaveStateSuspended })
		ExpectWave(ctx, admin, wave, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		waveAt("suspended")
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.State = v1alpha1.WaveStateActive })
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateSuspended })
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		districtAt("suspended")
		puskesmasAt("suspended")

		By("hibernated")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateHibernated })
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonHibernated)
		districtAt("hibernated")
		puskesmasAt("hibernated")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateActive })
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		d.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		ExpectWave(ctx, admin, wave, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)

		By("upgrading")
		workloads.Let(ctx, d, "Job", "tebidah", Hangs)
		next := NewRelease(second, "7.1.0")
		next.Spec.UpgradeFrom = ">=7.0.0 <7.1.0"
		Expect(admin.Create(ctx, next)).To(Succeed())
		EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.Release = second })
		d.Expect(ctx, "tebidah", v1alpha1.ConditionSchemaReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		waveAt("upgrading")
		districtAt("upgrading")
		puskesmasAt("upgrading")

		By("failed")
		workloads.Let(ctx, d, "Job", "tebidah", Fails)
		ExpectWave(ctx, admin, wave, metav1.ConditionFalse, v1alpha1.ReasonBudgetSpent)
		waveAt("failed")
		districtAt("failed")
		puskesmasAt("failed")
		invalid := NewRelease(contradictory, "7.2.0")
		invalid.Spec.UpgradeFrom = ">=7.0.0"
		Expect(admin.Create(ctx, invalid)).To(Succeed())
		releaseAt(contradictory, "failed")

		By("deleting, in the foreground as Argo CD does")
		deleteInForeground(ctx, invalid)
		releaseAt(contradictory, "deleting")
		deleteInForeground(ctx, wave)
		waveAt("deleting")
		workloads.Let(ctx, d, "Database", "", Hangs)
		d.Agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		puskesmasAt("deleting")
		workloads.Let(ctx, d, "Database", "", Succeeds)
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		Expect(admin.Delete(ctx, d.Get(ctx))).To(Succeed())
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConsentRequired)
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
