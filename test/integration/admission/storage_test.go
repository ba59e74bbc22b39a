package admission_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Volumes are compared with what they have, which only the operator knows, and
// not with what somebody has asked for.
var _ = Describe("A District with volumes", func() {
	withVolumes := func(ctx SpecContext, spec string) *unstructured.Unstructured {
		GinkgoHelper()
		object := manifest(district, spec)
		keep(ctx, object)
		Expect(unstructured.SetNestedMap(object.Object, map[string]any{"observedGeneration": int64(1), "storage": "20Gi"}, "status")).To(Succeed())
		Expect(environment.Client.Status().Update(ctx, object)).To(Succeed())
		return object
	}
	changed := func(existing *unstructured.Unstructured, change string) *unstructured.Unstructured {
		GinkgoHelper()
		object := manifest(district, change)
		object.SetResourceVersion(existing.GetResourceVersion())
		return object
	}

	DescribeTable("cannot change", func(ctx SpecContext, before, after string, because ...string) {
		existing := withVolumes(ctx, before)
		expectRefusal(strict.Update(ctx, changed(existing, after), client.DryRunAll), because)
	},
		Entry("its storage to less than they have", `{}`, `spec: {database: {storage: 10Gi}}`,
			"spec.database.storage", "storage cannot shrink to 10Gi: the volumes have 20Gi (status.storage)", "keep that or ask for more"),
		Entry("its storage to less in another unit", `{}`, `spec: {database: {storage: 20G}}`,
			"spec.database.storage", "storage cannot shrink to 20G"),
		Entry("its storage class", `spec: {database: {storageClassName: fast}}`, `spec: {database: {storageClassName: slow}}`,
			"spec.database.storageClassName", "storageClassName cannot change", "restore a backup"),
		Entry("to no storage class", `spec: {database: {storageClassName: fast}}`, `{}`,
			"spec.database.storageClassName", "storageClassName cannot change"),
	)

	It("goes back from a size that they never got, and its status is written whatever it says", func(ctx SpecContext) {
		existing := withVolumes(ctx, `spec: {database: {storage: 40Gi}}`)
		Expect(strict.Update(ctx, changed(existing, `spec: {database: {storage: 20Gi}}`), client.DryRunAll)).To(Succeed())
		Expect(strict.Update(ctx, changed(existing, `spec: {database: {storage: 20480Mi}}`), client.DryRunAll)).To(Succeed())
		expectRefusal(strict.Update(ctx, changed(existing, `spec: {database: {storage: 19Gi}}`), client.DryRunAll), []string{"the volumes have 20Gi"})

		Expect(unstructured.SetNestedField(existing.Object, "80Gi", "status", "storage")).To(Succeed())
		Expect(environment.Client.Status().Update(ctx, existing)).To(Succeed())
		existing.SetLabels(map[string]string{"changed": "otherwise"})
		Expect(environment.Client.Update(ctx, existing)).To(Succeed())
	})
})

// Rules that are new here must not lock up what is stored already.
var _ = Describe("A resource of before", Serial, func() {
	It("stays changeable with a consent that has no issuedAt, and storage beyond the limit", func(ctx SpecContext) {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		key := client.ObjectKey{Name: "districts.ilp.health"}
		Expect(environment.Client.Get(ctx, key, crd)).To(Succeed())
		rules := crd.DeepCopy()
		spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
		protection, database := spec.Properties["dataProtection"], spec.Properties["database"]
		consent, storage := protection.Properties["consent"], database.Properties["storage"]
		consent.Required = []string{"action", "code", "expiresAt", "reason"}
		delete(consent.Properties, "issuedAt")
		consent.XValidations, storage.XValidations = nil, nil
		protection.Properties["consent"], database.Properties["storage"] = consent, storage
		Expect(environment.Client.Update(ctx, crd)).To(Succeed())

		before := manifest(district, `
metadata: {name: before}
spec:
  database: {storage: 100Ti}
  dataProtection:
    consent: {action: Delete, code: "61.05", reason: moved to a data centre of its own, expiresAt: "2999-01-01T00:00:00Z"}`)
		Eventually(func() error { return environment.Client.Create(ctx, before) }).Should(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(environment.Client.Delete(ctx, before)).To(Succeed()) })

		Expect(environment.Client.Get(ctx, key, crd)).To(Succeed())
		crd.Spec = rules.Spec
		Expect(environment.Client.Update(ctx, crd)).To(Succeed())
		Eventually(func() error {
			return environment.Client.Create(ctx, manifest(district, `
metadata: {name: after}
spec: {database: {storage: 100Ti}}`), client.DryRunAll)
		}).ShouldNot(Succeed())

		Expect(unstructured.SetNestedField(before.Object, "Kabupaten Sintang Raya", "spec", "name")).To(Succeed())
		Expect(environment.Client.Update(ctx, before)).To(Succeed())
		before.SetFinalizers([]string{"ilp.health/finalizer"})
		Expect(environment.Client.Update(ctx, before)).To(Succeed())
		before.SetFinalizers(nil)
		Expect(environment.Client.Update(ctx, before)).To(Succeed())
		Expect(unstructured.SetNestedField(before.Object, int64(3), "status", "observedGeneration")).To(Succeed())
		Expect(environment.Client.Status().Update(ctx, before)).To(Succeed())

		By("the consent itself being changed")
		Expect(unstructured.SetNestedField(before.Object, "2998-01-01T00:00:00Z", "spec", "dataProtection", "consent", "expiresAt")).To(Succeed())
		expectRefusal(environment.Client.Update(ctx, before), []string{"spec.dataProtection.consent.issuedAt", "Required value"})
	})
})
