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
)

var _ = Describe("What the spec no longer asks for", func() {
	It("is deleted, exactly that object, if it holds no data", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, func(r *v1alpha1.District) { r.Spec.Exposure.Domain = "example.test" })
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		Expect(d.objects(ctx, network("Ingress"))).To(HaveLen(2))

		start := time.Now()
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Exposure = v1alpha1.Exposure{} })
		Eventually(func() int { return len(d.objects(ctx, network("Ingress"))) }).Should(BeZero())
		d.expectReady(ctx)
		deletions := theOperator.traffic.since(start, func(r request) bool { return r.verb == "delete" })
		Expect(lines(deletions)).To(HaveLen(2))
		for _, deletion := range deletions {
			Expect(deletion.precondition).To(ContainSubstring("uid"))
		}
		d.expectReady(ctx, "tebidah")
	})

	// The two places in which a Secret is named that the spec no longer asks for.
	DescribeTable("is kept if it holds data, until somebody agrees", func(ctx SpecContext, name func(context.Context, *district)) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)

		By("a Secret of a component that the operator no longer has")
		name(ctx, d)
		Expect(admin.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "tebidah-old", Namespace: d.namespace, Labels: map[string]string{
			v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: string(d.code), v1alpha1.LabelPuskesmas: "tebidah",
		}}})).To(Succeed())
		d.lookAgain(ctx, "tebidah")
		d.expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConsentRequired,
			"holds data and is kept: Secret "+d.namespace+"/tebidah-old", "needs a consent: action Prune, code P")
		kept := func() any { return d.object(ctx, core("Secret"), "tebidah-old") }
		Consistently(kept, aWhile).ShouldNot(BeNil())

		By("a consent that has expired")
		consent := func(action v1alpha1.ConsentAction, until time.Duration) {
			d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
				p.Spec.Consent = newConsent(action, p.Spec.Code, until)
			})
		}
		consent(v1alpha1.ConsentPrune, -time.Hour)
		d.expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConsentRequired, "the consent expired at")
		Consistently(kept, aWhile).ShouldNot(BeNil())

		By("a consent to something else")
		consent(v1alpha1.ConsentRecreate, time.Hour)
		d.expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConsentRequired, "the consent is for Recreate, not for Prune")
		Consistently(kept, aWhile).ShouldNot(BeNil())

		By("a consent")
		consent(v1alpha1.ConsentPrune, time.Hour)
		d.expectReady(ctx, "tebidah")
		Expect(d.object(ctx, core("Secret"), "tebidah-old")).To(BeNil())
		Expect(d.recordOf(ctx, "tebidah").Secrets()).NotTo(ContainElement("tebidah-old"))
		Expect(d.puskesmas(ctx, "tebidah").Status.Inventory).To(BeEmpty())
	},
		Entry("named by its record", func(ctx context.Context, d *district) { d.recordToo(ctx, "tebidah", "Secret/tebidah-old") }),
		Entry("named by the inventory of a version before 0.2.0", func(ctx context.Context, d *district) {
			p := d.puskesmas(ctx, "tebidah")
			before := p.DeepCopy()
			p.Status.Inventory = []v1alpha1.InventoryEntry{{ID: d.namespace + "_tebidah-old__Secret", Version: "v1"}}
			Expect(admin.Status().Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
		}),
	)

	It("is deleted by whom it is of, and not by labels, which anybody can copy", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.addPuskesmas(ctx, "aman")
		d.expectReady(ctx)
		stray := func(name string, as client.FieldOwner, facility string, owner *v1alpha1.Puskesmas) *corev1.ConfigMap {
			object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: d.namespace, Labels: map[string]string{
				v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: string(d.code), v1alpha1.LabelPuskesmas: facility,
			}}}
			object.SetGroupVersionKind(core("ConfigMap"))
			if owner != nil {
				object.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, puskesmasKind)}
				object.OwnerReferences[0].BlockOwnerDeletion = ptr.To(false)
			}
			content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
			Expect(err).NotTo(HaveOccurred())
			delete(content["metadata"].(map[string]any), "creationTimestamp")
			Expect(admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: content}), as)).To(Succeed())
			return object
		}
		p, aman := d.puskesmas(ctx, "tebidah"), d.puskesmas(ctx, "aman")
		stray("of-a-person", "kubectl", "tebidah", nil)
		stray("of-a-person-with-owner", "kubectl", "tebidah", p)
		stray("of-another", v1alpha1.ManagerName, "tebidah", aman)
		stray("its-own", v1alpha1.ManagerName, "tebidah", p)
		d.eventuallyGone(ctx, core("ConfigMap"), "its-own")
		Expect(d.object(ctx, core("ConfigMap"), "of-another")).NotTo(BeNil())
		d.lookAgain(ctx, "aman")
		d.eventuallyGone(ctx, core("ConfigMap"), "of-another")
		for _, name := range []string{"tebidah", "aman"} {
			d.lookAgain(ctx, name)
			d.expectReady(ctx, name)
		}
		Consistently(func() []any {
			return []any{d.object(ctx, core("ConfigMap"), "of-a-person"), d.object(ctx, core("ConfigMap"), "of-a-person-with-owner")}
		}, aWhile).ShouldNot(ContainElement(BeNil()))
	})

	It("is left alone if it has become somebody else's", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, func(r *v1alpha1.District) { r.Spec.Exposure.Domain = "example.test" })
		d.expectReady(ctx)
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateSuspended })
		d.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		ingress := d.find(ctx, network("Ingress"), "web")
		Expect(admin.Patch(ctx, ingress.DeepCopy(), client.RawPatch(types.MergePatchType,
			[]byte(`{"metadata":{"labels":{"ilp.health/district":null,"app.kubernetes.io/managed-by":"somebody"}}}`)))).To(Succeed())
		d.edit(ctx, func(r *v1alpha1.District) {
			r.Spec.State = v1alpha1.StateActive
			r.Spec.Exposure = v1alpha1.Exposure{}
		})
		d.expectReady(ctx)
		Expect(d.object(ctx, network("Ingress"), ingress.GetName()).GetUID()).To(Equal(ingress.GetUID()))
	})
})

// newConsent is somebody's word that data may be lost.
func newConsent(action v1alpha1.ConsentAction, code string, until time.Duration) v1alpha1.Consent {
	now := time.Now()
	return v1alpha1.Consent{
		Action: action, Code: code, Reason: "asked for by a test",
		IssuedAt: metav1.NewTime(now.Add(-24 * time.Hour)), ExpiresAt: metav1.NewTime(now.Add(until)),
	}
}

// recordToo writes down an object of a facility, as the operator.
func (d *district) recordToo(ctx context.Context, puskesmas, object string) {
	GinkgoHelper()
	next := d.recordOf(ctx, puskesmas)
	next.Objects[object] = ""
	d.writeRecords(ctx, map[string]*record.Record{d.writerOf(ctx, puskesmas): next})
}
