package harness

import (
	"context"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/live"
)

var eventKind = schema.GroupVersionKind{Group: "events.k8s.io", Version: "v1", Kind: "Event"}

// Agree consents to the loss of a facility's data, and waits until the operator
// has taken note.
func (d *District) Agree(ctx context.Context, name string) {
	GinkgoHelper()
	d.EditPuskesmas(ctx, name, func(p *v1alpha1.Puskesmas) {
		p.Spec.Consent = NewConsent(v1alpha1.ConsentDelete, p.Spec.Code, time.Hour)
	})
	Eventually(func() []string { return d.Puskesmas(ctx, name).Finalizers }).Should(ContainElement(v1alpha1.Finalizer))
}

// ExpectStopped wants nothing of a facility to be left but its data.
func (d *District) ExpectStopped(ctx context.Context, name string) {
	GinkgoHelper()
	for _, gvk := range live.BuiltinKinds {
		if gvk.Kind == "Namespace" {
			continue
		}
		Eventually(func() []string {
			var left []string
			for _, object := range d.Objects(ctx, gvk) {
				if object.GetLabels()[v1alpha1.LabelPuskesmas] == name {
					left = append(left, object.GetName())
				}
			}
			return left
		}).Should(BeEmpty(), gvk.Kind)
	}
}

// ExpectNothingOf wants nothing of a facility to be left, data included.
func (d *District) ExpectNothingOf(ctx context.Context, name string) {
	GinkgoHelper()
	for _, gvk := range []schema.GroupVersionKind{DatabaseKind, RoleKind, DeploymentKind, Core("Secret"), JobKind, Core("Service")} {
		for _, object := range d.Objects(ctx, gvk) {
			Expect(object.GetName()).NotTo(HavePrefix(name), gvk.Kind)
		}
	}
}

// EndNamespace is what the namespace's controller does, which does not run here.
func (d *District) EndNamespace(ctx context.Context) {
	GinkgoHelper()
	namespace := &corev1.Namespace{}
	Expect(d.Client.Get(ctx, client.ObjectKey{Name: d.Namespace}, namespace)).To(Succeed())
	Expect(namespace.DeletionTimestamp).NotTo(BeNil())
	namespace.Spec.Finalizers = nil
	Expect(d.Client.SubResource("finalize").Update(ctx, namespace)).To(Succeed())
	Eventually(func() []v1alpha1.District { return d.All(ctx) }).Should(BeEmpty())
}

// EventuallyGone waits until an object of the district does not exist.
func (d *District) EventuallyGone(ctx context.Context, gvk schema.GroupVersionKind, name string) {
	GinkgoHelper()
	Eventually(func() *unstructured.Unstructured { return d.Object(ctx, gvk, name) }).Should(BeNil())
}

// ExpectEvent waits for an event about the district's own resources.
func (d *District) ExpectEvent(ctx context.Context, namespace, kind, reason string, parts ...string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(eventKind.GroupVersion().WithKind("EventList"))
		g.Expect(d.Client.List(ctx, list, client.InNamespace(namespace))).To(Succeed())
		g.Expect(slices.ContainsFunc(list.Items, func(event unstructured.Unstructured) bool {
			regarding, _, _ := unstructured.NestedStringMap(event.Object, "regarding")
			note, _, _ := unstructured.NestedString(event.Object, "note")
			told := !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(note, part) })
			return regarding["kind"] == kind && event.Object["reason"] == reason && told
		})).To(BeTrue(), "%s of %s with %v", reason, kind, parts)
	}).Should(Succeed())
}
