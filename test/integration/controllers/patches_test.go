package controllers_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
)

var _ = Describe("A patch that version 0.1.0 took", func() {
	It("stalls its owner at the upgrade, and changes nothing that runs", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx, "tebidah")
		d.ExpectReady(ctx)

		By("leaving behind what 0.1.0 would have made of it")
		d.SuspendNow(ctx)
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		left := map[string]string{
			"tebidah-rme": `{"spec":{"template":{"spec":{"priorityClassName":"system-cluster-critical"}}}}`,
			"dashboard":   `{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":99}}}}`,
		}
		for name, patch := range left {
			Expect(admin.Patch(ctx, d.Find(ctx, DeploymentKind, name), client.RawPatch(types.MergePatchType, []byte(patch)))).To(Succeed())
		}
		before := d.Running(ctx)
		asked := func(name, patch string) []v1alpha1.Patch {
			return []v1alpha1.Patch{{Target: v1alpha1.PatchTarget{Kind: "Deployment", Name: name}, Patch: patch}}
		}
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Patches = asked("tebidah-rme", left["tebidah-rme"]) })
		d.Edit(ctx, func(r *v1alpha1.District) {
			r.Spec.Patches = asked("dashboard", left["dashboard"])
			r.Spec.State = v1alpha1.StateActive
		})

		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRenderFailed,
			"spec.patches[0] (Deployment/dashboard): it changes spec.template.spec.terminationGracePeriodSeconds of Deployment/dashboard, which no patch may")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRenderFailed,
			"spec.patches[0] (Deployment/tebidah-rme): it changes spec.template.spec.priorityClassName of Deployment/tebidah-rme, which no patch may")
		Expect(d.Running(ctx)).To(Equal(before))

		By("restarting the operator")
		theOperator.Restart()
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Patches[0].Target.Name = "dashboar." })
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRenderFailed, "(Deployment/dashboar.)")
		Expect(d.Running(ctx)).To(Equal(before))

		By("taking the patches out")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Patches = nil })
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Patches = nil })
		d.ExpectReady(ctx, "tebidah")
		d.ExpectReady(ctx)
	})
})

var _ = Describe("The pod of an RME", func() {
	It("has what spec.rme.pod adds, on the district's nodes, and loses it again", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, func(r *v1alpha1.District) {
			r.Spec.DataProtection.ResidencyNodeSelector = map[string]string{"country": "id"}
		})
		d.AddPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
			p.Spec.RME.Pod = v1alpha1.RMEPod{
				Env:          []v1alpha1.PodVariable{{Name: "FEATURE_LAB", Value: "- a: $b"}},
				NodeSelector: map[string]v1alpha1.LabelValue{"disk": "ssd"},
				Tolerations:  []v1alpha1.PodToleration{{Key: "example.go.id/rme", Value: "true", Effect: "NoSchedule"}, {Key: "slow"}},
				Labels:       map[string]v1alpha1.LabelValue{"cost-centre": "a7"},
				Annotations:  map[string]v1alpha1.AnnotationValue{"dinkes.example.go.id/note": "$(host) 1"},
			}
		})
		d.ExpectReady(ctx, "tebidah")
		template := func(object map[string]any) map[string]any {
			return object["spec"].(map[string]any)["template"].(map[string]any)
		}
		deployment := template(d.Object(ctx, DeploymentKind, "tebidah-rme").Object)
		Expect(deployment["metadata"]).To(And(
			HaveKeyWithValue("labels", HaveKeyWithValue("cost-centre", "a7")),
			HaveKeyWithValue("annotations", HaveKeyWithValue("dinkes.example.go.id/note", "$(host) 1"))))
		variable := ContainElement(map[string]any{"name": "FEATURE_LAB", "value": "- a: $b"})
		for _, pods := range []map[string]any{deployment, template(d.Find(ctx, JobKind, "tebidah-schema").Object)} {
			Expect(pods["spec"]).To(And(
				HaveKeyWithValue("nodeSelector", map[string]any{"country": "id", "disk": "ssd"}),
				HaveKeyWithValue("tolerations", ConsistOf(
					map[string]any{"key": "example.go.id/rme", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
					map[string]any{"key": "slow", "operator": "Exists"})),
				HaveKeyWithValue("containers", ConsistOf(HaveKeyWithValue("env", variable)))))
		}

		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.RME = v1alpha1.RMESpec{} })
		d.ExpectReady(ctx, "tebidah")
		Expect(d.Container(ctx, "tebidah-rme")["env"]).NotTo(variable)
	})
})
