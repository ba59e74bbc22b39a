package controllers_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

func core(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Version: "v1", Kind: kind}
}

func network(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: kind}
}

func rbac(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: kind}
}

// background deletes an object at once, and what it owns later.
var background = client.PropagationPolicy(metav1.DeletePropagationBackground)

// deleted in place of a patch deletes the object.
const deleted = "delete"

var _ = Describe("What somebody changes by hand", Ordered, ContinueOnFailure, func() {
	var d *district
	BeforeAll(func(ctx SpecContext) {
		d = newDistrict(admin).apply(ctx, func(r *v1alpha1.District) { r.Spec.Exposure.Domain = "example.test" })
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
	})

	DescribeTable("is put right with one write",
		func(ctx SpecContext, gvk schema.GroupVersionKind, prefix, patch string) {
			d.expectReady(ctx)
			theOperator.quiet(300 * time.Millisecond)
			before := d.find(ctx, gvk, prefix)
			start := time.Now()
			if patch == deleted {
				Expect(admin.Delete(ctx, before.DeepCopy(), background)).To(Succeed())
			} else {
				Expect(admin.Patch(ctx, before.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner("kubectl-edit"))).To(Succeed())
			}
			Eventually(func() string {
				now := d.object(ctx, gvk, before.GetName())
				if now == nil {
					return "gone"
				}
				if patch == deleted && now.GetUID() == before.GetUID() {
					return "not yet made anew"
				}
				return cmp.Diff(content(before), content(now))
			}).WithTimeout(5*time.Second).WithPolling(10*time.Millisecond).Should(BeEmpty(), "what differs from before")
			AddReportEntry("drift", fmt.Sprintf("%s %s: put right after %d ms", gvk.Kind, before.GetName(), time.Since(start).Milliseconds()))
			d.expectReady(ctx)
			theOperator.wroteOnce(start)
		},
		Entry("a deleted Deployment", deploymentKind, "tebidah-rme", deleted),
		Entry("a scaled Deployment", deploymentKind, "tebidah-rme", `{"spec":{"replicas":3}}`),
		Entry("an edited Deployment", deploymentKind, "tebidah-rme", `{"spec":{"revisionHistoryLimit":9}}`),
		Entry("an edited label", deploymentKind, "tebidah-rme", `{"metadata":{"labels":{"app.kubernetes.io/name":"other"}}}`),
		Entry("the label by which the operator sees its objects", core("ConfigMap"), "pws-data", `{"metadata":{"labels":{"app.kubernetes.io/managed-by":null}}}`),
		Entry("the label by which an object leads to its Puskesmas", core("Service"), "tebidah-rme", `{"metadata":{"labels":{"ilp.health/puskesmas":null}}}`),
		Entry("a removed label", network("NetworkPolicy"), "dns", `{"metadata":{"labels":{"ilp.health/district":null}}}`),
		Entry("an opened NetworkPolicy", network("NetworkPolicy"), "database", `{"spec":{"ingress":[{}]}}`),
		Entry("a default-deny that allows", network("NetworkPolicy"), "default-deny", `{"spec":{"ingress":[{}],"egress":[{}]}}`),
		Entry("a web policy that lets all out", network("NetworkPolicy"), "web", `{"spec":{"podSelector":{"matchLabels":{"a":"b"}}}}`),
		Entry("a deleted NetworkPolicy", network("NetworkPolicy"), "default-deny", deleted),
		Entry("an edited ConfigMap", core("ConfigMap"), "pws-data", `{"data":{"desa.csv":"nothing"}}`),
		Entry("an edited Ingress", network("Ingress"), "tebidah", `{"spec":{"rules":[{"host":"elsewhere.test"}]}}`),
		Entry("a widened ResourceQuota", core("ResourceQuota"), "district", `{"spec":{"hard":{"pods":"9999"}}}`),
		Entry("a RoleBinding for somebody else", rbac("RoleBinding"), "dinkes", `{"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"Group","name":"everybody"}]}`),
		Entry("the operator's own RoleBinding", rbac("RoleBinding"), "ilp-operator", deleted),
		Entry("a widened Role", rbac("Role"), "dinkes", `{"rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}]}`),
		Entry("a deleted Service", core("Service"), "dashboard", deleted),
		Entry("a ServiceAccount with a token", core("ServiceAccount"), "tebidah-rme", `{"automountServiceAccountToken":true}`),
		Entry("a schema that nobody asked for", databaseKind, "tebidah", `{"spec":{"schemas":[{"name":"other"}]}}`),
		Entry("what CloudNativePG leaves out when it writes", databaseKind, "tebidah", `{"spec":{"schemas":null,"extensions":null,"fdws":null,"servers":null}}`),
		Entry("a role with every right", roleKind, "tebidah", `{"spec":{"superuser":true,"inRoles":["pg_read_all_data"]}}`),
		Entry("a PostgreSQL that is stopped by hand", clusterKind, "database", `{"metadata":{"annotations":{"cnpg.io/hibernation":"on"}}}`),
		Entry("a deleted Job", jobKind, "tebidah-schema", deleted),
		Entry("an owner that is taken off, as tools that restore do", deploymentKind, "tebidah-rme", `{"metadata":{"ownerReferences":null}}`),
		Entry("the district as owner that is taken off", core("Service"), "dashboard", `{"metadata":{"ownerReferences":null}}`),
	)

	It("is put right in the namespace itself", func(ctx SpecContext) {
		namespace := &unstructured.Unstructured{}
		namespace.SetGroupVersionKind(core("Namespace"))
		namespace.SetName(d.namespace)
		start := time.Now()
		Expect(admin.Patch(ctx, namespace, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`)))).To(Succeed())
		Eventually(func() string {
			Expect(admin.Get(ctx, client.ObjectKey{Name: d.namespace}, namespace)).To(Succeed())
			return namespace.GetLabels()["pod-security.kubernetes.io/enforce"]
		}).Should(Equal("restricted"))
		theOperator.wroteOnce(start)
	})

	It("is put right after the operator was away", func(ctx SpecContext) {
		theOperator.stop()
		before := d.find(ctx, network("NetworkPolicy"), "web")
		Expect(admin.Patch(ctx, before.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"spec":{"ingress":[{}]}}`)))).To(Succeed())
		orphan := d.find(ctx, core("Service"), "tebidah-rme")
		Expect(admin.Patch(ctx, orphan.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"ownerReferences":null}}`)))).To(Succeed())
		removed := d.find(ctx, deploymentKind, "dashboard")
		Expect(admin.Delete(ctx, removed.DeepCopy())).To(Succeed())
		theOperator.start()
		Eventually(func() string {
			return cmp.Diff(content(before), content(d.object(ctx, network("NetworkPolicy"), "web")))
		}).Should(BeEmpty())
		Eventually(func() *unstructured.Unstructured { return d.object(ctx, deploymentKind, "dashboard") }).ShouldNot(BeNil())
		d.expectReady(ctx)
		Eventually(func() any { return d.find(ctx, core("Service"), "tebidah-rme").GetOwnerReferences() }).Should(Equal(orphan.GetOwnerReferences()))
	})

	It("includes the finalizers of a District, and of a Puskesmas with a consent to carry out", func(ctx SpecContext) {
		finalizers := func() []string { return d.puskesmas(ctx, "tebidah").Finalizers }
		Expect(finalizers()).To(BeEmpty())
		d.edit(ctx, func(r *v1alpha1.District) { r.Finalizers = nil })
		Eventually(func() []string { return d.get(ctx).Finalizers }).Should(ConsistOf(v1alpha1.Finalizer))
		d.agree(ctx, "tebidah")
		d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Finalizers = nil })
		Eventually(finalizers).Should(ConsistOf(v1alpha1.Finalizer))
		d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Consent = v1alpha1.Consent{} })
		Eventually(finalizers).Should(BeEmpty())
	})

	It("does not include generated Secrets, which are never overwritten", func(ctx SpecContext) {
		secret := d.find(ctx, core("Secret"), "tebidah-database")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.RME.Replicas = 2 })
		d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.RME.Replicas = 3 })
		theOperator.restart()
		d.expectReady(ctx)
		d.expectReady(ctx, "tebidah")
		Expect(d.find(ctx, core("Secret"), "tebidah-database")).To(Equal(secret))
	})
})

// wroteOnce waits until the operator has come to rest, and looks that it wrote
// one object.
func (o *operator) wroteOnce(start time.Time) {
	GinkgoHelper()
	writes := func() []string { return lines(o.traffic.since(start, request.ofObject)) }
	Eventually(writes).ShouldNot(BeEmpty())
	o.quiet(300 * time.Millisecond)
	Expect(writes()).To(HaveLen(1))
}

// find is the operator's object of a kind whose name starts so.
func (d *district) find(ctx context.Context, gvk schema.GroupVersionKind, prefix string) *unstructured.Unstructured {
	GinkgoHelper()
	var names []string
	for _, object := range d.objects(ctx, gvk) {
		if strings.HasPrefix(object.GetName(), prefix) {
			return &object
		}
		names = append(names, object.GetName())
	}
	Fail(fmt.Sprintf("no %s starts with %s among %v", gvk.Kind, prefix, names))
	return nil
}

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
