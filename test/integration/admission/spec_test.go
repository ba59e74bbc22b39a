package admission_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
)

// made creates an object and takes it away when the spec ends.
func made(ctx SpecContext, object *unstructured.Unstructured) *unstructured.Unstructured {
	GinkgoHelper()
	Expect(environment.Client.Create(ctx, object)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		Expect(environment.Client.Patch(ctx, object, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
		Expect(client.IgnoreNotFound(environment.Client.Delete(ctx, object))).To(Succeed())
	})
	return object
}

var _ = Describe("Nobody but people writes the spec", func() {
	const pinned = `spec: {release: ilp-1.0.0}`

	DescribeTable("of",
		func(ctx SpecContext, base, field, change string) {
			object := made(ctx, manifest(base))
			expectRefusal(patches(ctx, operatorUser, object, "", change), []string{
				"spec." + field + ": the ILP operator's account does not write the spec of", object.GetName(), "for people and their Git to say",
			})
			Expect(patches(ctx, somebodyInTheDinas, object, "", change)).To(Succeed())
			Expect(patches(ctx, operatorUser, object, "", `{"metadata":{"finalizers":["ilp.health/finalizer"]}}`)).To(Succeed())
			Expect(patches(ctx, operatorUser, object, "status", `{"status":{"observedGeneration":1}}`)).To(Succeed())
		},
		Entry("a District: its release", district, "release", pinned),
		Entry("a District: its state", district, "state", `spec: {state: Suspended}`),
		Entry("a Puskesmas: its release", puskesmas, "release", pinned),
		Entry("a Puskesmas: its profile", puskesmas, "rme", `spec: {rme: {profile: hapi-fhir}}`),
		Entry("a Wave: its state", wave, "state", `spec: {state: Suspended}`),
		Entry("a Wave: its release", wave, "release", `spec: {release: ilp-1.1.0}`),
	)

	DescribeTable("nor makes one:", func(ctx SpecContext, base string) {
		expectRefusal(environment.As(operatorUser).Create(ctx, manifest(base), client.DryRunAll), []string{"does not write the spec"})
	}, Entry("a District", district), Entry("a Puskesmas", puskesmas), Entry("a Wave", wave))

	It("but the operator takes away a release", func(ctx SpecContext) {
		for _, base := range []string{district, puskesmas} {
			object := made(ctx, manifest(base, pinned))
			expectRefusal(patches(ctx, operatorUser, object, "", `{"spec":{"release":"ilp-1.1.0"}}`), []string{"spec.release"})
			expectRefusal(patches(ctx, operatorUser, object, "", `{"spec":{"release":null,"state":"Suspended"}}`), []string{"spec.state"})
			Expect(patches(ctx, operatorUser, object, "", `{"spec":{"release":null}}`)).To(Succeed())
		}
	})
})

var _ = Describe("A release that an older operator wrote", func() {
	// handOut writes as an operator before 0.2.0 did, whom no policy refused.
	handOut := func(ctx SpecContext, object *unstructured.Unstructured, manager string, finalizers ...string) {
		GinkgoHelper()
		patch := manifest(toYAML(&unstructured.Unstructured{Object: map[string]any{
			"apiVersion": object.GetAPIVersion(), "kind": object.GetKind(), "spec": map[string]any{"release": "ilp-1.0.0"},
		}}))
		patch.SetNamespace(object.GetNamespace())
		patch.SetName(object.GetName())
		patch.SetFinalizers(finalizers)
		Expect(environment.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(patch), client.FieldOwner(manager))).To(Succeed())
		Expect(environment.Client.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
	}
	release := func(object *unstructured.Unstructured) string {
		release, _, _ := unstructured.NestedString(object.Object, "spec", "release")
		return release
	}
	giveUp := func(ctx SpecContext, object *unstructured.Unstructured, manager string) {
		GinkgoHelper()
		Expect(pin.GiveUp(ctx, environment.As(operatorUser), object, manager)).To(Succeed())
		Expect(environment.Client.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
	}

	DescribeTable("is given up, and comes and goes again", func(ctx SpecContext, base, manager string, finalizers ...string) {
		object := made(ctx, manifest(base))
		for range 2 {
			handOut(ctx, object, manager, finalizers...)
			Expect(pin.HandedOut(object, v1alpha1.ObjectName(release(object)))).To(BeTrue())
			giveUp(ctx, object, manager)
			Expect(release(object)).To(BeEmpty())
			Expect(object.GetFinalizers()).To(HaveExactElements(finalizers), "what holds it back when it is deleted stays")
		}
		version := object.GetResourceVersion()
		giveUp(ctx, object, manager)
		Expect(object.GetResourceVersion()).To(Equal(version), "there is nothing left to give up")
	},
		Entry("of a District", district, v1alpha1.ManagerWave),
		Entry("of a Puskesmas, together with the finalizer", puskesmas, v1alpha1.ManagerDistrict, v1alpha1.Finalizer),
	)

	It("stays where somebody else holds it too, as a pin", func(ctx SpecContext) {
		object := made(ctx, manifest(district))
		handOut(ctx, object, "flux")
		handOut(ctx, object, v1alpha1.ManagerWave)
		Expect(pin.Of(object, v1alpha1.ObjectName(release(object)))).To(Equal("ilp-1.0.0"))
		giveUp(ctx, object, v1alpha1.ManagerWave)
		Expect(release(object)).To(Equal("ilp-1.0.0"))
	})

	It("is not looked for in a resource that was made again", func(ctx SpecContext) {
		object := made(ctx, manifest(district))
		handOut(ctx, object, v1alpha1.ManagerWave)
		other := object.DeepCopy()
		other.SetUID("11111111-1111-1111-1111-111111111111")
		Expect(pin.GiveUp(ctx, environment.As(operatorUser), other, v1alpha1.ManagerWave)).To(MatchError(ContainSubstring("metadata.uid")))
	})
})
