package admission_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/test/testenv"
)

// Lists that one writer owns, and status, are atomic: else each write of a
// facility with 60 desa reads and writes back 12 KB about who owns which field.
var _ = Describe("managedFields", func() {
	const manager = client.FieldOwner("gitops")

	It("stays small beside a Puskesmas of many desa and a full status", func(ctx SpecContext) {
		object := manifest(puskesmas, manyDesa(60))
		keepApplied(ctx, object, manager)
		patch := client.RawPatch(types.MergePatchType, []byte(`{"status": `+fullStatus()+`}`))
		Expect(environment.As(operatorUser).Status().Patch(ctx, object, patch, client.FieldOwner(v1alpha1.ManagerName))).To(Succeed())

		written, err := json.Marshal(object.GetManagedFields())
		Expect(err).NotTo(HaveOccurred())
		Expect(len(written)).To(BeNumerically("<", 1000), "%s", written)
	})

	// The API server converts what it has stored when it sees the new schema.
	It("is taken over from a CRD that kept it for each desa", func(ctx SpecContext) {
		now := puskesmasCRD("moved.example")
		before := now.DeepCopy()
		asIn010(before)
		Expect(environment.Client.Create(ctx, before)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(environment.Client.Delete(ctx, before)).To(Succeed()) })

		apply := func(change string, options ...client.ApplyOption) (*unstructured.Unstructured, error) {
			object := manifest(puskesmas, `{apiVersion: moved.example/v1alpha1}`, change)
			return object, environment.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), append(options, manager)...)
		}
		var old *unstructured.Unstructured
		Eventually(func() (err error) {
			old, err = apply(`
spec:
  desa: [{code: 61.05.09.2001, name: A}, {code: 61.05.09.2002, name: B}]
  pustu: [{desa: 61.05.09.2001, name: A}, {desa: 61.05.09.2002, name: B}]
  posyandu: [{desa: 61.05.09.2001, count: 1}]`)
			return err
		}).WithTimeout(time.Minute).Should(Succeed(), "the CRD is served")
		patch := client.RawPatch(types.MergePatchType, []byte(`{"status": `+fullStatus()+`}`))
		Expect(environment.Client.Status().Patch(ctx, old.DeepCopy(), patch, client.FieldOwner(v1alpha1.ManagerName))).To(Succeed())

		Expect(environment.Client.Get(ctx, client.ObjectKeyFromObject(before), before)).To(Succeed())
		before.Spec = now.Spec
		Expect(environment.Client.Update(ctx, before)).To(Succeed())
		Eventually(func() string {
			_, err := apply(`spec: {desa: [{code: 61.05.09.2001, name: A}, {code: 61.05.09.2001, name: B}]}`, client.DryRunAll)
			return fmt.Sprint(err)
		}).WithTimeout(time.Minute).Should(ContainSubstring("is listed twice"), "the new CRD is in force")

		is, err := apply(`spec: {desa: [{code: 61.05.09.2002, name: B}], pustu: [{desa: 61.05.09.2002, name: B}]}`)
		Expect(err).NotTo(HaveOccurred(), "the same manager needs no force")
		spec := is.Object["spec"].(map[string]any)
		Expect(spec["desa"]).To(ConsistOf(HaveKeyWithValue("name", "B")), "a desa that is taken out goes")
		Expect(spec["pustu"]).To(ConsistOf(HaveKeyWithValue("name", "B")))
		Expect(spec).NotTo(HaveKey("posyandu"))
		Expect(environment.Client.Status().Patch(ctx, is, patch, client.FieldOwner(v1alpha1.ManagerName))).To(Succeed())
		written, err := json.Marshal(is.GetManagedFields())
		Expect(err).NotTo(HaveOccurred())
		Expect(len(written)).To(BeNumerically("<", 1000), "%s", written)
	})
})

// keepApplied applies an object and keeps it until the end of the test.
func keepApplied(ctx SpecContext, object *unstructured.Unstructured, manager client.FieldOwner) {
	GinkgoHelper()
	Expect(environment.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), manager)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		Expect(client.IgnoreNotFound(environment.As(operatorUser).Delete(ctx, object))).To(Succeed())
	})
}

// fullStatus is a status with all that the operator writes.
func fullStatus() string {
	GinkgoHelper()
	status := v1alpha1.PuskesmasStatus{
		ObservedGeneration: 1,
		Release:            v1alpha1.PuskesmasReleaseStatus{Current: "ilp-1.0.0", Target: "ilp-1.0.0", Schema: "ilp-1.0.0"},
		Database:           "p6107080201",
		RMEURL:             "http://tebidah.sintang.example.go.id",
	}
	for i := range 8 {
		status.Conditions = append(status.Conditions, metav1.Condition{
			Type: fmt.Sprintf("Condition%d", i), Status: metav1.ConditionTrue, Reason: "Succeeded", Message: "it is so",
			LastTransitionTime: metav1.NewTime(time.Unix(0, 0)), ObservedGeneration: 1,
		})
		status.Inventory = append(status.Inventory, v1alpha1.InventoryEntry{ID: fmt.Sprintf("ilp-6105_object-%d__Secret", i), Version: "v1"})
	}
	written, err := json.Marshal(status)
	Expect(err).NotTo(HaveOccurred())
	return string(written)
}

// puskesmasCRD is the CRD of Puskesmas in another group.
func puskesmasCRD(group string) *apiextensionsv1.CustomResourceDefinition {
	GinkgoHelper()
	content, err := os.ReadFile(filepath.Join(testenv.Root(GinkgoT()), "config/crd/bases/ilp.health_puskesmas.yaml"))
	Expect(err).NotTo(HaveOccurred())
	crd := &apiextensionsv1.CustomResourceDefinition{}
	Expect(yaml.UnmarshalStrict(content, crd)).To(Succeed())
	crd.Name, crd.Spec.Group = "puskesmas."+group, group
	return crd
}

// asIn010 makes the schema merge lists and status field by field, as it did in 0.1.0.
func asIn010(crd *apiextensionsv1.CustomResourceDefinition) {
	schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	status := schema.Properties["status"]
	status.XMapType = nil
	schema.Properties["status"] = status
	spec := schema.Properties["spec"]
	for name, key := range map[string]string{"desa": "code", "pustu": "desa", "posyandu": "desa"} {
		list := spec.Properties[name]
		list.XListType, list.XListMapKeys, list.XValidations = new("map"), []string{key}, nil
		spec.Properties[name] = list
	}
	for _, name := range []string{"klaster", "lintasKlaster"} {
		list := spec.Properties[name]
		list.XListType, list.XValidations = new("set"), nil
		spec.Properties[name] = list
	}
}
