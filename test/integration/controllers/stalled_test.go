package controllers_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// nextSecond passes when resources are as good as a second apart: that is how
// exactly the API server notes when they were made.
func nextSecond() { time.Sleep(1100 * time.Millisecond) }

var _ = Describe("A mistake", func() {
	It("of two Districts with one code stops the younger, until the older is deleted", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.expectReady(ctx)
		nextSecond()
		younger := d.resource()
		younger.Name += "-again"
		Expect(admin.Create(ctx, younger)).To(Succeed())
		second := *d
		second.name = younger.Name
		second.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDuplicateCode,
			string(d.code)+" is already that of District "+d.name, "correct one of the two codes, or delete one")
		d.expectReady(ctx)

		Expect(admin.Delete(ctx, d.get(ctx))).To(Succeed())
		second.expectReady(ctx)
	})

	It("of two Puskesmas with one code stops the younger, until the older is deleted", func(ctx SpecContext) {
		a, b := newDistrict(admin).apply(ctx), newDistrict(admin).apply(ctx)
		older := a.addPuskesmas(ctx, "tebidah")
		nextSecond()
		b.addPuskesmas(ctx, "sungai-durian", func(p *v1alpha1.Puskesmas) { p.Spec.Code = older.Spec.Code })
		b.expect(ctx, "sungai-durian", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDuplicateCode,
			"already that of Puskesmas tebidah in namespace "+a.namespace)
		again := a.addPuskesmas(ctx, "tebidah-lagi", func(p *v1alpha1.Puskesmas) { p.Spec.Code = older.Spec.Code })
		a.expect(ctx, "tebidah-lagi", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDuplicateCode,
			"already that of Puskesmas tebidah in namespace "+a.namespace)
		a.expectReady(ctx, "tebidah")
		Expect(admin.Delete(ctx, again)).To(Succeed())
		a.expectReady(ctx)
		Expect(admin.Delete(ctx, older)).To(Succeed())
		b.expectReady(ctx)
	})

	It("of a namespace that is somebody else's stops the District, until its label says otherwise", func(ctx SpecContext) {
		d := newDistrict(admin)
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: d.namespace}}
		Expect(admin.Create(ctx, namespace)).To(Succeed())
		Expect(admin.Create(ctx, d.resource())).To(Succeed())
		DeferCleanup(d.suspend)
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNamespaceNotOwned,
			"kubectl label namespace "+d.namespace+" "+v1alpha1.LabelDistrict+"="+string(d.code))
		Expect(d.objects(ctx, network("NetworkPolicy"))).To(BeEmpty())
		Expect(d.objects(ctx, core("ServiceAccount"))).To(BeEmpty())

		Expect(admin.Patch(ctx, namespace, client.RawPatch(types.MergePatchType,
			[]byte(`{"metadata":{"labels":{"`+v1alpha1.LabelDistrict+`":"`+string(d.code)+`"}}}`)))).To(Succeed())
		d.expectReady(ctx)
	})

	It("of a release that does not exist stops the District, until it does", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, func(r *v1alpha1.District) { r.Spec.Release = "ilp-9.0.0" })
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonReleaseNotFound,
			`StackRelease "ilp-9.0.0", which does not exist`, "create it or name another", "kubectl get stackreleases")
		Expect(admin.Create(ctx, newRelease("ilp-9.0.0", "9.0.0"))).To(Succeed())
		d.expectReady(ctx)
		Expect(d.get(ctx).Status.Release.Current).To(Equal("ilp-9.0.0"))
	})

	It("that a policy of the cluster refuses is told in the policy's words, and not asked for again and again", func(ctx SpecContext) {
		d := newDistrict(admin)
		for _, object := range refusal(d.namespace) {
			Expect(admin.Create(ctx, object)).To(Succeed())
			DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(admin.Delete(ctx, object))).To(Succeed()) })
		}
		d.applyNamespace(ctx)
		Eventually(func() error {
			return admin.Create(ctx, &corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Name: "probe", Namespace: d.namespace},
				Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
			}, client.DryRunAll)
		}).Should(MatchError(ContainSubstring("no Services here")))
		Expect(admin.Create(ctx, d.resource())).To(Succeed())
		DeferCleanup(d.suspend)
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonObjectInvalid,
			"an admission policy of the cluster refuses: Service "+d.namespace+"/dashboard", "no Services here")
		theOperator.quiet(2 * time.Second)
		mark := time.Now()
		time.Sleep(3 * time.Second)
		Expect(lines(theOperator.traffic.since(mark, func(r request) bool { return r.in(d) }))).To(BeEmpty())
		for _, object := range refusal(d.namespace) {
			Expect(admin.Delete(ctx, object)).To(Succeed())
		}
		Eventually(func(g Gomega) {
			d.edit(ctx, func(r *v1alpha1.District) {
				metav1.SetMetaDataAnnotation(&r.ObjectMeta, v1alpha1.AnnotationReconcileAt, time.Now().String())
			})
			g.Expect(d.object(ctx, core("Service"), "dashboard")).NotTo(BeNil())
		}).Should(Succeed())
		d.expectReady(ctx)
	})

	It("in a patch of the District is told by its number", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, func(r *v1alpha1.District) {
			r.Spec.Patches = []v1alpha1.Patch{{Patch: "apiVersion: v1\nkind: Service\nmetadata: {name: dashbord}\nspec: {}\n"}}
		})
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRenderFailed, "spec.patches[0]", "dashbord")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Patches = nil })
		d.expectReady(ctx)
	})
})

// refusal is a policy of the cluster's own that refuses all Services of a namespace.
func refusal(namespace string) []client.Object {
	name, fail := "refuse."+namespace+".example.test", admissionv1.Fail
	return []client.Object{
		&admissionv1.ValidatingAdmissionPolicy{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: admissionv1.ValidatingAdmissionPolicySpec{
				FailurePolicy: &fail,
				MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
					RuleWithOperations: admissionv1.RuleWithOperations{
						Operations: []admissionv1.OperationType{admissionv1.Create},
						Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"services"}},
					},
				}}},
				Validations: []admissionv1.Validation{{
					Expression: "object.metadata.namespace != '" + namespace + "'",
					Message:    "no Services here", Reason: ptr.To(metav1.StatusReasonForbidden),
				}},
			},
		},
		&admissionv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
		},
	}
}

var _ = Describe("A District that is", func() {
	It("Suspended is left as it is", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateSuspended })
		d.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended, "nothing is changed or checked until it is Active")
		d.expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended, "District "+d.name)

		d.scale(ctx, "tebidah-rme", 3)
		d.scale(ctx, "dashboard", 3)
		Consistently(func() []int64 { return []int64{d.replicas(ctx, "tebidah-rme"), d.replicas(ctx, "dashboard")} }, aWhile).Should(HaveEach(BeEquivalentTo(3)))

		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateActive })
		Eventually(func() []int64 { return []int64{d.replicas(ctx, "tebidah-rme"), d.replicas(ctx, "dashboard")} }).Should(HaveEach(BeEquivalentTo(1)))
		d.expectReady(ctx)
	})

	It("Hibernated stops all that runs, keeps its data, and wakes up again", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		secret := d.find(ctx, core("Secret"), "tebidah-database")
		running := func() []any {
			return []any{d.replicas(ctx, "tebidah-rme"), d.replicas(ctx, "dashboard"), d.find(ctx, clusterKind, "database").GetAnnotations()["cnpg.io/hibernation"]}
		}
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateHibernated })
		Eventually(running).Should(HaveExactElements(BeZero(), BeZero(), Equal("on")))
		d.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonHibernated)
		d.expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonHibernated)

		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateActive })
		Eventually(running).Should(HaveExactElements(BeEquivalentTo(1), BeEquivalentTo(1), Equal("off")))
		d.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		d.expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		Expect(d.find(ctx, core("Secret"), "tebidah-database")).To(Equal(secret))
	})
})

// scale is kubectl scale.
func (d *district) scale(ctx context.Context, deployment string, replicas int) {
	GinkgoHelper()
	object := d.find(ctx, deploymentKind, deployment)
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))
	Expect(admin.SubResource("scale").Patch(ctx, object, patch)).To(Succeed())
}

// replicas are how many pods a Deployment asks for.
func (d *district) replicas(ctx context.Context, deployment string) int64 {
	GinkgoHelper()
	n, ok := d.find(ctx, deploymentKind, deployment).Object["spec"].(map[string]any)["replicas"].(int64)
	Expect(ok).To(BeTrue())
	return n
}
