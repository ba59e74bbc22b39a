package controllers_test

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
)

// deleted in place of a patch deletes the object.
const deleted = "delete"

var _ = Describe("What somebody changes by hand", Ordered, ContinueOnFailure, func() {
	var d *District
	BeforeAll(func(ctx SpecContext) {
		d = NewDistrict(admin).Apply(ctx, func(r *v1alpha1.District) { r.Spec.Exposure.Domain = "example.test" })
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
	})

	DescribeTable("is put right with one write",
		func(ctx SpecContext, gvk schema.GroupVersionKind, prefix, patch string) {
			d.ExpectReady(ctx)
			theOperator.Quiet(300 * time.Millisecond)
			before := d.Find(ctx, gvk, prefix)
			start := time.Now()
			if patch == deleted {
				Expect(admin.Delete(ctx, before.DeepCopy(), Background)).To(Succeed())
			} else {
				Expect(admin.Patch(ctx, before.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner("kubectl-edit"))).To(Succeed())
			}
			Eventually(func() string {
				now := d.Object(ctx, gvk, before.GetName())
				if now == nil {
					return "gone"
				}
				if patch == deleted && now.GetUID() == before.GetUID() {
					return "not yet made anew"
				}
				return cmp.Diff(content(before), content(now))
			}).WithTimeout(5*time.Second).WithPolling(10*time.Millisecond).Should(BeEmpty(), "what differs from before")
			AddReportEntry("drift", fmt.Sprintf("%s %s: put right after %d ms", gvk.Kind, before.GetName(), time.Since(start).Milliseconds()))
			d.ExpectReady(ctx)
			theOperator.WroteOnce(start)
		},
		Entry("a deleted Deployment", DeploymentKind, "tebidah-rme", deleted),
		Entry("a scaled Deployment", DeploymentKind, "tebidah-rme", `{"spec":{"replicas":3}}`),
		Entry("an edited Deployment", DeploymentKind, "tebidah-rme", `{"spec":{"revisionHistoryLimit":9}}`),
		Entry("an edited label", DeploymentKind, "tebidah-rme", `{"metadata":{"labels":{"app.kubernetes.io/name":"other"}}}`),
		Entry("the label by which the operator sees its objects", Core("ConfigMap"), "pws-data", `{"metadata":{"labels":{"app.kubernetes.io/managed-by":null}}}`),
		Entry("the label by which an object leads to its Puskesmas", Core("Service"), "tebidah-rme", `{"metadata":{"labels":{"ilp.health/puskesmas":null}}}`),
		Entry("a removed label", Network("NetworkPolicy"), "dns", `{"metadata":{"labels":{"ilp.health/district":null}}}`),
		Entry("an opened NetworkPolicy", Network("NetworkPolicy"), "database", `{"spec":{"ingress":[{}]}}`),
		Entry("a default-deny that allows", Network("NetworkPolicy"), "default-deny", `{"spec":{"ingress":[{}],"egress":[{}]}}`),
		Entry("a web policy that lets all out", Network("NetworkPolicy"), "web", `{"spec":{"podSelector":{"matchLabels":{"a":"b"}}}}`),
		Entry("a deleted NetworkPolicy", Network("NetworkPolicy"), "default-deny", deleted),
		Entry("an edited ConfigMap", Core("ConfigMap"), "pws-data", `{"data":{"desa.csv":"nothing"}}`),
		Entry("an edited Ingress", Network("Ingress"), "tebidah", `{"spec":{"rules":[{"host":"elsewhere.test"}]}}`),
		Entry("a widened ResourceQuota", Core("ResourceQuota"), "district", `{"spec":{"hard":{"pods":"9999"}}}`),
		Entry("a RoleBinding for somebody else", Rbac("RoleBinding"), "dinkes", `{"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"Group","name":"everybody"}]}`),
		Entry("the operator's own RoleBinding", Rbac("RoleBinding"), "ilp-operator", deleted),
		Entry("a widened Role", Rbac("Role"), "dinkes", `{"rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}]}`),
		Entry("a deleted Service", Core("Service"), "dashboard", deleted),
		Entry("a ServiceAccount with a token", Core("ServiceAccount"), "tebidah-rme", `{"automountServiceAccountToken":true}`),
		Entry("a schema that nobody asked for", DatabaseKind, "tebidah", `{"spec":{"schemas":[{"name":"other"}]}}`),
		Entry("what CloudNativePG leaves out when it writes", DatabaseKind, "tebidah", `{"spec":{"schemas":null,"extensions":null,"fdws":null,"servers":null}}`),
		Entry("a role with every right", RoleKind, "tebidah", `{"spec":{"superuser":true,"inRoles":["pg_read_all_data"]}}`),
		Entry("a PostgreSQL that is stopped by hand", ClusterKind, "database", `{"metadata":{"annotations":{"cnpg.io/hibernation":"on"}}}`),
		Entry("a deleted Job", JobKind, "tebidah-schema", deleted),
		Entry("an owner that is taken off, as tools that restore do", DeploymentKind, "tebidah-rme", `{"metadata":{"ownerReferences":null}}`),
		Entry("the district as owner that is taken off", Core("Service"), "dashboard", `{"metadata":{"ownerReferences":null}}`),
	)

	It("is put right in the namespace itself", func(ctx SpecContext) {
		namespace := &unstructured.Unstructured{}
		namespace.SetGroupVersionKind(Core("Namespace"))
		namespace.SetName(d.Namespace)
		start := time.Now()
		Expect(admin.Patch(ctx, namespace, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`)))).To(Succeed())
		Eventually(func() string {
			Expect(admin.Get(ctx, client.ObjectKey{Name: d.Namespace}, namespace)).To(Succeed())
			return namespace.GetLabels()["pod-security.kubernetes.io/enforce"]
		}).Should(Equal("restricted"))
		theOperator.WroteOnce(start)
	})

	It("is put right after the operator was away", func(ctx SpecContext) {
		theOperator.Stop()
		before := d.Find(ctx, Network("NetworkPolicy"), "web")
		Expect(admin.Patch(ctx, before.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"spec":{"ingress":[{}]}}`)))).To(Succeed())
		orphan := d.Find(ctx, Core("Service"), "tebidah-rme")
		Expect(admin.Patch(ctx, orphan.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"ownerReferences":null}}`)))).To(Succeed())
		removed := d.Find(ctx, DeploymentKind, "dashboard")
		Expect(admin.Delete(ctx, removed.DeepCopy())).To(Succeed())
		theOperator.Start()
		Eventually(func() string {
			return cmp.Diff(content(before), content(d.Object(ctx, Network("NetworkPolicy"), "web")))
		}).Should(BeEmpty())
		Eventually(func() *unstructured.Unstructured { return d.Object(ctx, DeploymentKind, "dashboard") }).ShouldNot(BeNil())
		d.ExpectReady(ctx)
		Eventually(func() any { return d.Find(ctx, Core("Service"), "tebidah-rme").GetOwnerReferences() }).Should(Equal(orphan.GetOwnerReferences()))
	})

	It("includes the finalizers of a District, and of a Puskesmas with a consent to carry out", func(ctx SpecContext) {
		finalizers := func() []string { return d.Puskesmas(ctx, "tebidah").Finalizers }
		Expect(finalizers()).To(BeEmpty())
		d.Edit(ctx, func(r *v1alpha1.District) { r.Finalizers = nil })
		Eventually(func() []string { return d.Get(ctx).Finalizers }).Should(ConsistOf(v1alpha1.Finalizer))
		d.Agree(ctx, "tebidah")
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Finalizers = nil })
		Eventually(finalizers).Should(ConsistOf(v1alpha1.Finalizer))
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Consent = v1alpha1.Consent{} })
		Eventually(finalizers).Should(BeEmpty())
	})

	It("does not include generated Secrets, which are never overwritten", func(ctx SpecContext) {
		secret := d.Find(ctx, Core("Secret"), "tebidah-database")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.RME.Replicas = 2 })
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.RME.Replicas = 3 })
		theOperator.Restart()
		d.ExpectReady(ctx)
		d.ExpectReady(ctx, "tebidah")
		Expect(d.Find(ctx, Core("Secret"), "tebidah-database")).To(Equal(secret))
	})
})

// content is all of an object but what the API server and other controllers write.
func content(object *unstructured.Unstructured) map[string]any {
	c := object.DeepCopy()
	unstructured.RemoveNestedField(c.Object, "status")
	// A Job's are chosen anew by the API server for each.
	unstructured.RemoveNestedField(c.Object, "spec", "selector")
	unstructured.RemoveNestedField(c.Object, "spec", "template", "metadata", "labels")
	annotations := c.GetAnnotations()
	delete(annotations, "deployment.kubernetes.io/revision")
	c.Object["metadata"] = map[string]any{}
	c.SetLabels(object.GetLabels())
	c.SetAnnotations(annotations)
	c.SetOwnerReferences(object.GetOwnerReferences())
	return c.Object
}
