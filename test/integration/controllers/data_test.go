package controllers_test

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
	. "ilp.health/operator/test/harness"
)

const recreateInstead = "it needs a consent: action Recreate, code "

var _ = Describe("A PostgreSQL that served", func() {
	var d *District
	BeforeEach(func(ctx SpecContext) {
		d = NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
	})
	missing := func(ctx context.Context, parts ...string) {
		GinkgoHelper()
		parts = append(parts, "Nothing is made anew", recreateInstead+string(d.Code))
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, parts...)
		d.Expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonDataMissing)
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, "District "+d.Name, parts[0])
		d.Expect(ctx, "tebidah", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonDataMissing)
	}
	agree := func(ctx context.Context) {
		GinkgoHelper()
		d.Edit(ctx, func(r *v1alpha1.District) {
			r.Spec.DataProtection.Consent = NewConsent(v1alpha1.ConsentRecreate, string(d.Code), time.Hour)
		})
	}

	It("and vanished is not made anew, and goes on when it is put back", func(ctx SpecContext) {
		serves := d.SystemID(ctx)
		Expect(d.Record(ctx, record.District).SystemID).To(Equal(serves))
		jobs := d.Uids(ctx, JobKind)
		cluster := d.Lose(ctx, ClusterKind, "database")
		missing(ctx, "Cluster "+d.Namespace+"/database was there and is gone")
		theOperator.Restart()
		missing(ctx, "Cluster "+d.Namespace+"/database was there and is gone")
		Consistently(func() *unstructured.Unstructured { return d.Object(ctx, ClusterKind, "database") }, AWhile).Should(BeNil())

		By("restoring it with the same data")
		workloads.Restore(d, serves)
		putBack(ctx, cluster)
		d.ExpectReady(ctx)
		d.ExpectReady(ctx, "tebidah")
		Expect(d.Uids(ctx, JobKind)).To(Equal(jobs))
	})

	It("and vanished is made anew if somebody agrees, with everything that works on it", func(ctx SpecContext) {
		before, jobs := d.SystemID(ctx), d.Uids(ctx, JobKind)
		d.Lose(ctx, ClusterKind, "database")
		missing(ctx, "was there and is gone")
		workloads.Let(ctx, d, "Cluster", "", Hangs)
		agree(ctx)
		Eventually(func() *unstructured.Unstructured { return d.Object(ctx, ClusterKind, "database") }).ShouldNot(BeNil())

		By("the consent ending in the middle")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.DataProtection.Consent = v1alpha1.Consent{} })
		d.Expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		workloads.Let(ctx, d, "Cluster", "", Succeeds)
		d.ExpectReady(ctx, "tebidah")
		d.ExpectReady(ctx)
		Expect(d.Record(ctx, record.District).SystemID).To(And(Equal(d.SystemID(ctx)), Not(Equal(before))))
		Expect(d.RecordOf(ctx, "tebidah").SystemID).To(Equal(d.SystemID(ctx)))
		for name, uid := range d.Uids(ctx, JobKind) {
			Expect(uid).NotTo(Equal(jobs[name]), "Job "+name+" did its work on the data that is gone")
		}
	})

	It("and was replaced by another is not worked with", func(ctx SpecContext) {
		before, jobs := d.SystemID(ctx), d.Uids(ctx, JobKind)
		theOperator.Stop()
		putBack(ctx, d.Lose(ctx, ClusterKind, "database"))
		Eventually(func() string { return d.SystemID(ctx) }).ShouldNot(BeEmpty())
		after := d.SystemID(ctx)
		Expect(after).NotTo(Equal(before))
		theOperator.Start()
		missing(ctx, "PostgreSQL's systemID is "+after+", and that of the district's data is "+before)

		By("which it is also not by a new release, nor by what is deleted by hand")
		d.Edit(ctx, to(OtherRelease))
		for _, job := range d.Objects(ctx, JobKind) {
			Expect(admin.Delete(ctx, &job, Background)).To(Succeed())
		}
		Consistently(func() map[string]types.UID { return d.Uids(ctx, JobKind) }, AWhile).Should(BeEmpty())
		missing(ctx, "PostgreSQL's systemID is "+after)

		By("unless somebody agrees")
		agree(ctx)
		d.ExpectReady(ctx)
		Expect(d.SystemID(ctx)).To(Equal(after))
		Expect(d.Record(ctx, record.District).SystemID).To(Equal(after))
		Expect(d.Uids(ctx, JobKind)).To(HaveLen(len(jobs)))
	})

	It("and vanished is missed by its record although every status is lost", func(ctx SpecContext) {
		theOperator.Stop()
		d.Lose(ctx, ClusterKind, "database")
		d.LoseStatus(ctx, theLinter)
		theOperator.Start()
		missing(ctx, "was there and is gone")
		Expect(d.Object(ctx, ClusterKind, "database")).To(BeNil())
	})

	It("and vanished is missed by its status although there is no record", func(ctx SpecContext) {
		theOperator.Stop()
		d.LoseRecords(ctx, asOperator)
		d.Lose(ctx, ClusterKind, "database")
		theOperator.Start()
		missing(ctx, "was there and is gone")
		Expect(d.Object(ctx, ClusterKind, "database")).To(BeNil())
	})

	It("is written down by an operator that is newer than the district", func(ctx SpecContext) {
		theOperator.Stop()
		want := d.RecordOf(ctx, "tebidah")
		want.Running = want.Target // the status tells that it has served
		d.LoseRecords(ctx, asOperator)
		theOperator.Start()
		Eventually(func() *record.Record { return d.RecordOf(ctx, "tebidah") }).Should(Equal(want))
		Eventually(func() *record.Record { return d.Record(ctx, record.District) }).Should(HaveField("SystemID", d.SystemID(ctx)))
	})

	It("and on which CloudNativePG has given up needs a person", func(ctx SpecContext) {
		workloads.Let(ctx, d, "Cluster", "", GivenUp)
		missing(ctx, "Cluster is unrecoverable and needs manual intervention: One or more instances were previously created")
		Expect(d.Object(ctx, ClusterKind, "database")).NotTo(BeNil())

		By("agreeing to begin anew")
		before := d.Find(ctx, ClusterKind, "database").GetUID()
		workloads.Let(ctx, d, "Cluster", "", Hangs)
		agree(ctx)
		Eventually(func() types.UID {
			if cluster := d.Object(ctx, ClusterKind, "database"); cluster != nil {
				return cluster.GetUID()
			}
			return before
		}).ShouldNot(Equal(before))
		workloads.Let(ctx, d, "Cluster", "", Succeeds)
		d.ExpectReady(ctx)
	})

	It("costs nothing while its data is missing", func(ctx SpecContext) {
		d.Lose(ctx, ClusterKind, "database")
		missing(ctx, "was there and is gone")
		theOperator.Quiet(AWhile)
		mark := time.Now()
		Consistently(func() []string {
			return Lines(theOperator.Traffic.Since(mark, func(r Request) bool { return r.In(d) }))
		}, 2*AWhile).Should(BeEmpty())
	})
})

var _ = Describe("A new PostgreSQL on which CloudNativePG has given up", func() {
	It("needs a person too", func(ctx SpecContext) {
		d := NewDistrict(admin)
		workloads.Let(ctx, d, "Cluster", "", GivenUp)
		d.Apply(ctx)
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInfrastructureFailed,
			"Cluster is unrecoverable and needs manual intervention: One or more instances were previously created")
		workloads.Let(ctx, d, "Cluster", "", Succeeds)
		d.ExpectReady(ctx)
	})
})

var _ = Describe("What a Puskesmas has worked with", Ordered, ContinueOnFailure, func() {
	var d *District
	BeforeAll(func(ctx SpecContext) {
		d = NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.AddPuskesmas(ctx, "aman")
		d.ExpectReady(ctx)
	})
	AfterEach(func(ctx SpecContext) {
		workloads.Let(ctx, d, "Deployment", "", Succeeds)
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Consent = v1alpha1.Consent{} })
		d.ExpectReady(ctx)
	})
	missing := func(ctx context.Context, parts ...string) {
		GinkgoHelper()
		parts = append(parts, "Nothing is made anew", recreateInstead+d.Puskesmas(ctx, "tebidah").Spec.Code)
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, parts...)
		d.Expect(ctx, "tebidah", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonDataMissing)
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, "Puskesmas tebidah", parts[0])
		d.ExpectReady(ctx, "aman")
	}
	agree := func(ctx context.Context) {
		GinkgoHelper()
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
			p.Spec.Consent = NewConsent(v1alpha1.ConsentRecreate, p.Spec.Code, time.Hour)
		})
		d.ExpectReady(ctx, "tebidah")
	}
	// missed makes the operator look at Secrets.
	missed := func(ctx context.Context) {
		GinkgoHelper()
		workloads.Let(ctx, d, "Deployment", "tebidah-rme", Fails)
		d.Expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonApplicationFailed)
	}

	DescribeTable("is missed when it is gone, and taken up when it is put back",
		func(ctx SpecContext, gvk schema.GroupVersionKind, name string) {
			running := d.Find(ctx, DeploymentKind, "tebidah-rme")
			if gvk.Kind == "Secret" {
				missed(ctx)
			}
			theOperator.Stop()
			lost := d.Lose(ctx, gvk, name)
			theOperator.Start()
			missing(ctx, gvk.Kind+" "+d.Namespace+"/"+name+" was there and is gone")
			Consistently(func() *unstructured.Unstructured { return d.Object(ctx, gvk, name) }, AWhile).Should(BeNil())
			Expect(content(d.Find(ctx, DeploymentKind, "tebidah-rme"))).To(Equal(content(running)))
			workloads.Let(ctx, d, "Deployment", "", Succeeds)
			putBack(ctx, lost)
			d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
				metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.AnnotationReconcileAt, time.Now().String())
			})
			d.ExpectReady(ctx, "tebidah")
		},
		Entry("its database", DatabaseKind, "tebidah-database"),
		Entry("the role that owns it", RoleKind, "tebidah-database"),
		Entry("its password", Core("Secret"), "tebidah-database"),
		Entry("the password of its first user", Core("Secret"), "tebidah-rme-admin"),
	)

	It("is missed at once when its database is deleted while the operator looks on", func(ctx SpecContext) {
		lost := d.Lose(ctx, DatabaseKind, "tebidah-database")
		missing(ctx, "Database "+d.Namespace+"/tebidah-database was there and is gone")
		putBack(ctx, lost)
		d.ExpectReady(ctx, "tebidah")
	})

	It("is made anew if somebody agrees", func(ctx SpecContext) {
		jobs, programs := d.Uids(ctx, JobKind), d.Uids(ctx, DeploymentKind)
		lost := d.Lose(ctx, DatabaseKind, "tebidah-database")
		missing(ctx, "was there and is gone")
		agree(ctx)
		Expect(d.Uids(ctx, DeploymentKind)).To(And(
			HaveKeyWithValue("tebidah-rme", Not(Equal(programs["tebidah-rme"]))),
			HaveKeyWithValue("aman-rme", programs["aman-rme"])), "what makes its schema when it starts has to start")
		Expect(d.Find(ctx, DatabaseKind, "tebidah-database").GetUID()).NotTo(Equal(lost.GetUID()))
		for name, uid := range d.Uids(ctx, JobKind) {
			if strings.HasPrefix(name, "tebidah") {
				Expect(uid).NotTo(Equal(jobs[name]))
			} else {
				Expect(uid).To(Equal(jobs[name]))
			}
		}
	})

	It("is missed when a password has other contents, which are taken if somebody agrees", func(ctx SpecContext) {
		missed(ctx)
		theOperator.Stop()
		secret := d.Find(ctx, Core("Secret"), "tebidah-database")
		Expect(admin.Patch(ctx, secret, client.RawPatch(types.MergePatchType, []byte(`{"stringData":{"password":"chosen-by-somebody"}}`)))).To(Succeed())
		theOperator.Start()
		missing(ctx, "Secret "+d.Namespace+"/tebidah-database has other contents than those in use")
		workloads.Let(ctx, d, "Deployment", "", Succeeds)
		agree(ctx)
		after := d.Find(ctx, Core("Secret"), "tebidah-database")
		Expect(after.GetUID()).To(Equal(secret.GetUID()))
		Expect(after.Object["data"]).To(Equal(secret.Object["data"]))
	})

	It("is missed by its record although its status is lost", func(ctx SpecContext) {
		theOperator.Stop()
		lost := d.Lose(ctx, DatabaseKind, "tebidah-database")
		d.LoseStatus(ctx, theLinter)
		theOperator.Start()
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, "was there and is gone")
		putBack(ctx, lost)
		d.ExpectReady(ctx, "tebidah")
	})

	It("is missed by its status although there is no record", func(ctx SpecContext) {
		theOperator.Stop()
		d.LoseRecords(ctx, asOperator)
		lost := d.Lose(ctx, DatabaseKind, "tebidah-database")
		theOperator.Start()
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, "was there and is gone")
		putBack(ctx, lost)
		d.ExpectReady(ctx, "tebidah")
	})

	It("is not taken for other data when a restore brings back an older record", func(ctx SpecContext) {
		theOperator.Stop()
		was := d.RecordOf(ctx, "tebidah")
		forged := was.Copy()
		forged.SystemID = "7000000000000000000"
		d.WriteRecords(ctx, asOperator, map[string]*record.Record{d.WriterOf(ctx, "tebidah"): forged})
		theOperator.Start()
		missing(ctx, "its systemID is "+d.SystemID(ctx)+", and that of the facility's data is 7000000000000000000")
		agree(ctx)
		Eventually(func() *record.Record { return d.RecordOf(ctx, "tebidah") }).Should(And(
			HaveField("SystemID", was.SystemID), HaveField("Target", was.Target), HaveField("Objects", was.Objects)))
	})
})

var _ = Describe("What the dashboard has worked with", func() {
	It("is missed when it is gone, holds up no Puskesmas, and is made anew if somebody agrees", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		jobs := d.Uids(ctx, JobKind)
		d.Lose(ctx, DatabaseKind, "superset")
		d.Expect(ctx, "", v1alpha1.ConditionDashboardReady, metav1.ConditionFalse, v1alpha1.ReasonDataMissing, "Database "+d.Namespace+"/superset was there and is gone")
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, recreateInstead+string(d.Code))
		d.ExpectReady(ctx, "tebidah")
		d.Edit(ctx, func(r *v1alpha1.District) {
			r.Spec.DataProtection.Consent = NewConsent(v1alpha1.ConsentRecreate, string(d.Code), time.Hour)
		})
		d.ExpectReady(ctx)
		for name, uid := range d.Uids(ctx, JobKind) {
			if strings.HasPrefix(name, "tebidah") {
				Expect(uid).To(Equal(jobs[name]))
			} else {
				Expect(uid).NotTo(Equal(jobs[name]))
			}
		}
	})
})

var _ = Describe("A Puskesmas made again under another name", func() {
	It("is told the name under which its data is kept", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		p := d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		sameCode := func(again *v1alpha1.Puskesmas) { again.Spec.Code = p.Spec.Code }
		d.AddPuskesmas(ctx, "nanga-tebidah", sameCode)
		d.Expect(ctx, "nanga-tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing,
			"the data of Puskesmas "+p.Spec.Code+" is kept under the name tebidah", "make it again as tebidah")
		Expect(d.Object(ctx, DatabaseKind, "nanga-tebidah-database")).To(BeNil())
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "nanga-tebidah"))).To(Succeed())
		d.EventuallyGone(ctx, PuskesmasKind, "nanga-tebidah")
		d.AddPuskesmas(ctx, "tebidah", sameCode)
		d.ExpectReady(ctx, "tebidah")
	})

	It("is a new one once somebody has agreed to delete the data", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		p := d.AddPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
			p.Spec.Consent = NewConsent(v1alpha1.ConsentDelete, p.Spec.Code, time.Hour)
		})
		d.ExpectReady(ctx)
		writer := d.WriterOf(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		Expect(d.Record(ctx, writer)).To(BeNil())
		d.AddPuskesmas(ctx, "nanga-tebidah", func(again *v1alpha1.Puskesmas) { again.Spec.Code = p.Spec.Code })
		d.ExpectReady(ctx, "nanga-tebidah")
	})
})

// putBack makes an object again as a backup tool does: nobody manages it.
func putBack(ctx context.Context, object *unstructured.Unstructured) {
	GinkgoHelper()
	again := object.DeepCopy()
	again.SetUID("")
	again.SetResourceVersion("")
	again.SetManagedFields(nil)
	again.SetFinalizers(nil)
	unstructured.RemoveNestedField(again.Object, "status")
	Expect(admin.Create(ctx, again, client.FieldOwner("restore"))).To(Succeed())
}
