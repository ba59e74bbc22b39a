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
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/live"
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
		d.expectStopped(ctx, "tebidah")
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
		d.agree(ctx, "tebidah")
		start := time.Now()
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		d.expectNothingOf(ctx, "tebidah")
		// CloudNativePG drops the database only if it is told so before its resource
		// goes, which goes last: it tells that the drop has begun.
		changes := lines(theOperator.traffic.since(start, func(r request) bool {
			return r.write() && (r.resource == "databases" || r.resource == "databaseroles")
		}))
		Expect(changes).To(HaveExactElements(
			HavePrefix("patch databases"), HavePrefix("patch databaseroles"), HavePrefix("delete databaseroles"), HavePrefix("delete databases")))
		d.expectEvent(ctx, d.namespace, "Puskesmas", "DataDeleted", "as consented: asked for by a test")
		d.expectReady(ctx, "aman")
		d.expectReady(ctx)
	})

	It("ends what uses the database before it is dropped", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		p := d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		rme := d.addPod(ctx, "tebidah-rme", "localhost/ilp/gnuhealth:1.0.0", map[string]string{
			v1alpha1.LabelDistrict: string(d.code), v1alpha1.LabelPuskesmas: "tebidah", "app.kubernetes.io/component": "rme",
		})
		d.agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		d.expect(ctx, "tebidah", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting,
			"step 1 of 3, stop what uses the database", "1 pod (rme)", "kubectl get pods -n "+d.namespace+" -l ilp.health/puskesmas=tebidah")
		d.expect(ctx, "tebidah", v1alpha1.ConditionRMEReady, metav1.ConditionFalse, v1alpha1.ReasonDeleting)
		Expect(d.object(ctx, deploymentKind, "tebidah-rme")).To(BeNil())
		for _, job := range d.objects(ctx, jobKind) {
			Expect(job.GetName()).NotTo(HavePrefix("tebidah"))
		}
		Consistently(func() any { return d.find(ctx, databaseKind, "tebidah").Object["spec"] }, aWhile).ShouldNot(HaveKeyWithValue("ensure", "absent"))

		By("the consent being taken back: nothing has been dropped, so the data stays")
		d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Consent = v1alpha1.Consent{} })
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		kept := d.find(ctx, databaseKind, "tebidah")
		Expect(kept.GetAnnotations()).NotTo(HaveKey(v1alpha1.AnnotationDeleteData))
		Expect(d.find(ctx, core("Secret"), "tebidah-database")).NotTo(BeNil())

		By("the same to its end")
		d.addPuskesmas(ctx, "tebidah", func(again *v1alpha1.Puskesmas) { again.Spec.Code = p.Spec.Code })
		d.expectReady(ctx, "tebidah")
		d.agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		d.expect(ctx, "tebidah", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "1 pod (rme)")
		Expect(admin.Delete(ctx, rme, client.GracePeriodSeconds(0))).To(Succeed())
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		d.expectNothingOf(ctx, "tebidah")
	})

	It("shows why PostgreSQL does not drop its database, and ends what has begun without a consent too", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		p := d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		workloads.let(ctx, d, "Database", "tebidah", inUse)
		d.agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		name := strings.ToLower(p.Spec.Code)
		for _, condition := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionDatabaseReady} {
			d.expect(ctx, "tebidah", condition, metav1.ConditionFalse, v1alpha1.ReasonDeleting,
				"step 2 of 3, drop the database", `database "`+name+`" is being accessed by other users`, "tried again every 30 seconds",
				"kubectl exec -n "+d.namespace+" database-1 -c postgres -- psql", "datname = '"+name+"'")
		}
		ordered := d.find(ctx, databaseKind, "tebidah")
		Expect(ordered.GetAnnotations()).To(HaveKeyWithValue(v1alpha1.AnnotationDeleteData, string(d.code)))
		Expect(ordered.Object["spec"]).To(And(HaveKeyWithValue("ensure", "absent"), HaveKeyWithValue("databaseReclaimPolicy", "delete")))

		By("its credentials staying until then, and the consent being taken back too late")
		Expect(d.find(ctx, core("Secret"), "tebidah-database")).NotTo(BeNil())
		d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Consent = v1alpha1.Consent{} })
		d.expect(ctx, "tebidah", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "is being accessed by other users")
		workloads.let(ctx, d, "Database", "tebidah", succeeds)
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		d.expectNothingOf(ctx, "tebidah")
	})

	It("orders nothing of a PostgreSQL that is stopped, and says whom it waits for", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateHibernated })
		d.expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonHibernated)
		d.agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		d.expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDependencyNotReady,
			"PostgreSQL is stopped and drops nothing", "set spec.state of District "+string(d.code)+" to Active", "take spec.consent out of this Puskesmas")
		Expect(d.find(ctx, databaseKind, "tebidah").GetAnnotations()).NotTo(HaveKey(v1alpha1.AnnotationDeleteData))

		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateActive })
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		d.expectNothingOf(ctx, "tebidah")
	})

	It("finds what a lost status has named, and drops or keeps it as agreed", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.addPuskesmas(ctx, "aman")
		d.expectReady(ctx)
		d.agree(ctx, "tebidah")
		theOperator.stop()
		for _, name := range []string{"tebidah", "aman"} {
			p := d.puskesmas(ctx, name)
			before := p.DeepCopy()
			p.Status = v1alpha1.PuskesmasStatus{ObservedGeneration: p.Generation, Conditions: p.Status.Conditions}
			Expect(admin.Status().Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
		}
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		theOperator.start()
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "aman"))).To(Succeed())
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		d.eventuallyGone(ctx, puskesmasKind, "aman")
		d.expectNothingOf(ctx, "tebidah")
		Expect(d.find(ctx, databaseKind, "aman")).NotTo(BeNil())
		Expect(d.find(ctx, core("Secret"), "aman-database")).NotTo(BeNil())
		d.expectStopped(ctx, "aman")
		d.expectEvent(ctx, d.namespace, "Puskesmas", "DataKept", "Database "+d.namespace+"/aman-database", "Secret "+d.namespace+"/aman-rme-admin")
	})

	It("leaves the database of another Database alone", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		database := d.find(ctx, databaseKind, "tebidah")
		By("CloudNativePG, which has never reconciled this one since another has the name")
		workloads.let(ctx, d, "Database", "tebidah", hangs)
		patch := `{"status":{"applied":false,"observedGeneration":0,"message":"\"x\" is already managed by object \"kept-database\""}}`
		Expect(admin.Status().Patch(ctx, database, client.RawPatch(types.MergePatchType, []byte(patch)))).To(Succeed())
		d.agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		d.expect(ctx, "tebidah", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonDeleting, "the database is gone", "let its Database go")
		workloads.let(ctx, d, "Database", "tebidah", succeeds)
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
	})
})

var _ = Describe("Deleting a Puskesmas whose database has become another's", func() {
	It("orders no drop", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		d.agree(ctx, "tebidah")
		theOperator.stop()
		database := d.find(ctx, databaseKind, "tebidah")
		Expect(admin.Patch(ctx, database.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"ilp.health/puskesmas":"aman"}}}`)))).To(Succeed())
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		theOperator.start()
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		still := d.find(ctx, databaseKind, "tebidah")
		Expect(still.GetUID()).To(Equal(database.GetUID()))
		Expect(still.Object["spec"]).NotTo(HaveKeyWithValue("ensure", "absent"))
		Expect(still.GetAnnotations()).NotTo(HaveKey(v1alpha1.AnnotationDeleteData))
	})
})

// agree consents to the loss of a facility's data, and waits until the operator
// has taken note.
func (d *district) agree(ctx context.Context, name string) {
	GinkgoHelper()
	d.editPuskesmas(ctx, name, func(p *v1alpha1.Puskesmas) {
		p.Spec.Consent = newConsent(v1alpha1.ConsentDelete, p.Spec.Code, time.Hour)
	})
	Eventually(func() []string { return d.puskesmas(ctx, name).Finalizers }).Should(ContainElement(v1alpha1.Finalizer))
}

// expectStopped wants nothing of a facility to be left but its data.
func (d *district) expectStopped(ctx context.Context, name string) {
	GinkgoHelper()
	for _, gvk := range live.BuiltinKinds {
		if gvk.Kind == "Namespace" {
			continue
		}
		Eventually(func() []string {
			var left []string
			for _, object := range d.objects(ctx, gvk) {
				if object.GetLabels()[v1alpha1.LabelPuskesmas] == name {
					left = append(left, object.GetName())
				}
			}
			return left
		}).Should(BeEmpty(), gvk.Kind)
	}
}

// expectNothingOf wants nothing of a facility to be left, data included.
func (d *district) expectNothingOf(ctx context.Context, name string) {
	GinkgoHelper()
	for _, gvk := range []schema.GroupVersionKind{databaseKind, roleKind, deploymentKind, core("Secret"), jobKind, core("Service")} {
		for _, object := range d.objects(ctx, gvk) {
			Expect(object.GetName()).NotTo(HavePrefix(name), gvk.Kind)
		}
	}
}

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

	It("finds what a lost status has named, and stops or deletes it", func(ctx SpecContext) {
		kept := newDistrict(admin).apply(ctx)
		gone := newDistrict(admin).apply(ctx, func(r *v1alpha1.District) {
			r.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionDelete
			r.Spec.DataProtection.Consent = newConsent(v1alpha1.ConsentDelete, string(r.Spec.Code), time.Hour)
		})
		kept.addPuskesmas(ctx, "tebidah")
		kept.expectReady(ctx)
		gone.expectReady(ctx)
		theOperator.stop()
		for _, d := range []*district{kept, gone} {
			r := d.get(ctx)
			before := r.DeepCopy()
			r.Status = v1alpha1.DistrictStatus{ObservedGeneration: r.Generation, Conditions: r.Status.Conditions}
			Expect(admin.Status().Patch(ctx, r, client.MergeFrom(before))).To(Succeed())
			Expect(admin.Delete(ctx, r)).To(Succeed())
		}
		theOperator.start()
		Eventually(func() []v1alpha1.District { return kept.all(ctx) }).Should(BeEmpty())
		Expect(kept.objects(ctx, deploymentKind)).To(BeEmpty())
		Expect(kept.find(ctx, clusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "on"))
		kept.expectEvent(ctx, metav1.NamespaceDefault, "District", "DataKept", "namespace "+kept.namespace+" keeps the database")

		gone.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "is being deleted with all its data")
		Expect(gone.object(ctx, clusterKind, "database")).To(BeNil())
		gone.endNamespace(ctx)
	})

	It("stops what runs although its status is lost and a younger District has its code", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		nextSecond()
		younger := *d
		younger.name += "-again"
		again := younger.resource()
		again.Spec.State = v1alpha1.StateSuspended
		Expect(admin.Create(ctx, again)).To(Succeed())
		theOperator.stop()
		r := d.get(ctx)
		before := r.DeepCopy()
		r.Status = v1alpha1.DistrictStatus{ObservedGeneration: r.Generation, Conditions: r.Status.Conditions}
		Expect(admin.Status().Patch(ctx, r, client.MergeFrom(before))).To(Succeed())
		Expect(admin.Delete(ctx, r)).To(Succeed())
		theOperator.start()
		d.eventuallyGone(ctx, districtKind, d.name)
		Expect(d.objects(ctx, deploymentKind)).To(BeEmpty())
		Expect(d.find(ctx, clusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "on"))
	})

	It("that has begun ends, even if the consent is no more", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx, func(r *v1alpha1.District) {
			r.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionDelete
			r.Spec.DataProtection.Consent = newConsent(v1alpha1.ConsentDelete, string(r.Spec.Code), time.Hour)
		})
		d.expectReady(ctx)
		server := d.addServer(ctx, "localhost/ilp/postgresql:15-bookworm")
		Expect(admin.Delete(ctx, d.get(ctx))).To(Succeed())
		d.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "PostgreSQL ends before namespace "+d.namespace+" is deleted")
		Expect(d.object(ctx, clusterKind, "database")).To(BeNil())
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.DataProtection.Consent = v1alpha1.Consent{} })
		d.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "PostgreSQL ends before")
		Expect(admin.Delete(ctx, server, client.GracePeriodSeconds(0))).To(Succeed())
		d.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "namespace "+d.namespace+" is being deleted")
		d.endNamespace(ctx)
	})

	It("whose namespace an older District of its code has, touches nothing", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.expectReady(ctx)
		nextSecond()
		younger := d.resource()
		younger.Name += "-again"
		younger.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionDelete
		younger.Spec.DataProtection.Consent = newConsent(v1alpha1.ConsentDelete, string(d.code), time.Hour)
		Expect(admin.Create(ctx, younger)).To(Succeed())
		second := *d
		second.name = younger.Name
		second.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDuplicateCode)
		Expect(admin.Delete(ctx, younger)).To(Succeed())
		Eventually(func() []v1alpha1.District { return d.all(ctx) }).Should(HaveLen(1))
		Expect(d.find(ctx, clusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "off"))
		d.expectReady(ctx)
	})
})

// endNamespace is what the namespace's controller does, which does not run here.
func (d *district) endNamespace(ctx context.Context) {
	GinkgoHelper()
	namespace := &corev1.Namespace{}
	Expect(admin.Get(ctx, client.ObjectKey{Name: d.namespace}, namespace)).To(Succeed())
	Expect(namespace.DeletionTimestamp).NotTo(BeNil())
	namespace.Spec.Finalizers = nil
	Expect(admin.SubResource("finalize").Update(ctx, namespace)).To(Succeed())
	Eventually(func() []v1alpha1.District { return d.all(ctx) }).Should(BeEmpty())
}

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
