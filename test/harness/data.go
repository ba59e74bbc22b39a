package harness

import (
	"context"
	"encoding/json"
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

// Lose deletes an object that holds data, as somebody does who says that he
// means it, and whatever Kubernetes collects after it.
func (d *District) Lose(ctx context.Context, gvk schema.GroupVersionKind, name string) *unstructured.Unstructured {
	GinkgoHelper()
	object := d.Object(ctx, gvk, name)
	Expect(object).NotTo(BeNil())
	d.Remove(ctx, object)
	Eventually(func() types.UID {
		if now := d.Object(ctx, gvk, name); now != nil {
			return now.GetUID()
		}
		return ""
	}).ShouldNot(Equal(object.GetUID()))
	return object
}

// Remove deletes an object as somebody who has agreed to the loss.
func (d *District) Remove(ctx context.Context, object *unstructured.Unstructured) {
	GinkgoHelper()
	Expect(d.Client.Patch(ctx, object.DeepCopy(), client.RawPatch(types.MergePatchType,
		[]byte(`{"metadata":{"annotations":{"`+v1alpha1.AnnotationDeleteData+`":"`+string(d.Code)+`"}}}`)))).To(Succeed())
	Expect(d.Client.Delete(ctx, object.DeepCopy(), Background)).To(Succeed())
}

// LoseStatus takes all status away, as a restore without it does.
func (d *District) LoseStatus(ctx context.Context, linter *Linter) {
	GinkgoHelper()
	empty := client.RawPatch(types.MergePatchType, []byte(`{"status":null}`))
	resource := d.Get(ctx)
	linter.Forget(resource.UID)
	Expect(d.Client.Status().Patch(ctx, resource, empty)).To(Succeed())
	for _, p := range d.Every(ctx, PuskesmasKind) {
		linter.Forget(p.GetUID())
		Expect(d.Client.Status().Patch(ctx, &p, empty)).To(Succeed())
	}
}

// SystemID is PostgreSQL's identifier as the Cluster tells it.
func (d *District) SystemID(ctx context.Context) string {
	GinkgoHelper()
	cluster := d.Object(ctx, ClusterKind, "database")
	if cluster == nil {
		return ""
	}
	id, _, _ := unstructured.NestedString(cluster.Object, "status", "systemID")
	return id
}

// Uids are the UIDs of the operator's objects of a kind, by name.
func (d *District) Uids(ctx context.Context, gvk schema.GroupVersionKind) map[string]types.UID {
	GinkgoHelper()
	out := map[string]types.UID{}
	for _, object := range d.Objects(ctx, gvk) {
		out[object.GetName()] = object.GetUID()
	}
	return out
}

func (d *District) namespaceObject(ctx context.Context) *metav1.PartialObjectMetadata {
	GinkgoHelper()
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(Core("Namespace"))
	Expect(d.Client.Get(ctx, client.ObjectKey{Name: d.Namespace}, namespace)).To(Succeed())
	return namespace
}

// Record is what a writer has written down, or nil.
func (d *District) Record(ctx context.Context, writer string) *record.Record {
	GinkgoHelper()
	r, err := record.Read(d.namespaceObject(ctx).Annotations, writer)
	Expect(err).NotTo(HaveOccurred())
	return r
}

// RecordOf is what is written down about a facility, or nil.
func (d *District) RecordOf(ctx context.Context, puskesmas string) *record.Record {
	GinkgoHelper()
	return d.Record(ctx, d.WriterOf(ctx, puskesmas))
}

// WriterOf is under whose name a facility's record is kept.
func (d *District) WriterOf(ctx context.Context, puskesmas string) string {
	GinkgoHelper()
	return record.WriterOf(d.Puskesmas(ctx, puskesmas).Spec.Code)
}

// WriteRecords writes records as the operator, nil to take one away.
func (d *District) WriteRecords(ctx context.Context, asOperator client.WithWatch, records map[string]*record.Record) {
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

// LoseRecords takes all records away, as if the operator had never written them.
func (d *District) LoseRecords(ctx context.Context, asOperator client.WithWatch) {
	GinkgoHelper()
	none := map[string]*record.Record{}
	for _, writer := range record.Writers(d.namespaceObject(ctx).Annotations) {
		none[writer] = nil
	}
	d.WriteRecords(ctx, asOperator, none)
}

// NewConsent is somebody's word that data may be lost.
func NewConsent(action v1alpha1.ConsentAction, code string, until time.Duration) v1alpha1.Consent {
	now := time.Now()
	return v1alpha1.Consent{
		Action: action, Code: code, Reason: "asked for by a test",
		IssuedAt: metav1.NewTime(now.Add(-24 * time.Hour)), ExpiresAt: metav1.NewTime(now.Add(until)),
	}
}
