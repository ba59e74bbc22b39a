package controllers_test

import (
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
	. "ilp.health/operator/test/harness"
)

// nextSecond waits until what is made now is younger than what was made before:
// the API server notes whole seconds.
func nextSecond() { time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) }

var _ = Describe("A mistake", func() {
	It("of two Districts with one code stops the younger, until the older is deleted", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.ExpectReady(ctx)
		nextSecond()
		younger := d.Resource()
		younger.Name += "-again"
		Expect(admin.Create(ctx, younger)).To(Succeed())
		second := *d
		second.Name = younger.Name
		second.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDuplicateCode,
			string(d.Code)+" is already that of District "+d.Name, "correct one of the two codes, or delete one")
		d.ExpectReady(ctx)

		Expect(admin.Delete(ctx, d.Get(ctx))).To(Succeed())
		second.ExpectReady(ctx)
	})

	It("of two Puskesmas with one code stops the younger, until the older is deleted", func(ctx SpecContext) {
		a, b := NewDistrict(admin).Apply(ctx), NewDistrict(admin).Apply(ctx)
		older := a.AddPuskesmas(ctx, "tebidah")
		nextSecond()
		b.AddPuskesmas(ctx, "sungai-durian", func(p *v1alpha1.Puskesmas) { p.Spec.Code = older.Spec.Code })
		b.Expect(ctx, "sungai-durian", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDuplicateCode,
			"already that of Puskesmas tebidah in namespace "+a.Namespace)
		again := a.AddPuskesmas(ctx, "tebidah-lagi", func(p *v1alpha1.Puskesmas) { p.Spec.Code = older.Spec.Code })
		a.Expect(ctx, "tebidah-lagi", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDuplicateCode,
			"already that of Puskesmas tebidah in namespace "+a.Namespace)
		a.ExpectReady(ctx, "tebidah")
		Expect(admin.Delete(ctx, again)).To(Succeed())
		a.ExpectReady(ctx)
		Expect(admin.Delete(ctx, older)).To(Succeed())
		b.ExpectReady(ctx)
	})

	It("of a namespace that is somebody else's stops the District, until its label says otherwise", func(ctx SpecContext) {
		d := NewDistrict(admin)
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: d.Namespace}}
		Expect(admin.Create(ctx, namespace)).To(Succeed())
		Expect(admin.Create(ctx, d.Resource())).To(Succeed())
		DeferCleanup(d.Suspend)
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNamespaceNotOwned,
			"kubectl label namespace "+d.Namespace+" "+v1alpha1.LabelDistrict+"="+string(d.Code))
		Expect(d.Objects(ctx, Network("NetworkPolicy"))).To(BeEmpty())
		Expect(d.Objects(ctx, Core("ServiceAccount"))).To(BeEmpty())

		Expect(admin.Patch(ctx, namespace, client.RawPatch(types.MergePatchType,
			[]byte(`{"metadata":{"labels":{"`+v1alpha1.LabelDistrict+`":"`+string(d.Code)+`"}}}`)))).To(Succeed())
		d.ExpectReady(ctx)
	})

	It("of a release that does not exist stops the District, until it does", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, func(r *v1alpha1.District) { r.Spec.Release = "ilp-9.0.0" })
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonReleaseNotFound,
			`spec.release: StackRelease "ilp-9.0.0" does not exist`, "create it or name another", "kubectl get stackreleases")
		Expect(admin.Create(ctx, NewRelease("ilp-9.0.0", "9.0.0"))).To(Succeed())
		d.ExpectReady(ctx)
		Expect(d.Get(ctx).Status.Release.Current).To(Equal("ilp-9.0.0"))
	})

	It("that a policy of the cluster refuses is told in the policy's words, and not asked for again and again", func(ctx SpecContext) {
		d := NewDistrict(admin)
		for _, object := range refusal(d.Namespace) {
			Expect(admin.Create(ctx, object)).To(Succeed())
			DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(admin.Delete(ctx, object))).To(Succeed()) })
		}
		d.ApplyNamespace(ctx)
		Eventually(func() error {
			return admin.Create(ctx, &corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Name: "probe", Namespace: d.Namespace},
				Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
			}, client.DryRunAll)
		}).Should(MatchError(ContainSubstring("no Services here")))
		Expect(admin.Create(ctx, d.Resource())).To(Succeed())
		DeferCleanup(d.Suspend)
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonObjectInvalid,
			"an admission policy of the cluster refuses: Service "+d.Namespace+"/dashboard", "no Services here")
		theOperator.Quiet(AWhile)
		mark := time.Now()
		Consistently(func() []string {
			return Lines(theOperator.Traffic.Since(mark, func(r Request) bool { return r.In(d) }))
		}, 2*AWhile).Should(BeEmpty())
		for _, object := range refusal(d.Namespace) {
			Expect(admin.Delete(ctx, object)).To(Succeed())
		}
		Eventually(func(g Gomega) {
			d.Edit(ctx, func(r *v1alpha1.District) {
				metav1.SetMetaDataAnnotation(&r.ObjectMeta, v1alpha1.AnnotationReconcileAt, time.Now().String())
			})
			g.Expect(d.Object(ctx, Core("Service"), "dashboard")).NotTo(BeNil())
		}).Should(Succeed())
		d.ExpectReady(ctx)
	})

	It("in a patch of the District is told by its number", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, func(r *v1alpha1.District) {
			r.Spec.Patches = []v1alpha1.Patch{{Patch: "apiVersion: v1\nkind: Service\nmetadata: {name: dashbord}\nspec: {}\n"}}
		})
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonRenderFailed, "spec.patches[0]", "dashbord")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Patches = nil })
		d.ExpectReady(ctx)
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
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateSuspended })
		d.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended, "nothing is changed or checked until it is Active")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended, "District "+d.Name)

		d.Scale(ctx, "tebidah-rme", 3)
		d.Scale(ctx, "dashboard", 3)
		Consistently(func() []int64 { return []int64{d.Replicas(ctx, "tebidah-rme"), d.Replicas(ctx, "dashboard")} }, AWhile).Should(HaveEach(BeEquivalentTo(3)))

		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateActive })
		Eventually(func() []int64 { return []int64{d.Replicas(ctx, "tebidah-rme"), d.Replicas(ctx, "dashboard")} }).Should(HaveEach(BeEquivalentTo(1)))
		d.ExpectReady(ctx)
	})

	It("Hibernated stops all that runs, keeps its data, and wakes up again", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		secret := d.Find(ctx, Core("Secret"), "tebidah-database")
		running := func() []any {
			return []any{d.Replicas(ctx, "tebidah-rme"), d.Replicas(ctx, "dashboard"), d.Find(ctx, ClusterKind, "database").GetAnnotations()["cnpg.io/hibernation"]}
		}
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateHibernated })
		Eventually(running).Should(HaveExactElements(BeZero(), BeZero(), Equal("on")))
		d.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonHibernated)
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonHibernated)

		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateActive })
		Eventually(running).Should(HaveExactElements(BeEquivalentTo(1), BeEquivalentTo(1), Equal("off")))
		d.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		Expect(d.Find(ctx, Core("Secret"), "tebidah-database")).To(Equal(secret))
	})
})
