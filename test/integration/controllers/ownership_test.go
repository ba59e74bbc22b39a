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
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
	. "ilp.health/operator/test/harness"
)

var _ = Describe("What runs is owned", func() {
	DescribeTable("and goes with its Puskesmas, however that is deleted, while data stays",
		func(ctx SpecContext, propagation metav1.DeletionPropagation) {
			d := NewDistrict(admin).Apply(ctx)
			p := addSatuSehat(ctx, d, "tebidah")
			d.AddPuskesmas(ctx, "aman")
			d.ExpectReady(ctx)
			d.ExpectOwned(ctx)
			data, neighbour := dataOf(ctx, d, "tebidah"), runs(ctx, d, "aman")
			Expect(d.Puskesmas(ctx, "tebidah").Finalizers).To(BeEmpty())

			Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"), client.PropagationPolicy(propagation))).To(Succeed())
			d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
			d.ExpectStopped(ctx, "tebidah")
			Expect(dataOf(ctx, d, "tebidah")).To(Equal(data))
			d.ExpectEvent(ctx, d.Namespace, "Puskesmas", "DataKept", "Database "+d.Namespace+"/tebidah-database",
				"Secret "+d.Namespace+"/tebidah-rme-admin", "consent: action Delete, code "+p.Spec.Code)
			d.ExpectReady(ctx)
			Expect(runs(ctx, d, "aman")).To(Equal(neighbour))
		},
		Entry("in the background", metav1.DeletePropagationBackground),
		Entry("in the foreground", metav1.DeletePropagationForeground),
	)

	It("and goes with a Puskesmas that is deleted while the operator is away", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		addSatuSehat(ctx, d, "tebidah")
		d.ExpectReady(ctx)
		data := dataOf(ctx, d, "tebidah")
		theOperator.Stop()
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		Eventually(func() []string { return names(ctx, d, DeploymentKind, "tebidah") }).Should(BeEmpty())
		theOperator.Start()
		d.ExpectStopped(ctx, "tebidah")
		Expect(dataOf(ctx, d, "tebidah")).To(Equal(data))
	})

	It("and runs on without its Puskesmas if that is asked for, until one of its name takes it up, without a restart", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		p := addSatuSehat(ctx, d, "tebidah")
		d.ExpectReady(ctx)
		before, was := runs(ctx, d, "tebidah"), d.Puskesmas(ctx, "tebidah")

		Expect(admin.Delete(ctx, was, client.PropagationPolicy(metav1.DeletePropagationOrphan))).To(Succeed())
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		Eventually(func() []metav1.OwnerReference { return d.Find(ctx, DeploymentKind, "tebidah-rme").GetOwnerReferences() }).Should(BeEmpty())
		theOperator.Restart()
		Consistently(func() map[string]string { return runs(ctx, d, "tebidah") }, AWhile).Should(Equal(before))

		again := d.NewPuskesmas("tebidah")
		again.Spec = *p.Spec.DeepCopy()
		Expect(admin.Create(ctx, again)).To(Succeed())
		d.ExpectReady(ctx, "tebidah")
		Expect(d.Puskesmas(ctx, "tebidah").UID).NotTo(Equal(was.UID))
		d.ExpectOwned(ctx)
		Expect(runs(ctx, d, "tebidah")).To(Equal(before))
	})

	DescribeTable("and stops with its District, however that is deleted, while isolation and data stay",
		func(ctx SpecContext, propagation metav1.DeletionPropagation) {
			d := NewDistrict(admin).Apply(ctx)
			d.AddPuskesmas(ctx, "tebidah")
			d.ExpectReady(ctx)
			stays := func() []any {
				return []any{outliving(ctx, d), dataOf(ctx, d, "tebidah")}
			}
			before := stays()
			Expect(admin.Delete(ctx, d.Get(ctx), client.PropagationPolicy(propagation))).To(Succeed())
			Eventually(func() []v1alpha1.District { return d.All(ctx) }).Should(BeEmpty())
			for _, gvk := range []schema.GroupVersionKind{DeploymentKind, JobKind, Core("Service"), Network("Ingress")} {
				Eventually(func() []string { return names(ctx, d, gvk, "") }).Should(BeEmpty(), gvk.Kind)
			}
			Eventually(func() []string { return names(ctx, d, Core("ConfigMap"), "") }).Should(BeEmpty())
			Expect(stays()).To(Equal(before))
			Expect(d.Find(ctx, ClusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "on"))
		},
		Entry("in the background", metav1.DeletePropagationBackground),
		Entry("in the foreground", metav1.DeletePropagationForeground),
	)

	DescribeTable("and runs on without its District if that is asked for, until one of its code takes it up, without a restart",
		func(ctx SpecContext, away bool) {
			d := NewDistrict(admin).Apply(ctx)
			d.AddPuskesmas(ctx, "tebidah")
			d.ExpectReady(ctx)
			before, facility, was := runs(ctx, d, ""), runs(ctx, d, "tebidah"), d.Get(ctx)
			if away {
				theOperator.Stop()
			}
			Expect(admin.Delete(ctx, was, client.PropagationPolicy(metav1.DeletePropagationOrphan))).To(Succeed())
			if away {
				// The garbage collector has done its part long before the operator looks.
				Eventually(func() []string { return d.Get(ctx).Finalizers }).Should(ConsistOf(v1alpha1.Finalizer))
				theOperator.Start()
			}
			Eventually(func() []v1alpha1.District { return d.All(ctx) }).Should(BeEmpty())
			d.ExpectEvent(ctx, metav1.NamespaceDefault, "District", "LeftRunning", "A District with code "+string(d.Code)+" takes it up again")
			d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDistrictNotFound)
			Expect(runs(ctx, d, "")).To(Equal(before))
			Expect(runs(ctx, d, "tebidah")).To(Equal(facility))
			Expect(d.Find(ctx, ClusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "off"))

			Expect(admin.Create(ctx, d.Resource())).To(Succeed())
			d.ExpectReady(ctx)
			d.ExpectReady(ctx, "tebidah")
			Expect(d.Get(ctx).UID).NotTo(Equal(was.UID))
			d.ExpectOwned(ctx)
			Expect(runs(ctx, d, "")).To(Equal(before))
			Expect(runs(ctx, d, "tebidah")).To(Equal(facility))
		},
		Entry("with the operator at hand", false),
		Entry("with the operator away", true),
	)

	It("by nobody else: an object of a living owner is left alone, and one that goes with its owner is waited for", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.ExpectReady(ctx)
		other := &unstructured.Unstructured{}
		other.SetGroupVersionKind(Core("ConfigMap"))
		other.SetNamespace(d.Namespace)
		other.SetName("an-owner")
		other.SetFinalizers([]string{"test.ilp.health/hold"})
		Expect(admin.Create(ctx, other)).To(Succeed())
		theirs := &unstructured.Unstructured{}
		theirs.SetGroupVersionKind(Core("Service"))
		theirs.SetNamespace(d.Namespace)
		theirs.SetName("tebidah-rme")
		theirs.SetLabels(map[string]string{
			v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelDistrict: string(d.Code), v1alpha1.LabelPuskesmas: "tebidah",
		})
		theirs.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "an-owner", UID: other.GetUID(), Controller: ptr.To(true)}})
		Expect(unstructured.SetNestedField(theirs.Object, "None", "spec", "clusterIP")).To(Succeed())
		Expect(unstructured.SetNestedStringMap(theirs.Object, map[string]string{"of": "another"}, "spec", "selector")).To(Succeed())
		Expect(admin.Create(ctx, theirs, client.FieldOwner("another"))).To(Succeed())

		d.AddPuskesmas(ctx, "tebidah")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonObjectNotOwned,
			"Service "+d.Namespace+"/tebidah-rme belongs to ConfigMap an-owner, and is left as it is")
		theOperator.Restart()
		Consistently(func() types.UID { return d.Object(ctx, Core("Service"), "tebidah-rme").GetUID() }, AWhile).Should(Equal(theirs.GetUID()))

		By("its owner going")
		Expect(admin.Delete(ctx, other.DeepCopy(), Background)).To(Succeed())
		d.LookAgain(ctx, "tebidah")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing,
			"belongs to ConfigMap an-owner, which is gone or goes: waiting for Kubernetes to delete it")
		Expect(d.Object(ctx, Core("Service"), "tebidah-rme").GetUID()).To(Equal(theirs.GetUID()))

		By("its owner being gone")
		Expect(admin.Patch(ctx, other.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
		d.EventuallyGone(ctx, Core("ConfigMap"), "an-owner")
		d.ExpectReady(ctx, "tebidah")
		Expect(d.Find(ctx, Core("Service"), "tebidah-rme").GetUID()).NotTo(Equal(theirs.GetUID()))
		d.ExpectOwned(ctx)
	})

	It("and waited for while it goes", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		held := d.Find(ctx, Core("Service"), "tebidah-rme")
		hold := func(finalizers string) {
			GinkgoHelper()
			Expect(admin.Patch(ctx, held.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":`+finalizers+`}}`)))).To(Succeed())
		}
		hold(`["test.ilp.health/hold"]`)
		start := time.Now()
		Expect(admin.Delete(ctx, held.DeepCopy())).To(Succeed())
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing,
			"Service "+d.Namespace+"/tebidah-rme is being deleted: waiting until it is gone")
		Expect(Lines(theOperator.Traffic.Since(start, Request.OfObject))).To(BeEmpty(), "nobody fights for it")
		hold("null")
		d.ExpectReady(ctx, "tebidah")
		Expect(d.Find(ctx, Core("Service"), "tebidah-rme").GetUID()).NotTo(Equal(held.GetUID()))
	})

	It("also what a version before 0.2.0 made, without a restart, and its inventory goes", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		generations := templates(ctx, d)
		theOperator.Stop()
		for _, gvk := range live.BuiltinKinds {
			for _, object := range d.Objects(ctx, gvk) {
				if apply.Outlives(&object) || gvk.Kind == "Namespace" {
					continue
				}
				patch := `{"metadata":{"ownerReferences":null,"annotations":{"` + live.AnnotationDigest + `":"0123456789abcdef"}}}`
				Expect(asOperator.Patch(ctx, object.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner(v1alpha1.ManagerName))).To(Succeed())
			}
		}
		p := d.Puskesmas(ctx, "tebidah")
		before := p.DeepCopy()
		p.Status.Inventory = []v1alpha1.InventoryEntry{{ID: d.Namespace + "_tebidah-rme_apps_Deployment", Version: "v1"}}
		Expect(admin.Status().Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Finalizers = []string{v1alpha1.Finalizer} })
		theOperator.Start()
		Eventually(func() []v1alpha1.InventoryEntry { return d.Puskesmas(ctx, "tebidah").Status.Inventory }).Should(BeEmpty())
		Eventually(func() []string { return d.Puskesmas(ctx, "tebidah").Finalizers }).Should(BeEmpty())
		d.ExpectReady(ctx, "tebidah")
		d.ExpectReady(ctx)
		d.ExpectOwned(ctx)
		Expect(templates(ctx, d)).To(Equal(generations))
	})
})

// addSatuSehat adds a facility with a connection, for which there is an opening in
// the isolation of its own.
func addSatuSehat(ctx context.Context, d *District, name string) *v1alpha1.Puskesmas {
	GinkgoHelper()
	Expect(admin.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "satusehat-" + name, Namespace: d.Namespace},
		StringData: map[string]string{"client_id": "an-id", "client_secret": "a-secret"},
	})).To(Succeed())
	return d.AddPuskesmas(ctx, name, func(p *v1alpha1.Puskesmas) {
		p.Spec.SatuSehat = v1alpha1.SatuSehatSpec{
			OrganizationID: "100000001", CredentialsSecretRef: v1alpha1.SecretReference{Name: v1alpha1.ObjectName("satusehat-" + name)},
		}
	})
}

// of lists the operator's objects of some kinds that were made for a facility, or
// for the district itself.
func of(ctx context.Context, d *District, facility string, see func(schema.GroupVersionKind, *unstructured.Unstructured), kinds ...schema.GroupVersionKind) {
	GinkgoHelper()
	for _, gvk := range kinds {
		if gvk.Kind == "Namespace" {
			continue
		}
		for _, object := range d.Objects(ctx, gvk) {
			if object.GetLabels()[v1alpha1.LabelPuskesmas] == facility {
				see(gvk, &object)
			}
		}
	}
}

// runs tells what runs, is published or lets it: objects by their UIDs, and of
// workloads which generation.
func runs(ctx context.Context, d *District, facility string) map[string]string {
	GinkgoHelper()
	out := map[string]string{}
	of(ctx, d, facility, func(gvk schema.GroupVersionKind, object *unstructured.Unstructured) {
		out[gvk.Kind+" "+object.GetName()] = string(object.GetUID())
		if gvk == DeploymentKind || gvk == JobKind {
			out[gvk.Kind+" "+object.GetName()+" generation"] = strconv.FormatInt(object.GetGeneration(), 10)
		}
	}, live.BuiltinKinds...)
	return out
}

// templates are the pod templates of all Deployments.
func templates(ctx context.Context, d *District) map[string]any {
	GinkgoHelper()
	out := map[string]any{}
	for _, object := range d.Objects(ctx, DeploymentKind) {
		template, _, _ := unstructured.NestedMap(object.Object, "spec", "template")
		out[object.GetName()+" "+string(object.GetUID())] = template
	}
	return out
}

// dataOf are the UIDs of what holds a facility's data.
func dataOf(ctx context.Context, d *District, facility string) []types.UID {
	GinkgoHelper()
	var out []types.UID
	of(ctx, d, facility, func(_ schema.GroupVersionKind, object *unstructured.Unstructured) { out = append(out, object.GetUID()) },
		DatabaseKind, RoleKind, Core("Secret"))
	slices.Sort(out)
	return out
}

// outliving are the UIDs of the district's own isolation and data.
func outliving(ctx context.Context, d *District) []types.UID {
	GinkgoHelper()
	var out []types.UID
	of(ctx, d, "", func(_ schema.GroupVersionKind, object *unstructured.Unstructured) {
		if apply.Outlives(object) {
			out = append(out, object.GetUID())
		}
	}, slices.Concat(live.BuiltinKinds, cnpg.Kinds, []schema.GroupVersionKind{Core("Secret")})...)
	slices.Sort(out)
	return out
}

// names are the operator's objects of a kind whose names start so.
func names(ctx context.Context, d *District, gvk schema.GroupVersionKind, facility string) []string {
	GinkgoHelper()
	var out []string
	for _, object := range d.Objects(ctx, gvk) {
		if facility == "" || object.GetLabels()[v1alpha1.LabelPuskesmas] == facility {
			out = append(out, object.GetName())
		}
	}
	return out
}
