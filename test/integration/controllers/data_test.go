package controllers_test

import (
	"context"
	"encoding/json"
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
)

const recreateInstead = "it needs a consent: action Recreate, code "

var _ = Describe("A PostgreSQL that served", func() {
	var d *district
	BeforeEach(func(ctx SpecContext) {
		d = newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
	})
	missing := func(ctx context.Context, parts ...string) {
		GinkgoHelper()
		parts = append(parts, "Nothing is made anew", recreateInstead+string(d.code))
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, parts...)
		d.expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonDataMissing)
		d.expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, "District "+d.name, parts[0])
		d.expect(ctx, "tebidah", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonDataMissing)
	}
	agree := func(ctx context.Context) {
		GinkgoHelper()
		d.edit(ctx, func(r *v1alpha1.District) {
			r.Spec.DataProtection.Consent = newConsent(v1alpha1.ConsentRecreate, string(d.code), time.Hour)
		})
	}

	It("and vanished is not made anew, and goes on when it is put back", func(ctx SpecContext) {
		serves := d.systemID(ctx)
		Expect(d.record(ctx, record.District).SystemID).To(Equal(serves))
		jobs := d.uids(ctx, jobKind)
		cluster := d.lose(ctx, clusterKind, "database")
		missing(ctx, "Cluster "+d.namespace+"/database was there and is gone")
		theOperator.restart()
		missing(ctx, "Cluster "+d.namespace+"/database was there and is gone")
		Consistently(func() *unstructured.Unstructured { return d.object(ctx, clusterKind, "database") }, aWhile).Should(BeNil())

		By("restoring it with the same data")
		workloads.restore(d, serves)
		putBack(ctx, cluster)
		d.expectReady(ctx)
		d.expectReady(ctx, "tebidah")
		Expect(d.uids(ctx, jobKind)).To(Equal(jobs))
	})

	It("and vanished is made anew if somebody agrees, with everything that works on it", func(ctx SpecContext) {
		before, jobs := d.systemID(ctx), d.uids(ctx, jobKind)
		d.lose(ctx, clusterKind, "database")
		missing(ctx, "was there and is gone")
		workloads.let(ctx, d, "Cluster", "", hangs)
		agree(ctx)
		Eventually(func() *unstructured.Unstructured { return d.object(ctx, clusterKind, "database") }).ShouldNot(BeNil())

		By("the consent ending in the middle")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.DataProtection.Consent = v1alpha1.Consent{} })
		d.expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		workloads.let(ctx, d, "Cluster", "", succeeds)
		d.expectReady(ctx, "tebidah")
		d.expectReady(ctx)
		Expect(d.record(ctx, record.District).SystemID).To(And(Equal(d.systemID(ctx)), Not(Equal(before))))
		Expect(d.recordOf(ctx, "tebidah").SystemID).To(Equal(d.systemID(ctx)))
		for name, uid := range d.uids(ctx, jobKind) {
			Expect(uid).NotTo(Equal(jobs[name]), "Job "+name+" did its work on the data that is gone")
		}
	})

	It("and was replaced by another is not worked with", func(ctx SpecContext) {
		before, jobs := d.systemID(ctx), d.uids(ctx, jobKind)
		theOperator.stop()
		putBack(ctx, d.lose(ctx, clusterKind, "database"))
		Eventually(func() string { return d.systemID(ctx) }).ShouldNot(BeEmpty())
		after := d.systemID(ctx)
		Expect(after).NotTo(Equal(before))
		theOperator.start()
		missing(ctx, "PostgreSQL's systemID is "+after+", and that of the district's data is "+before)

		By("which it is also not by a new release, nor by what is deleted by hand")
		d.edit(ctx, to(otherRelease))
		for _, job := range d.objects(ctx, jobKind) {
			Expect(admin.Delete(ctx, &job, background)).To(Succeed())
		}
		Consistently(func() map[string]types.UID { return d.uids(ctx, jobKind) }, aWhile).Should(BeEmpty())
		missing(ctx, "PostgreSQL's systemID is "+after)

		By("unless somebody agrees")
		agree(ctx)
		d.expectReady(ctx)
		Expect(d.systemID(ctx)).To(Equal(after))
		Expect(d.record(ctx, record.District).SystemID).To(Equal(after))
		Expect(d.uids(ctx, jobKind)).To(HaveLen(len(jobs)))
	})

	It("and vanished is missed by its record although every status is lost", func(ctx SpecContext) {
		theOperator.stop()
		d.lose(ctx, clusterKind, "database")
		d.loseStatus(ctx)
		theOperator.start()
		missing(ctx, "was there and is gone")
		Expect(d.object(ctx, clusterKind, "database")).To(BeNil())
	})

	It("and vanished is missed by its status although there is no record", func(ctx SpecContext) {
		theOperator.stop()
		d.loseRecords(ctx)
		d.lose(ctx, clusterKind, "database")
		theOperator.start()
		missing(ctx, "was there and is gone")
		Expect(d.object(ctx, clusterKind, "database")).To(BeNil())
	})

	It("is written down by an operator that is newer than the district", func(ctx SpecContext) {
		theOperator.stop()
		want := d.recordOf(ctx, "tebidah")
		want.Running = want.Target // the status tells that it has served
		d.loseRecords(ctx)
		theOperator.start()
		Eventually(func() *record.Record { return d.recordOf(ctx, "tebidah") }).Should(Equal(want))
		Eventually(func() *record.Record { return d.record(ctx, record.District) }).Should(HaveField("SystemID", d.systemID(ctx)))
	})

	It("and on which CloudNativePG has given up needs a person", func(ctx SpecContext) {
		workloads.let(ctx, d, "Cluster", "", givenUp)
		missing(ctx, "Cluster is unrecoverable and needs manual intervention: One or more instances were previously created")
		Expect(d.object(ctx, clusterKind, "database")).NotTo(BeNil())

		By("agreeing to begin anew")
		before := d.find(ctx, clusterKind, "database").GetUID()
		workloads.let(ctx, d, "Cluster", "", hangs)
		agree(ctx)
		Eventually(func() types.UID {
			if cluster := d.object(ctx, clusterKind, "database"); cluster != nil {
				return cluster.GetUID()
			}
			return before
		}).ShouldNot(Equal(before))
		workloads.let(ctx, d, "Cluster", "", succeeds)
		d.expectReady(ctx)
	})

	It("costs nothing while its data is missing", func(ctx SpecContext) {
		d.lose(ctx, clusterKind, "database")
		missing(ctx, "was there and is gone")
		theOperator.quiet(2 * time.Second)
		mark := time.Now()
		time.Sleep(5 * time.Second)
		Expect(lines(theOperator.traffic.since(mark, func(r request) bool { return r.in(d) }))).To(BeEmpty())
	})
})

var _ = Describe("A new PostgreSQL on which CloudNativePG has given up", func() {
	It("needs a person too", func(ctx SpecContext) {
		d := newDistrict(admin)
		workloads.let(ctx, d, "Cluster", "", givenUp)
		d.apply(ctx)
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInfrastructureFailed,
			"Cluster is unrecoverable and needs manual intervention: One or more instances were previously created")
		workloads.let(ctx, d, "Cluster", "", succeeds)
		d.expectReady(ctx)
	})
})

var _ = Describe("What a Puskesmas has worked with", Ordered, ContinueOnFailure, func() {
	var d *district
	BeforeAll(func(ctx SpecContext) {
		d = newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.addPuskesmas(ctx, "aman")
		d.expectReady(ctx)
	})
	AfterEach(func(ctx SpecContext) {
		workloads.let(ctx, d, "Deployment", "", succeeds)
		d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Consent = v1alpha1.Consent{} })
		d.expectReady(ctx)
	})
	missing := func(ctx context.Context, parts ...string) {
		GinkgoHelper()
		parts = append(parts, "Nothing is made anew", recreateInstead+d.puskesmas(ctx, "tebidah").Spec.Code)
		d.expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, parts...)
		d.expect(ctx, "tebidah", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonDataMissing)
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, "Puskesmas tebidah", parts[0])
		d.expectReady(ctx, "aman")
	}
	agree := func(ctx context.Context) {
		GinkgoHelper()
		d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
			p.Spec.Consent = newConsent(v1alpha1.ConsentRecreate, p.Spec.Code, time.Hour)
		})
		d.expectReady(ctx, "tebidah")
	}
	// missed makes the operator look at Secrets.
	missed := func(ctx context.Context) {
		GinkgoHelper()
		workloads.let(ctx, d, "Deployment", "tebidah-rme", fails)
		d.expect(ctx, "tebidah", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonApplicationFailed)
	}

	DescribeTable("is missed when it is gone, and taken up when it is put back",
		func(ctx SpecContext, gvk schema.GroupVersionKind, name string) {
			running := d.find(ctx, deploymentKind, "tebidah-rme")
			if gvk.Kind == "Secret" {
				missed(ctx)
			}
			theOperator.stop()
			lost := d.lose(ctx, gvk, name)
			theOperator.start()
			missing(ctx, gvk.Kind+" "+d.namespace+"/"+name+" was there and is gone")
			Consistently(func() *unstructured.Unstructured { return d.object(ctx, gvk, name) }, aWhile).Should(BeNil())
			Expect(content(d.find(ctx, deploymentKind, "tebidah-rme"))).To(Equal(content(running)))
			workloads.let(ctx, d, "Deployment", "", succeeds)
			putBack(ctx, lost)
			d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
				metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.AnnotationReconcileAt, time.Now().String())
			})
			d.expectReady(ctx, "tebidah")
		},
		Entry("its database", databaseKind, "tebidah-database"),
		Entry("the role that owns it", roleKind, "tebidah-database"),
		Entry("its password", core("Secret"), "tebidah-database"),
		Entry("the password of its first user", core("Secret"), "tebidah-rme-admin"),
	)

	It("is missed at once when its database is deleted while the operator looks on", func(ctx SpecContext) {
		lost := d.lose(ctx, databaseKind, "tebidah-database")
		missing(ctx, "Database "+d.namespace+"/tebidah-database was there and is gone")
		putBack(ctx, lost)
		d.expectReady(ctx, "tebidah")
	})

	It("is made anew if somebody agrees", func(ctx SpecContext) {
		jobs, programs := d.uids(ctx, jobKind), d.uids(ctx, deploymentKind)
		lost := d.lose(ctx, databaseKind, "tebidah-database")
		missing(ctx, "was there and is gone")
		agree(ctx)
		Expect(d.uids(ctx, deploymentKind)).To(And(
			HaveKeyWithValue("tebidah-rme", Not(Equal(programs["tebidah-rme"]))),
			HaveKeyWithValue("aman-rme", programs["aman-rme"])), "what makes its schema when it starts has to start")
		Expect(d.find(ctx, databaseKind, "tebidah-database").GetUID()).NotTo(Equal(lost.GetUID()))
		for name, uid := range d.uids(ctx, jobKind) {
			if strings.HasPrefix(name, "tebidah") {
				Expect(uid).NotTo(Equal(jobs[name]))
			} else {
				Expect(uid).To(Equal(jobs[name]))
			}
		}
	})

	It("is missed when a password has other contents, which are taken if somebody agrees", func(ctx SpecContext) {
		missed(ctx)
		theOperator.stop()
		secret := d.find(ctx, core("Secret"), "tebidah-database")
		Expect(admin.Patch(ctx, secret, client.RawPatch(types.MergePatchType, []byte(`{"stringData":{"password":"chosen-by-somebody"}}`)))).To(Succeed())
		theOperator.start()
		missing(ctx, "Secret "+d.namespace+"/tebidah-database has other contents than those in use")
		workloads.let(ctx, d, "Deployment", "", succeeds)
		agree(ctx)
		after := d.find(ctx, core("Secret"), "tebidah-database")
		Expect(after.GetUID()).To(Equal(secret.GetUID()))
		Expect(after.Object["data"]).To(Equal(secret.Object["data"]))
	})

	It("is missed by its record although its status is lost", func(ctx SpecContext) {
		theOperator.stop()
		lost := d.lose(ctx, databaseKind, "tebidah-database")
		d.loseStatus(ctx)
		theOperator.start()
		d.expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, "was there and is gone")
		putBack(ctx, lost)
		d.expectReady(ctx, "tebidah")
	})

	It("is missed by its status although there is no record", func(ctx SpecContext) {
		theOperator.stop()
		d.loseRecords(ctx)
		lost := d.lose(ctx, databaseKind, "tebidah-database")
		theOperator.start()
		d.expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, "was there and is gone")
		putBack(ctx, lost)
		d.expectReady(ctx, "tebidah")
	})

	It("is not taken for other data when a restore brings back an older record", func(ctx SpecContext) {
		theOperator.stop()
		was := d.recordOf(ctx, "tebidah")
		forged := was.Copy()
		forged.SystemID = "7000000000000000000"
		d.writeRecords(ctx, map[string]*record.Record{d.writerOf(ctx, "tebidah"): forged})
		theOperator.start()
		missing(ctx, "its systemID is "+d.systemID(ctx)+", and that of the facility's data is 7000000000000000000")
		agree(ctx)
		Expect(d.recordOf(ctx, "tebidah")).To(Equal(was))
	})
})

var _ = Describe("What the dashboard has worked with", func() {
	It("is missed when it is gone, holds up no Puskesmas, and is made anew if somebody agrees", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		jobs := d.uids(ctx, jobKind)
		d.lose(ctx, databaseKind, "superset")
		d.expect(ctx, "", v1alpha1.ConditionDashboardReady, metav1.ConditionFalse, v1alpha1.ReasonDataMissing, "Database "+d.namespace+"/superset was there and is gone")
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, recreateInstead+string(d.code))
		d.expectReady(ctx, "tebidah")
		d.edit(ctx, func(r *v1alpha1.District) {
			r.Spec.DataProtection.Consent = newConsent(v1alpha1.ConsentRecreate, string(d.code), time.Hour)
		})
		d.expectReady(ctx)
		for name, uid := range d.uids(ctx, jobKind) {
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
		d := newDistrict(admin).apply(ctx)
		p := d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		sameCode := func(again *v1alpha1.Puskesmas) { again.Spec.Code = p.Spec.Code }
		d.addPuskesmas(ctx, "nanga-tebidah", sameCode)
		d.expect(ctx, "nanga-tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing,
			"the data of Puskesmas "+p.Spec.Code+" is kept under the name tebidah", "make it again as tebidah")
		Expect(d.object(ctx, databaseKind, "nanga-tebidah-database")).To(BeNil())
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "nanga-tebidah"))).To(Succeed())
		d.eventuallyGone(ctx, puskesmasKind, "nanga-tebidah")
		d.addPuskesmas(ctx, "tebidah", sameCode)
		d.expectReady(ctx, "tebidah")
	})

	It("is a new one once somebody has agreed to delete the data", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		p := d.addPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
			p.Spec.Consent = newConsent(v1alpha1.ConsentDelete, p.Spec.Code, time.Hour)
		})
		d.expectReady(ctx)
		writer := d.writerOf(ctx, "tebidah")
		Expect(admin.Delete(ctx, d.puskesmas(ctx, "tebidah"))).To(Succeed())
		d.eventuallyGone(ctx, puskesmasKind, "tebidah")
		Expect(d.record(ctx, writer)).To(BeNil())
		d.addPuskesmas(ctx, "nanga-tebidah", func(again *v1alpha1.Puskesmas) { again.Spec.Code = p.Spec.Code })
		d.expectReady(ctx, "nanga-tebidah")
	})
})

// lose deletes an object that holds data, as somebody does who says that he
// means it, and whatever Kubernetes collects after it.
func (d *district) lose(ctx context.Context, gvk schema.GroupVersionKind, name string) *unstructured.Unstructured {
	GinkgoHelper()
	object := d.object(ctx, gvk, name)
	Expect(object).NotTo(BeNil())
	d.remove(ctx, object)
	Eventually(func() types.UID {
		if now := d.object(ctx, gvk, name); now != nil {
			return now.GetUID()
		}
		return ""
	}).ShouldNot(Equal(object.GetUID()))
	return object
}

// remove deletes an object as somebody who has agreed to the loss.
func (d *district) remove(ctx context.Context, object *unstructured.Unstructured) {
	GinkgoHelper()
	Expect(admin.Patch(ctx, object.DeepCopy(), client.RawPatch(types.MergePatchType,
		[]byte(`{"metadata":{"annotations":{"`+v1alpha1.AnnotationDeleteData+`":"`+string(d.code)+`"}}}`)))).To(Succeed())
	Expect(admin.Delete(ctx, object.DeepCopy(), background)).To(Succeed())
}

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

// loseStatus takes all status away, as a restore without it does.
func (d *district) loseStatus(ctx context.Context) {
	GinkgoHelper()
	empty := client.RawPatch(types.MergePatchType, []byte(`{"status":null}`))
	resource := d.get(ctx)
	theLinter.forget(resource.UID)
	theLedger.excuse(resource)
	Expect(admin.Status().Patch(ctx, resource, empty)).To(Succeed())
	for _, p := range d.every(ctx, puskesmasKind) {
		theLinter.forget(p.GetUID())
		theLedger.excuse(&p)
		Expect(admin.Status().Patch(ctx, &p, empty)).To(Succeed())
	}
}

// systemID is PostgreSQL's identifier as the Cluster tells it.
func (d *district) systemID(ctx context.Context) string {
	GinkgoHelper()
	cluster := d.object(ctx, clusterKind, "database")
	if cluster == nil {
		return ""
	}
	id, _, _ := unstructured.NestedString(cluster.Object, "status", "systemID")
	return id
}

// uids are the UIDs of the operator's objects of a kind, by name.
func (d *district) uids(ctx context.Context, gvk schema.GroupVersionKind) map[string]types.UID {
	GinkgoHelper()
	out := map[string]types.UID{}
	for _, object := range d.objects(ctx, gvk) {
		out[object.GetName()] = object.GetUID()
	}
	return out
}

func (d *district) namespaceObject(ctx context.Context) *metav1.PartialObjectMetadata {
	GinkgoHelper()
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(core("Namespace"))
	Expect(admin.Get(ctx, client.ObjectKey{Name: d.namespace}, namespace)).To(Succeed())
	return namespace
}

// record is what a writer has written down, or nil.
func (d *district) record(ctx context.Context, writer string) *record.Record {
	GinkgoHelper()
	r, err := record.Read(d.namespaceObject(ctx).Annotations, writer)
	Expect(err).NotTo(HaveOccurred())
	return r
}

func (d *district) recordOf(ctx context.Context, puskesmas string) *record.Record {
	GinkgoHelper()
	return d.record(ctx, d.writerOf(ctx, puskesmas))
}

func (d *district) writerOf(ctx context.Context, puskesmas string) string {
	GinkgoHelper()
	return record.WriterOf(d.puskesmas(ctx, puskesmas).Spec.Code)
}

// writeRecords writes records as the operator, nil to take one away.
func (d *district) writeRecords(ctx context.Context, records map[string]*record.Record) {
	GinkgoHelper()
	values := map[string]any{}
	for writer, r := range records {
		values[record.Key(writer)] = nil
		if r != nil {
			raw, err := json.Marshal(r)
			Expect(err).NotTo(HaveOccurred())
			values[record.Key(writer)] = string(raw)
		}
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": values}})
	Expect(err).NotTo(HaveOccurred())
	Expect(asOperator.Patch(ctx, d.namespaceObject(ctx), client.RawPatch(types.MergePatchType, patch))).To(Succeed())
}

// loseRecords takes all records away, as if the operator had never written them.
func (d *district) loseRecords(ctx context.Context) {
	GinkgoHelper()
	none := map[string]*record.Record{}
	for _, writer := range record.Writers(d.namespaceObject(ctx).Annotations) {
		none[writer] = nil
	}
	d.writeRecords(ctx, none)
}
