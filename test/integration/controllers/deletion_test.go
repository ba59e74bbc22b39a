package controllers_test

import (
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
	. "ilp.health/operator/test/harness"
)

var _ = Describe("Deleting a Puskesmas", func() {
	It("keeps its database and credentials, which one of its name takes up again", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		p := d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		secret, database := d.Find(ctx, Core("Secret"), "tebidah-database"), d.Find(ctx, DatabaseKind, "tebidah")

		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		d.ExpectStopped(ctx, "tebidah")
		Expect(d.Find(ctx, Core("Secret"), "tebidah-database").GetUID()).To(Equal(secret.GetUID()))
		Expect(d.Find(ctx, DatabaseKind, "tebidah").GetUID()).To(Equal(database.GetUID()))
		Expect(d.Find(ctx, RoleKind, "tebidah")).NotTo(BeNil())
		d.ExpectEvent(ctx, d.Namespace, "Puskesmas", "DataKept", "Database "+d.Namespace+"/tebidah-database", "consent: action Delete, code "+p.Spec.Code)

		By("making it again")
		d.AddPuskesmas(ctx, "tebidah", func(again *v1alpha1.Puskesmas) { again.Spec.Code = p.Spec.Code })
		d.ExpectReady(ctx, "tebidah")
		Expect(d.Find(ctx, Core("Secret"), "tebidah-database").GetUID()).To(Equal(secret.GetUID()))
		Expect(d.Find(ctx, DatabaseKind, "tebidah").GetUID()).To(Equal(database.GetUID()))
	})

	It("drops its database if somebody agrees", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.AddPuskesmas(ctx, "aman")
		d.ExpectReady(ctx)
		d.Agree(ctx, "tebidah")
		start := time.Now()
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		d.ExpectNothingOf(ctx, "tebidah")
		// CloudNativePG drops the database only if it is told so before its resource
		// goes, which goes last: it tells that the drop has begun.
		changes := Lines(theOperator.Traffic.Since(start, func(r Request) bool {
			return r.Write() && (r.Resource == "databases" || r.Resource == "databaseroles")
		}))
		Expect(changes).To(HaveExactElements(
			HavePrefix("patch databases"), HavePrefix("patch databaseroles"), HavePrefix("delete databaseroles"), HavePrefix("delete databases")))
		d.ExpectEvent(ctx, d.Namespace, "Puskesmas", "DataDeleted", "as consented: asked for by a test")
		d.ExpectReady(ctx, "aman")
		d.ExpectReady(ctx)
	})

	It("ends what uses the database before it is dropped", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		p := d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		rme := d.AddPod(ctx, "tebidah-rme", "localhost/ilp/gnuhealth:1.0.0", map[string]string{
			v1alpha1.LabelDistrict: string(d.Code), v1alpha1.LabelPuskesmas: "tebidah", "app.kubernetes.io/component": "rme",
		})
		d.Agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting,
			"step 1 of 3, stop what uses the database", "1 pod (rme)", "kubectl get pods -n "+d.Namespace+" -l ilp.health/puskesmas=tebidah")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionRMEReady, metav1.ConditionFalse, v1alpha1.ReasonDeleting)
		Expect(d.Object(ctx, DeploymentKind, "tebidah-rme")).To(BeNil())
		for _, job := range d.Objects(ctx, JobKind) {
			Expect(job.GetName()).NotTo(HavePrefix("tebidah"))
		}
		Consistently(func() any { return d.Find(ctx, DatabaseKind, "tebidah").Object["spec"] }, AWhile).ShouldNot(HaveKeyWithValue("ensure", "absent"))

		By("the consent being taken back: nothing has been dropped, so the data stays")
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Consent = v1alpha1.Consent{} })
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		kept := d.Find(ctx, DatabaseKind, "tebidah")
		Expect(kept.GetAnnotations()).NotTo(HaveKey(v1alpha1.AnnotationDeleteData))
		Expect(d.Find(ctx, Core("Secret"), "tebidah-database")).NotTo(BeNil())

		By("the same to its end")
		d.AddPuskesmas(ctx, "tebidah", func(again *v1alpha1.Puskesmas) { again.Spec.Code = p.Spec.Code })
		d.ExpectReady(ctx, "tebidah")
		d.Agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "1 pod (rme)")
		Expect(admin.Delete(ctx, rme, client.GracePeriodSeconds(0))).To(Succeed())
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		d.ExpectNothingOf(ctx, "tebidah")
	})

	It("shows why PostgreSQL does not drop its database, and ends what has begun without a consent too", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		p := d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		workloads.Let(ctx, d, "Database", "tebidah", InUse)
		d.Agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		name := strings.ToLower(p.Spec.Code)
		for _, condition := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionDatabaseReady} {
			d.Expect(ctx, "tebidah", condition, metav1.ConditionFalse, v1alpha1.ReasonDeleting,
				"step 2 of 3, drop the database", `database "`+name+`" is being accessed by other users`, "tried again every 30 seconds",
				"kubectl exec -n "+d.Namespace+" database-1 -c postgres -- psql", "datname = '"+name+"'")
		}
		ordered := d.Find(ctx, DatabaseKind, "tebidah")
		Expect(ordered.GetAnnotations()).To(HaveKeyWithValue(v1alpha1.AnnotationDeleteData, string(d.Code)))
		Expect(ordered.Object["spec"]).To(And(HaveKeyWithValue("ensure", "absent"), HaveKeyWithValue("databaseReclaimPolicy", "delete")))

		By("its credentials staying until then, and the consent being taken back too late")
		Expect(d.Find(ctx, Core("Secret"), "tebidah-database")).NotTo(BeNil())
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Consent = v1alpha1.Consent{} })
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "is being accessed by other users")
		workloads.Let(ctx, d, "Database", "tebidah", Succeeds)
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		d.ExpectNothingOf(ctx, "tebidah")
	})

	It("orders nothing of a PostgreSQL that is stopped, and says whom it waits for", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateHibernated })
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonHibernated)
		d.Agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDependencyNotReady,
			"PostgreSQL is stopped and drops nothing", "set spec.state of District "+string(d.Code)+" to Active", "take spec.consent out of this Puskesmas")
		Expect(d.Find(ctx, DatabaseKind, "tebidah").GetAnnotations()).NotTo(HaveKey(v1alpha1.AnnotationDeleteData))

		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateActive })
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		d.ExpectNothingOf(ctx, "tebidah")
	})

	It("finds what a lost status has named, and drops or keeps it as agreed", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.AddPuskesmas(ctx, "aman")
		d.ExpectReady(ctx)
		d.Agree(ctx, "tebidah")
		theOperator.Stop()
		for _, name := range []string{"tebidah", "aman"} {
			p := d.Puskesmas(ctx, name)
			before := p.DeepCopy()
			p.Status = v1alpha1.PuskesmasStatus{ObservedGeneration: p.Generation, Conditions: p.Status.Conditions}
			Expect(admin.Status().Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
		}
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		theOperator.Start()
		Eventually(func() string { return d.Puskesmas(ctx, "aman").Status.Database }).ShouldNot(BeEmpty(), "it has been seen, so that it is missed")
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "aman"))).To(Succeed())
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		d.EventuallyGone(ctx, PuskesmasKind, "aman")
		d.ExpectNothingOf(ctx, "tebidah")
		Expect(d.Find(ctx, DatabaseKind, "aman")).NotTo(BeNil())
		Expect(d.Find(ctx, Core("Secret"), "aman-database")).NotTo(BeNil())
		d.ExpectStopped(ctx, "aman")
		d.ExpectEvent(ctx, d.Namespace, "Puskesmas", "DataKept", "Database "+d.Namespace+"/aman-database", "Secret "+d.Namespace+"/aman-rme-admin")
	})

	It("leaves the database of another Database alone", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		database := d.Find(ctx, DatabaseKind, "tebidah")
		By("CloudNativePG, which has never reconciled this one since another has the name")
		workloads.Let(ctx, d, "Database", "tebidah", Hangs)
		patch := `{"status":{"applied":false,"observedGeneration":0,"message":"\"x\" is already managed by object \"kept-database\""}}`
		Expect(admin.Status().Patch(ctx, database, client.RawPatch(types.MergePatchType, []byte(patch)))).To(Succeed())
		d.Agree(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		d.Expect(ctx, "tebidah", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonDeleting, "the database is gone", "let its Database go")
		workloads.Let(ctx, d, "Database", "tebidah", Succeeds)
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
	})
})

var _ = Describe("Deleting a Puskesmas whose database has become another's", func() {
	It("orders no drop", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		d.Agree(ctx, "tebidah")
		theOperator.Stop()
		database := d.Find(ctx, DatabaseKind, "tebidah")
		Expect(admin.Patch(ctx, database.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"ilp.health/puskesmas":"aman"}}}`)))).To(Succeed())
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		theOperator.Start()
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		still := d.Find(ctx, DatabaseKind, "tebidah")
		Expect(still.GetUID()).To(Equal(database.GetUID()))
		Expect(still.Object["spec"]).NotTo(HaveKeyWithValue("ensure", "absent"))
		Expect(still.GetAnnotations()).NotTo(HaveKey(v1alpha1.AnnotationDeleteData))
	})
})

var _ = Describe("Deleting a District", func() {
	It("that retains its data stops all that runs, and one of its code finds the data again", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		kept := func() []any {
			return []any{
				d.Find(ctx, Core("Secret"), "tebidah-database").GetUID(), d.Find(ctx, Core("Secret"), "superset").GetUID(),
				d.Find(ctx, ClusterKind, "database").GetUID(), d.Find(ctx, DatabaseKind, "tebidah").GetUID(),
				d.Find(ctx, Network("NetworkPolicy"), "default-deny").GetUID(), d.Find(ctx, Rbac("RoleBinding"), "dinkes").GetUID(),
			}
		}
		before := kept()

		Expect(admin.Delete(ctx, d.Get(ctx))).To(Succeed())
		Eventually(func() []v1alpha1.District { return d.All(ctx) }).Should(BeEmpty())
		for _, gvk := range []schema.GroupVersionKind{DeploymentKind, JobKind, Core("Service")} {
			Consistently(func() []unstructured.Unstructured { return d.Objects(ctx, gvk) }, 300*time.Millisecond).Should(BeEmpty(), gvk.Kind)
		}
		Expect(kept()).To(Equal(before))
		Expect(d.Find(ctx, ClusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "on"))
		d.ExpectEvent(ctx, metav1.NamespaceDefault, "District", "DataKept", "namespace "+d.Namespace+" keeps the database", "kubectl annotate namespace "+d.Namespace)
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDistrictNotFound, "data of this Puskesmas is kept")

		By("making it again")
		Expect(admin.Create(ctx, d.Resource())).To(Succeed())
		d.ExpectReady(ctx)
		d.ExpectReady(ctx, "tebidah")
		Expect(kept()).To(Equal(before))
		Expect(d.Find(ctx, ClusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "off"))
	})

	It("with its data needs a consent, and then deletes the namespace", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, func(r *v1alpha1.District) { r.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionDelete })
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		versions := d.Versions(ctx)
		delete(versions, "District")

		Expect(admin.Delete(ctx, d.Get(ctx))).To(Succeed())
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConsentRequired,
			"consent: action Delete, code "+string(d.Code), "set deletionPolicy to Retain", "Nothing has been deleted")
		unchanged := d.Versions(ctx)
		delete(unchanged, "District")
		delete(versions, "Puskesmas tebidah") // its status tells that the District goes
		delete(unchanged, "Puskesmas tebidah")
		Expect(unchanged).To(Equal(versions))

		By("agreeing")
		d.Edit(ctx, func(r *v1alpha1.District) {
			r.Spec.DataProtection.Consent = NewConsent(v1alpha1.ConsentDelete, string(d.Code), time.Hour)
		})
		d.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "namespace "+d.Namespace+" is being deleted with all its data")
		namespace := &corev1.Namespace{}
		Expect(admin.Get(ctx, client.ObjectKey{Name: d.Namespace}, namespace)).To(Succeed())
		Expect(namespace.DeletionTimestamp).NotTo(BeNil())

		By("the namespace's controller, which does not run here, taking the operator's rights before all else")
		Expect(admin.Delete(ctx, d.Find(ctx, Rbac("RoleBinding"), "ilp-operator"))).To(Succeed())
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		namespace.Spec.Finalizers = nil
		Expect(asNamespaceController.SubResource("finalize").Update(ctx, namespace)).To(Succeed())
		Eventually(func() []v1alpha1.District { return d.All(ctx) }).Should(BeEmpty())
	})

	It("finds what a lost status has named, and stops or deletes it", func(ctx SpecContext) {
		kept := NewDistrict(admin).Apply(ctx)
		gone := NewDistrict(admin).Apply(ctx, func(r *v1alpha1.District) {
			r.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionDelete
			r.Spec.DataProtection.Consent = NewConsent(v1alpha1.ConsentDelete, string(r.Spec.Code), time.Hour)
		})
		kept.AddPuskesmas(ctx, "tebidah")
		kept.ExpectReady(ctx)
		gone.ExpectReady(ctx)
		theOperator.Stop()
		for _, d := range []*District{kept, gone} {
			r := d.Get(ctx)
			before := r.DeepCopy()
			r.Status = v1alpha1.DistrictStatus{ObservedGeneration: r.Generation, Conditions: r.Status.Conditions}
			Expect(admin.Status().Patch(ctx, r, client.MergeFrom(before))).To(Succeed())
			Expect(admin.Delete(ctx, r)).To(Succeed())
		}
		theOperator.Start()
		Eventually(func() []v1alpha1.District { return kept.All(ctx) }).Should(BeEmpty())
		Expect(kept.Objects(ctx, DeploymentKind)).To(BeEmpty())
		Expect(kept.Find(ctx, ClusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "on"))
		kept.ExpectEvent(ctx, metav1.NamespaceDefault, "District", "DataKept", "namespace "+kept.Namespace+" keeps the database")

		gone.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "is being deleted with all its data")
		Expect(gone.Object(ctx, ClusterKind, "database")).To(BeNil())
		gone.EndNamespace(ctx)
	})

	It("stops what runs although its status is lost and a younger District has its code", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		nextSecond()
		younger := *d
		younger.Name += "-again"
		again := younger.Resource()
		again.Spec.State = v1alpha1.StateSuspended
		Expect(admin.Create(ctx, again)).To(Succeed())
		theOperator.Stop()
		r := d.Get(ctx)
		before := r.DeepCopy()
		r.Status = v1alpha1.DistrictStatus{ObservedGeneration: r.Generation, Conditions: r.Status.Conditions}
		Expect(admin.Status().Patch(ctx, r, client.MergeFrom(before))).To(Succeed())
		Expect(admin.Delete(ctx, r)).To(Succeed())
		theOperator.Start()
		d.EventuallyGone(ctx, DistrictKind, d.Name)
		Expect(d.Objects(ctx, DeploymentKind)).To(BeEmpty())
		Expect(d.Find(ctx, ClusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "on"))
	})

	It("that has begun ends, even if the consent is no more", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx, func(r *v1alpha1.District) {
			r.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionDelete
			r.Spec.DataProtection.Consent = NewConsent(v1alpha1.ConsentDelete, string(r.Spec.Code), time.Hour)
		})
		d.ExpectReady(ctx)
		server := d.AddServer(ctx, "localhost/ilp/postgresql:15-bookworm")
		Expect(admin.Delete(ctx, d.Get(ctx))).To(Succeed())
		d.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "PostgreSQL ends before namespace "+d.Namespace+" is deleted")
		Expect(d.Object(ctx, ClusterKind, "database")).To(BeNil())
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.DataProtection.Consent = v1alpha1.Consent{} })
		d.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "PostgreSQL ends before")
		Expect(admin.Delete(ctx, server, client.GracePeriodSeconds(0))).To(Succeed())
		d.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonDeleting, "namespace "+d.Namespace+" is being deleted")
		d.EndNamespace(ctx)
	})

	It("whose namespace an older District of its code has, touches nothing", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.ExpectReady(ctx)
		nextSecond()
		younger := d.Resource()
		younger.Name += "-again"
		younger.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionDelete
		younger.Spec.DataProtection.Consent = NewConsent(v1alpha1.ConsentDelete, string(d.Code), time.Hour)
		Expect(admin.Create(ctx, younger)).To(Succeed())
		second := *d
		second.Name = younger.Name
		second.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDuplicateCode)
		Expect(admin.Delete(ctx, younger)).To(Succeed())
		Eventually(func() []v1alpha1.District { return d.All(ctx) }).Should(HaveLen(1))
		Expect(d.Find(ctx, ClusterKind, "database").GetAnnotations()).To(HaveKeyWithValue("cnpg.io/hibernation", "off"))
		d.ExpectReady(ctx)
	})
})
