package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
	. "ilp.health/operator/test/harness"
)

var _ = Describe("What the spec no longer asks for", func() {
	It("is deleted, exactly that object, if it holds no data", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, func(r *v1alpha1.District) { r.Spec.Exposure.Domain = "example.test" })
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		Expect(d.Objects(ctx, Network("Ingress"))).To(HaveLen(2))

		start := time.Now()
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Exposure = v1alpha1.Exposure{} })
		Eventually(func() int { return len(d.Objects(ctx, Network("Ingress"))) }).Should(BeZero())
		d.ExpectReady(ctx)
		deletions := theOperator.Traffic.Since(start, func(r Request) bool { return r.Verb == "delete" })
		Expect(Lines(deletions)).To(HaveLen(2))
		for _, deletion := range deletions {
			Expect(deletion.Precondition).To(ContainSubstring("uid"))
		}
		d.ExpectReady(ctx, "tebidah")
	})

	// The two places in which a Secret is named that the spec no longer asks for.
	DescribeTable("is kept if it holds data, until somebody agrees", func(ctx SpecContext, name func(context.Context, *District)) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)

		By("a Secret of a component that the operator no longer has")
		name(ctx, d)
		Expect(admin.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "tebidah-old", Namespace: d.Namespace, Labels: map[string]string{
			v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: string(d.Code), v1alpha1.LabelPuskesmas: "tebidah",
		}}})).To(Succeed())
		d.LookAgain(ctx, "tebidah")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConsentRequired,
			"holds data and is kept: Secret "+d.Namespace+"/tebidah-old", "needs a consent: action Prune, code P")
		kept := func() any { return d.Object(ctx, Core("Secret"), "tebidah-old") }
		Consistently(kept, AWhile).ShouldNot(BeNil())

		By("a consent that has expired")
		consent := func(action v1alpha1.ConsentAction, until time.Duration) {
			d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
				p.Spec.Consent = NewConsent(action, p.Spec.Code, until)
			})
		}
		consent(v1alpha1.ConsentPrune, -time.Hour)
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConsentRequired, "the consent expired at")
		Consistently(kept, AWhile).ShouldNot(BeNil())

		By("a consent to something else")
		consent(v1alpha1.ConsentRecreate, time.Hour)
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConsentRequired, "the consent is for Recreate, not for Prune")
		Consistently(kept, AWhile).ShouldNot(BeNil())

		By("a consent")
		consent(v1alpha1.ConsentPrune, time.Hour)
		d.ExpectReady(ctx, "tebidah")
		Expect(d.Object(ctx, Core("Secret"), "tebidah-old")).To(BeNil())
		Expect(d.RecordOf(ctx, "tebidah").Secrets()).NotTo(ContainElement("tebidah-old"))
		Expect(d.Puskesmas(ctx, "tebidah").Status.Inventory).To(BeEmpty())
	},
		Entry("named by its record", func(ctx context.Context, d *District) { recordToo(ctx, d, "tebidah", "Secret/tebidah-old") }),
		Entry("named by the inventory of a version before 0.2.0", func(ctx context.Context, d *District) {
			p := d.Puskesmas(ctx, "tebidah")
			before := p.DeepCopy()
			p.Status.Inventory = []v1alpha1.InventoryEntry{{ID: d.Namespace + "_tebidah-old__Secret", Version: "v1"}}
			Expect(admin.Status().Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
		}),
	)

	It("is deleted by whom it is of, and not by labels, which anybody can copy", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.AddPuskesmas(ctx, "aman")
		d.ExpectReady(ctx)
		stray := func(name string, as client.FieldOwner, facility string, owner *v1alpha1.Puskesmas) *corev1.ConfigMap {
			object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: d.Namespace, Labels: map[string]string{
				v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: string(d.Code), v1alpha1.LabelPuskesmas: facility,
			}}}
			object.SetGroupVersionKind(Core("ConfigMap"))
			if owner != nil {
				object.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, PuskesmasKind)}
				object.OwnerReferences[0].BlockOwnerDeletion = ptr.To(false)
			}
			content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
			Expect(err).NotTo(HaveOccurred())
			delete(content["metadata"].(map[string]any), "creationTimestamp")
			Expect(admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: content}), as)).To(Succeed())
			return object
		}
		p, aman := d.Puskesmas(ctx, "tebidah"), d.Puskesmas(ctx, "aman")
		stray("of-a-person", "kubectl", "tebidah", nil)
		stray("of-a-person-with-owner", "kubectl", "tebidah", p)
		stray("of-another", v1alpha1.ManagerName, "tebidah", aman)
		stray("its-own", v1alpha1.ManagerName, "tebidah", p)
		d.EventuallyGone(ctx, Core("ConfigMap"), "its-own")
		Expect(d.Object(ctx, Core("ConfigMap"), "of-another")).NotTo(BeNil())
		d.LookAgain(ctx, "aman")
		d.EventuallyGone(ctx, Core("ConfigMap"), "of-another")
		for _, name := range []string{"tebidah", "aman"} {
			d.LookAgain(ctx, name)
			d.ExpectReady(ctx, name)
		}
		Consistently(func() []any {
			return []any{d.Object(ctx, Core("ConfigMap"), "of-a-person"), d.Object(ctx, Core("ConfigMap"), "of-a-person-with-owner")}
		}, AWhile).ShouldNot(ContainElement(BeNil()))
	})

	It("is left alone if it has become somebody else's", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, func(r *v1alpha1.District) { r.Spec.Exposure.Domain = "example.test" })
		d.ExpectReady(ctx)
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateSuspended })
		d.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		ingress := d.Find(ctx, Network("Ingress"), "web")
		Expect(admin.Patch(ctx, ingress.DeepCopy(), client.RawPatch(types.MergePatchType,
			[]byte(`{"metadata":{"labels":{"ilp.health/district":null,"app.kubernetes.io/managed-by":"somebody"}}}`)))).To(Succeed())
		d.Edit(ctx, func(r *v1alpha1.District) {
			r.Spec.State = v1alpha1.StateActive
			r.Spec.Exposure = v1alpha1.Exposure{}
		})
		d.ExpectReady(ctx)
		Expect(d.Object(ctx, Network("Ingress"), ingress.GetName()).GetUID()).To(Equal(ingress.GetUID()))
	})
})

// recordToo writes down an object of a facility, as the operator.
func recordToo(ctx context.Context, d *District, puskesmas, object string) {
	GinkgoHelper()
	next := d.RecordOf(ctx, puskesmas)
	next.Objects[object] = ""
	d.WriteRecords(ctx, asOperator, map[string]*record.Record{d.WriterOf(ctx, puskesmas): next})
}
