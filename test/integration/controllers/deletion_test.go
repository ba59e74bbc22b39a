package controllers_test

import (
	"context"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

var eventKind = schema.GroupVersionKind{Group: "events.k8s.io", Version: "v1", Kind: "Event"}

var _ = Describe("Deleting a Puskesmas", func() {
	It("keeps its database and credentials, which one of its name takes up again", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		p := d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		secret, database := d.find(ctx, core("Secret"), "tebidah-database"), d.find(ctx, databaseKind, "tebidah")

		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		Expect(d.object(ctx, deploymentKind, "tebidah-rme")).To(BeNil())
		Expect(d.object(ctx, core("Service"), "tebidah-rme")).To(BeNil())
		Expect(d.find(ctx, core("Secret"), "tebidah-database").GetUID()).To(Equal(secret.GetUID()))
		Expect(d.find(ctx, databaseKind, "tebidah").GetUID()).To(Equal(database.GetUID()))
		Expect(d.find(ctx, roleKind, "tebidah")).NotTo(BeNil())
		d.expectEvent(ctx, d.namespace, "Puskesmas", "DataKept", "Database "+d.namespace+"/tebidah-database", "consent: action Delete, code "+p.Spec.Code)

		By("making it again")
		d.addPuskesmas(ctx, "tebidah", func(again *v1alpha1.Puskesmas) { again.Spec.Code = p.Spec.Code })
		d.expectReady(ctx, "tebidah")
		Expect(d.find(ctx, core("Secret"), "tebidah-database").GetUID()).To(Equal(secret.GetUID()))
		Expect(d.find(ctx, databaseKind, "tebidah").GetUID()).To(Equal(database.GetUID()))
	})

	It("drops its database if somebody agrees", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.addPuskesmas(ctx, "aman")
		d.expectReady(ctx)
		d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
			p.Spec.Consent = newConsent(v1alpha1.ConsentDelete, p.Spec.Code, time.Hour)
		})
		d.expectReady(ctx, "tebidah")
		start := time.Now()
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		for _, gvk := range []schema.GroupVersionKind{databaseKind, roleKind, deploymentKind, core("Secret"), jobKind} {
			for _, object := range d.objects(ctx, gvk) {
				Expect(object.GetName()).NotTo(HavePrefix("tebidah"), gvk.Kind)
			}
		}
		// CloudNativePG drops the database only if it is told so before its resource goes.
		changes := lines(theOperator.traffic.since(start, func(r request) bool {
			return r.write() && (r.resource == "databases" || r.resource == "databaseroles")
		}))
		Expect(changes).To(HaveExactElements(
			HavePrefix("patch databases"), HavePrefix("delete databases"), HavePrefix("patch databaseroles"), HavePrefix("delete databaseroles")))
		d.expectReady(ctx, "aman")
		d.expectReady(ctx)
	})
})

var _ = Describe("Deleting a District", func() {
	It("that retains its data stops all that runs, and one of its code finds the data again", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		kept := func() []any {
			return []any{
				d.find(ctx, core("Secret"), "tebidah-database").GetUID(), d.find(ctx, core("Secret"), "superset").GetUID(),
				d.find(ctx, clusterKind, "database").GetUID(), d.find(ctx, databaseKind, "tebidah").GetUID(),
				d.find(ctx, network("NetworkPolicy"), "default-deny").GetUID(), d.find(ctx, rbac("RoleBinding"), "dinkes").GetUID(),
			}
		}
		before := kept()

		Expect(admin.Delete(ctx, d.get(ctx))).To(Succeed())
		Eventually(func() []v1alpha1.District { return d.all(ctx) }).Should(BeEmpty())
		for _, gvk := range []schema.GroupVersionKind{deploymentKind, jobKind, core("Service")} {
			Consistently(func() []unstructured.Unstructured { return d.objects(ctx, gvk) }, 300*time.Millisecond).Should(BeEmpty(), gvk.Kind)
		}
		Expect(kept()).To(Equal(before))
		Expect(d.find(ctx, clusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "on"))
		d.expectEvent(ctx, metav1.NamespaceDefault, "District", "DataKept", "namespace "+d.namespace+" keeps the database", "kubectl annotate namespace "+d.namespace)
		d.expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDistrictNotFound, "data of this Puskesmas is kept")

		By("making it again")
		Expect(admin.Create(ctx, d.resource())).To(Succeed())
		d.expectReady(ctx)
		d.expectReady(ctx, "tebidah")
		Expect(kept()).To(Equal(before))
		Expect(d.find(ctx, clusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "off"))
	})

	It("with its data needs a consent, and then deletes the namespace", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, func(r *v1alpha1.District) { r.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionDelete })
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		versions := d.versions(ctx)
		delete(versions, "District")

		Expect(admin.Delete(ctx, d.get(ctx))).To(Succeed())
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConsentRequired,
			"consent: action Delete, code "+string(d.code), "set deletionPolicy to Retain", "Nothing has been deleted")
		unchanged := d.versions(ctx)
		delete(unchanged, "District")
		delete(versions, "Puskesmas tebidah") // its status tells that the District goes
		delete(unchanged, "Puskesmas tebidah")
		Expect(unchanged).To(Equal(versions))

		By("agreeing")
		d.edit(ctx, func(r *v1alpha1.District) {
			r.Spec.DataProtection.Consent = newConsent(v1alpha1.ConsentDelete, string(d.code), time.Hour)
		})
		d.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "namespace "+d.namespace+" is being deleted with all its data")
		namespace := &corev1.Namespace{}
		Expect(admin.Get(ctx, client.ObjectKey{Name: d.namespace}, namespace)).To(Succeed())
		Expect(namespace.DeletionTimestamp).NotTo(BeNil())

		By("the namespace's controller, which does not run here, taking the operator's rights before all else")
		Expect(admin.Delete(ctx, d.find(ctx, rbac("RoleBinding"), "ilp-operator"))).To(Succeed())
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		namespace.Spec.Finalizers = nil
		Expect(asNamespaceController.SubResource("finalize").Update(ctx, namespace)).To(Succeed())
		Eventually(func() []v1alpha1.District { return d.all(ctx) }).Should(BeEmpty())
	})
})

// eventuallyGone waits until an object of the district does not exist.
func (d *district) eventuallyGone(ctx context.Context, gvk schema.GroupVersionKind, name string) {
	GinkgoHelper()
	Eventually(func() *unstructured.Unstructured { return d.object(ctx, gvk, name) }).Should(BeNil())
}

// expectEvent waits for an event about the district's own resources.
func (d *district) expectEvent(ctx context.Context, namespace, kind, reason string, parts ...string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(eventKind.GroupVersion().WithKind("EventList"))
		g.Expect(admin.List(ctx, list, client.InNamespace(namespace))).To(Succeed())
		g.Expect(slices.ContainsFunc(list.Items, func(event unstructured.Unstructured) bool {
			regarding, _, _ := unstructured.NestedStringMap(event.Object, "regarding")
			note, _, _ := unstructured.NestedString(event.Object, "note")
			told := !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(note, part) })
			return regarding["kind"] == kind && event.Object["reason"] == reason && told
		})).To(BeTrue(), "%s of %s with %v", reason, kind, parts)
	}).Should(Succeed())
}
