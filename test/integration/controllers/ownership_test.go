package controllers_test

import (
	"context"
	"slices"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/live"
)

var _ = Describe("What runs is owned", func() {
	DescribeTable("and goes with its Puskesmas, however that is deleted, while data stays",
		func(ctx SpecContext, propagation metav1.DeletionPropagation) {
			d := newDistrict(admin).apply(ctx)
			p := d.addSatuSehat(ctx, "tebidah")
			d.addPuskesmas(ctx, "aman")
			d.expectReady(ctx)
			d.expectOwned(ctx)
			data, neighbour := d.dataOf(ctx, "tebidah"), d.runs(ctx, "aman")
			Expect(d.puskesmas(ctx, "tebidah").Finalizers).To(BeEmpty())

			Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"), client.PropagationPolicy(propagation))).To(Succeed())
			d.eventuallyGone(ctx, puskesmasKind, "tebidah")
			d.expectStopped(ctx, "tebidah")
			Expect(d.dataOf(ctx, "tebidah")).To(Equal(data))
			d.expectEvent(ctx, d.namespace, "Puskesmas", "DataKept", "Database "+d.namespace+"/tebidah-database",
				"Secret "+d.namespace+"/tebidah-rme-admin", "consent: action Delete, code "+p.Spec.Code)
			d.expectReady(ctx)
			Expect(d.runs(ctx, "aman")).To(Equal(neighbour))
		},
		Entry("in the background", metav1.DeletePropagationBackground),
		Entry("in the foreground", metav1.DeletePropagationForeground),
	)

	It("and goes with a Puskesmas that is deleted while the operator is away", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addSatuSehat(ctx, "tebidah")
		d.expectReady(ctx)
		data := d.dataOf(ctx, "tebidah")
		theOperator.stop()
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		Eventually(func() []string { return d.names(ctx, deploymentKind, "tebidah") }).Should(BeEmpty())
		theOperator.start()
		d.expectStopped(ctx, "tebidah")
		Expect(d.dataOf(ctx, "tebidah")).To(Equal(data))
	})

	It("and runs on without its Puskesmas if that is asked for, until one of its name takes it up, without a restart", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		p := d.addSatuSehat(ctx, "tebidah")
		d.expectReady(ctx)
		runs, was := d.runs(ctx, "tebidah"), d.puskesmas(ctx, "tebidah")

		Expect(admin.Delete(ctx, was, client.PropagationPolicy(metav1.DeletePropagationOrphan))).To(Succeed())
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		Eventually(func() []metav1.OwnerReference { return d.find(ctx, deploymentKind, "tebidah-rme").GetOwnerReferences() }).Should(BeEmpty())
		theOperator.restart()
		Consistently(func() map[string]string { return d.runs(ctx, "tebidah") }, aWhile).Should(Equal(runs))

		again := d.newPuskesmas("tebidah")
		again.Spec = *p.Spec.DeepCopy()
		Expect(admin.Create(ctx, again)).To(Succeed())
		d.expectReady(ctx, "tebidah")
		Expect(d.puskesmas(ctx, "tebidah").UID).NotTo(Equal(was.UID))
		d.expectOwned(ctx)
		Expect(d.runs(ctx, "tebidah")).To(Equal(runs))
	})

	DescribeTable("and stops with its District, however that is deleted, while isolation and data stay",
		func(ctx SpecContext, propagation metav1.DeletionPropagation) {
			d := newDistrict(admin).apply(ctx)
			d.addPuskesmas(ctx, "tebidah")
			d.expectReady(ctx)
			stays := func() []any {
				return []any{d.outliving(ctx), d.dataOf(ctx, "tebidah")}
			}
			before := stays()
			Expect(admin.Delete(ctx, d.get(ctx), client.PropagationPolicy(propagation))).To(Succeed())
			Eventually(func() []v1alpha1.District { return d.all(ctx) }).Should(BeEmpty())
			for _, gvk := range []schema.GroupVersionKind{deploymentKind, jobKind, core("Service"), network("Ingress")} {
				Eventually(func() []string { return d.names(ctx, gvk, "") }).Should(BeEmpty(), gvk.Kind)
			}
			Eventually(func() []string { return d.names(ctx, core("ConfigMap"), "") }).Should(BeEmpty())
			Expect(stays()).To(Equal(before))
			Expect(d.find(ctx, clusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "on"))
		},
		Entry("in the background", metav1.DeletePropagationBackground),
		Entry("in the foreground", metav1.DeletePropagationForeground),
	)

	DescribeTable("and runs on without its District if that is asked for, until one of its code takes it up, without a restart",
		func(ctx SpecContext, away bool) {
			d := newDistrict(admin).apply(ctx)
			d.addPuskesmas(ctx, "tebidah")
			d.expectReady(ctx)
			runs, facility, was := d.runs(ctx, ""), d.runs(ctx, "tebidah"), d.get(ctx)
			if away {
				theOperator.stop()
			}
			Expect(admin.Delete(ctx, was, client.PropagationPolicy(metav1.DeletePropagationOrphan))).To(Succeed())
			if away {
				// The garbage collector has done its part long before the operator looks.
				Eventually(func() []string { return d.get(ctx).Finalizers }).Should(ConsistOf(v1alpha1.Finalizer))
				theOperator.start()
			}
			Eventually(func() []v1alpha1.District { return d.all(ctx) }).Should(BeEmpty())
			d.expectEvent(ctx, metav1.NamespaceDefault, "District", "LeftRunning", "A District with code "+string(d.code)+" takes it up again")
			d.expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDistrictNotFound)
			Expect(d.runs(ctx, "")).To(Equal(runs))
			Expect(d.runs(ctx, "tebidah")).To(Equal(facility))
			Expect(d.find(ctx, clusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "off"))

			Expect(admin.Create(ctx, d.resource())).To(Succeed())
			d.expectReady(ctx)
			d.expectReady(ctx, "tebidah")
			Expect(d.get(ctx).UID).NotTo(Equal(was.UID))
			d.expectOwned(ctx)
			Expect(d.runs(ctx, "")).To(Equal(runs))
			Expect(d.runs(ctx, "tebidah")).To(Equal(facility))
		},
		Entry("with the operator at hand", false),
		Entry("with the operator away", true),
	)

	It("by nobody else: an object of a living owner is left alone, and one that goes with its owner is waited for", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.expectReady(ctx)
		other := &unstructured.Unstructured{}
		other.SetGroupVersionKind(core("ConfigMap"))
		other.SetNamespace(d.namespace)
		other.SetName("an-owner")
		other.SetFinalizers([]string{"test.ilp.health/hold"})
		Expect(admin.Create(ctx, other)).To(Succeed())
		theirs := &unstructured.Unstructured{}
		theirs.SetGroupVersionKind(core("Service"))
		theirs.SetNamespace(d.namespace)
		theirs.SetName("tebidah-rme")
		theirs.SetLabels(map[string]string{
			v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: string(d.code), v1alpha1.LabelPuskesmas: "tebidah",
		})
		theirs.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "an-owner", UID: other.GetUID(), Controller: ptr.To(true)}})
		Expect(unstructured.SetNestedField(theirs.Object, "None", "spec", "clusterIP")).To(Succeed())
		Expect(unstructured.SetNestedStringMap(theirs.Object, map[string]string{"of": "another"}, "spec", "selector")).To(Succeed())
		Expect(admin.Create(ctx, theirs, client.FieldOwner("another"))).To(Succeed())

		d.addPuskesmas(ctx, "tebidah")
		d.expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonObjectNotOwned,
			"Service "+d.namespace+"/tebidah-rme belongs to ConfigMap an-owner, and is left as it is")
		theOperator.restart()
		Consistently(func() types.UID { return d.object(ctx, core("Service"), "tebidah-rme").GetUID() }, aWhile).Should(Equal(theirs.GetUID()))

		By("its owner going")
		Expect(admin.Delete(ctx, other.DeepCopy(), background)).To(Succeed())
		d.lookAgain(ctx, "tebidah")
		d.expect(ctx, "tebidah", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing,
			"belongs to ConfigMap an-owner, which is gone or goes: waiting for Kubernetes to delete it")
		Expect(d.object(ctx, core("Service"), "tebidah-rme").GetUID()).To(Equal(theirs.GetUID()))

		By("its owner being gone")
		Expect(admin.Patch(ctx, other.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
		d.eventuallyGone(ctx, core("ConfigMap"), "an-owner")
		d.expectReady(ctx, "tebidah")
		Expect(d.find(ctx, core("Service"), "tebidah-rme").GetUID()).NotTo(Equal(theirs.GetUID()))
		d.expectOwned(ctx)
	})

	It("and waited for while it goes", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		held := d.find(ctx, core("Service"), "tebidah-rme")
		hold := func(finalizers string) {
			GinkgoHelper()
			Expect(admin.Patch(ctx, held.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":`+finalizers+`}}`)))).To(Succeed())
		}
		hold(`["test.ilp.health/hold"]`)
		start := time.Now()
		Expect(admin.Delete(ctx, held.DeepCopy())).To(Succeed())
		d.expect(ctx, "tebidah", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing,
			"Service "+d.namespace+"/tebidah-rme is being deleted: waiting until it is gone")
		Expect(lines(theOperator.traffic.since(start, request.ofObject))).To(BeEmpty(), "nobody fights for it")
		hold("null")
		d.expectReady(ctx, "tebidah")
		Expect(d.find(ctx, core("Service"), "tebidah-rme").GetUID()).NotTo(Equal(held.GetUID()))
	})

	It("also what a version before 0.2.0 made, without a restart, and its inventory goes", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		generations := d.templates(ctx)
		theOperator.stop()
		for _, gvk := range live.BuiltinKinds {
			for _, object := range d.objects(ctx, gvk) {
				if apply.Outlives(&object) || gvk.Kind == "Namespace" {
					continue
				}
				patch := `{"metadata":{"ownerReferences":null,"annotations":{"` + live.AnnotationDigest + `":"0123456789abcdef"}}}`
				Expect(asOperator.Patch(ctx, object.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner(v1alpha1.ManagerName))).To(Succeed())
			}
		}
		p := d.puskesmas(ctx, "tebidah")
		before := p.DeepCopy()
		p.Status.Inventory = []v1alpha1.InventoryEntry{{ID: d.namespace + "_tebidah-rme_apps_Deployment", Version: "v1"}}
		Expect(admin.Status().Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
		d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Finalizers = []string{v1alpha1.Finalizer} })
		theOperator.start()
		Eventually(func() []v1alpha1.InventoryEntry { return d.puskesmas(ctx, "tebidah").Status.Inventory }).Should(BeEmpty())
		Eventually(func() []string { return d.puskesmas(ctx, "tebidah").Finalizers }).Should(BeEmpty())
		d.expectReady(ctx, "tebidah")
		d.expectReady(ctx)
		d.expectOwned(ctx)
		Expect(d.templates(ctx)).To(Equal(generations))
	})
})

// addSatuSehat adds a facility with a connection, for which there is an opening in
// the isolation of its own.
func (d *district) addSatuSehat(ctx context.Context, name string) *v1alpha1.Puskesmas {
	GinkgoHelper()
	Expect(admin.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "satusehat-" + name, Namespace: d.namespace},
		StringData: map[string]string{"client_id": "an-id", "client_secret": "a-secret"},
	})).To(Succeed())
	return d.addPuskesmas(ctx, name, func(p *v1alpha1.Puskesmas) {
		p.Spec.SatuSehat = v1alpha1.SatuSehatSpec{
			OrganizationID: "100000001", CredentialsSecretRef: v1alpha1.SecretReference{Name: v1alpha1.ObjectName("satusehat-" + name)},
		}
	})
}

// of lists the operator's objects of some kinds that were made for a facility, or
// for the district itself.
func (d *district) of(ctx context.Context, facility string, see func(schema.GroupVersionKind, *unstructured.Unstructured), kinds ...schema.GroupVersionKind) {
	GinkgoHelper()
	for _, gvk := range kinds {
		if gvk.Kind == "Namespace" {
			continue
		}
		for _, object := range d.objects(ctx, gvk) {
			if object.GetLabels()[v1alpha1.LabelPuskesmas] == facility {
				see(gvk, &object)
			}
		}
	}
}

// runs tells what runs, is published or lets it: objects by their UIDs, and of
// workloads which generation.
func (d *district) runs(ctx context.Context, facility string) map[string]string {
	GinkgoHelper()
	out := map[string]string{}
	d.of(ctx, facility, func(gvk schema.GroupVersionKind, object *unstructured.Unstructured) {
		out[gvk.Kind+" "+object.GetName()] = string(object.GetUID())
		if gvk == deploymentKind || gvk == jobKind {
			out[gvk.Kind+" "+object.GetName()+" generation"] = strconv.FormatInt(object.GetGeneration(), 10)
		}
	}, live.BuiltinKinds...)
	return out
}

// templates are the pod templates of all Deployments.
func (d *district) templates(ctx context.Context) map[string]any {
	GinkgoHelper()
	out := map[string]any{}
	for _, object := range d.objects(ctx, deploymentKind) {
		template, _, _ := unstructured.NestedMap(object.Object, "spec", "template")
		out[object.GetName()+" "+string(object.GetUID())] = template
	}
	return out
}

// dataOf are the UIDs of what holds a facility's data.
func (d *district) dataOf(ctx context.Context, facility string) []types.UID {
	GinkgoHelper()
	var out []types.UID
	d.of(ctx, facility, func(_ schema.GroupVersionKind, object *unstructured.Unstructured) { out = append(out, object.GetUID()) },
		databaseKind, roleKind, core("Secret"))
	slices.Sort(out)
	return out
}

// outliving are the UIDs of the district's own isolation and data.
func (d *district) outliving(ctx context.Context) []types.UID {
	GinkgoHelper()
	var out []types.UID
	d.of(ctx, "", func(_ schema.GroupVersionKind, object *unstructured.Unstructured) {
		if apply.Outlives(object) {
			out = append(out, object.GetUID())
		}
	}, slices.Concat(live.BuiltinKinds, live.DatabaseKinds, []schema.GroupVersionKind{core("Secret")})...)
	slices.Sort(out)
	return out
}

// names are the operator's objects of a kind whose names start so.
func (d *district) names(ctx context.Context, gvk schema.GroupVersionKind, facility string) []string {
	GinkgoHelper()
	var out []string
	for _, object := range d.objects(ctx, gvk) {
		if facility == "" || object.GetLabels()[v1alpha1.LabelPuskesmas] == facility {
			out = append(out, object.GetName())
		}
	}
	return out
}
