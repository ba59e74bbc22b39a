package admission_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

const (
	operatorUser       = "system:serviceaccount:ilp-system:ilp-operator"
	cloudNativePGUser  = "system:serviceaccount:cnpg-system:cnpg-manager"
	garbageCollector   = "system:serviceaccount:kube-system:generic-garbage-collector"
	namespaceDeleter   = "system:serviceaccount:kube-system:namespace-controller"
	somebodyInTheDinas = "dinkes:admin"
)

// Every kind that holds data, as it stands in the district's namespace.
const (
	secret = `
apiVersion: v1
kind: Secret
metadata: {name: tebidah-database, namespace: ilp-6105, labels: {ilp.health/district: "61.05", ilp.health/stateful: "true"}}
`
	claim = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: database-1, namespace: ilp-6105, labels: {ilp.health/district: "61.05", ilp.health/stateful: "true"}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`
	cluster = `
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: database, namespace: ilp-6105, labels: {ilp.health/district: "61.05", ilp.health/stateful: "true"}}
spec: {instances: 1, storage: {size: 1Gi}}
`
	database = `
apiVersion: postgresql.cnpg.io/v1
kind: Database
metadata: {name: tebidah-database, namespace: ilp-6105, labels: {ilp.health/district: "61.05", ilp.health/stateful: "true"}}
spec: {cluster: {name: database}, name: p6107080201, owner: p6107080201}
`
	databaseRole = `
apiVersion: postgresql.cnpg.io/v1
kind: DatabaseRole
metadata: {name: tebidah-database, namespace: ilp-6105, labels: {ilp.health/district: "61.05", ilp.health/stateful: "true"}}
spec: {cluster: {name: database}, name: p6107080201}
`
	namespace = `
apiVersion: v1
kind: Namespace
metadata: {name: ilp-6106, labels: {ilp.health/district: "61.06"}}
`
)

const consent = `metadata: {annotations: {ilp.health/delete-data: "61.05"}}`

// deletes tries to delete an object as a user, without doing it.
func deletes(ctx SpecContext, user string, object *unstructured.Unstructured) error {
	GinkgoHelper()
	keep(ctx, object)
	return environment.As(user).Delete(ctx, object, client.DryRunAll)
}

var _ = Describe("Data", func() {
	DescribeTable("is not deleted without consent:",
		func(ctx SpecContext, base, resource string) {
			expectRefusal(deletes(ctx, somebodyInTheDinas, manifest(base)), []string{
				resource + " holds data of district 61.05 and is not deleted",
				"it has no annotation ilp.health/delete-data",
				"kubectl annotate --overwrite " + resource + " -n ilp-6105 ilp.health/delete-data=61.05",
			})
		},
		Entry("a Secret", secret, "secrets tebidah-database"),
		Entry("a PersistentVolumeClaim", claim, "persistentvolumeclaims database-1"),
		Entry("a Cluster", cluster, "clusters database"),
		Entry("a Database", database, "databases tebidah-database"),
		Entry("a DatabaseRole", databaseRole, "databaseroles tebidah-database"),
	)

	DescribeTable("is not deleted with consent for another district:",
		func(ctx SpecContext, base string) {
			object := manifest(base, `metadata: {annotations: {ilp.health/delete-data: "61.06"}}`)
			expectRefusal(deletes(ctx, somebodyInTheDinas, object), []string{
				"its annotation ilp.health/delete-data is '61.06', which is another code", "ilp.health/delete-data=61.05",
			})
		},
		Entry("a Secret", secret), Entry("a PersistentVolumeClaim", claim), Entry("a Cluster", cluster),
		Entry("a Database", database), Entry("a DatabaseRole", databaseRole),
	)

	DescribeTable("is deleted with consent:",
		func(ctx SpecContext, base string) {
			Expect(deletes(ctx, somebodyInTheDinas, manifest(base, consent))).To(Succeed())
		},
		Entry("a Secret", secret), Entry("a PersistentVolumeClaim", claim), Entry("a Cluster", cluster),
		Entry("a Database", database), Entry("a DatabaseRole", databaseRole),
	)

	It("is not deleted when nobody knows whose it is", func(ctx SpecContext) {
		object := manifest(secret, consent, `metadata: {namespace: default, labels: {ilp.health/district: null}}`)
		expectRefusal(deletes(ctx, somebodyInTheDinas, object), []string{
			"does not say of which district", "kubectl label secrets tebidah-database -n default ilp.health/district=<code>",
		})
	})

	It("is not deleted together with everything else", func(ctx SpecContext) {
		keep(ctx, manifest(secret))
		err := environment.Client.DeleteAllOf(ctx, &corev1.Secret{}, client.InNamespace("ilp-6105"), client.DryRunAll)
		expectRefusal(err, []string{"secrets tebidah-database holds data of district 61.05"})
	})

	DescribeTable("keeps the labels that protect it until there is consent:",
		func(ctx SpecContext, base, resource string) {
			for label, message := range map[string]string{
				v1alpha1.LabelStateful: resource + " holds data and keeps its label ilp.health/stateful=true",
				v1alpha1.LabelDistrict: resource + " holds data of district 61.05 and keeps its label ilp.health/district=61.05",
			} {
				without := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"`+label+`":null}}}`))
				object := manifest(base)
				keep(ctx, object)
				expectRefusal(environment.As(somebodyInTheDinas).Patch(ctx, object.DeepCopy(), without, client.DryRunAll), []string{message})
				Expect(environment.As(operatorUser).Patch(ctx, object.DeepCopy(), without, client.DryRunAll)).To(Succeed())

				agreed := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"ilp.health/delete-data":"61.05"}}}`))
				Expect(environment.As(somebodyInTheDinas).Patch(ctx, object, agreed)).To(Succeed())
				Expect(environment.As(somebodyInTheDinas).Patch(ctx, object.DeepCopy(), without, client.DryRunAll)).To(Succeed())
				Expect(environment.Client.Delete(ctx, object)).To(Succeed())
			}
		},
		Entry("a Secret", secret, "secrets tebidah-database"),
		Entry("a PersistentVolumeClaim", claim, "persistentvolumeclaims database-1"),
		Entry("a Cluster", cluster, "clusters database"),
	)

	It("does not protect what holds none", func(ctx SpecContext) {
		object := manifest(secret, `metadata: {labels: {ilp.health/stateful: null}}`)
		Expect(deletes(ctx, somebodyInTheDinas, object)).To(Succeed())
	})

	DescribeTable("is deleted without the annotation by",
		func(ctx SpecContext, user, base string) { Expect(deletes(ctx, user, manifest(base))).To(Succeed()) },
		Entry("the operator, which asks for consent itself", operatorUser, database),
		Entry("the operator, a Secret", operatorUser, secret),
		Entry("the controller that empties a namespace", namespaceDeleter, secret),
		Entry("the garbage collector", garbageCollector, claim),
	)

	It("is deleted by CloudNativePG only where it belongs to one of its objects", func(ctx SpecContext) {
		expectRefusal(deletes(ctx, cloudNativePGUser, manifest(cluster)), []string{"clusters database holds data of district 61.05"})

		owned := belonging(ctx, claim)
		Expect(environment.As(cloudNativePGUser).Delete(ctx, owned, client.DryRunAll)).To(Succeed())
	})
})

var _ = Describe("Namespace of a district", func() {
	It("is not deleted without consent", func(ctx SpecContext) {
		object := manifest(namespace, `metadata: {name: ilp-6107, labels: {ilp.health/district: "61.07"}}`)
		expectRefusal(deletes(ctx, somebodyInTheDinas, object), []string{
			"namespaces ilp-6107 holds data of district 61.07 and is not deleted",
			"kubectl annotate --overwrite namespaces ilp-6107 ilp.health/delete-data=61.07",
		})
	})

	It("is deleted with consent", func(ctx SpecContext) {
		object := manifest(namespace, `
metadata: {name: ilp-6108, labels: {ilp.health/district: "61.08"}, annotations: {ilp.health/delete-data: "61.08"}}`)
		Expect(deletes(ctx, somebodyInTheDinas, object)).To(Succeed())
	})

	DescribeTable("is accepted with", accepts(namespace),
		Entry("the label of its name", `{}`),
		Entry("no label and any name", `metadata: {name: monitoring, labels: null}`),
	)

	DescribeTable("is refused for", refuses(namespace),
		Entry("the label of another district", `metadata: {labels: {ilp.health/district: "61.05"}}`,
			"metadata.labels[ilp.health/district]", "'61.05' does not agree with the namespace's name 'ilp-6106'", "is named ilp-6105"),
		Entry("a code without its dot", `metadata: {labels: {ilp.health/district: "6106"}}`,
			"metadata.labels[ilp.health/district]", "'6106' does not agree", "labelled ilp.health/district=61.05"),
	)

	It("keeps its label", func(ctx SpecContext) {
		object := manifest(namespace, `metadata: {name: ilp-6109, labels: {ilp.health/district: "61.09"}}`)
		keep(ctx, object)
		object.SetLabels(nil)
		expectRefusal(strict.Update(ctx, object, client.DryRunAll), []string{
			"the label 61.09 guards the data of namespace ilp-6109", "keep it, or first agree to the loss",
			"kubectl annotate namespace ilp-6109 ilp.health/delete-data=61.09",
		})
		object.SetAnnotations(map[string]string{v1alpha1.AnnotationDeleteData: "61.09"})
		Expect(strict.Update(ctx, object, client.DryRunAll)).To(Succeed())
	})
})

var _ = Describe("StackRelease in use", func() {
	DescribeTable("by a number of districts",
		func(ctx SpecContext, districts int32, refusal ...string) {
			object := manifest(stackRelease, `metadata: {name: ilp-1.2.0}`)
			keep(ctx, object)
			release := &v1alpha1.StackRelease{}
			Expect(environment.Client.Get(ctx, client.ObjectKeyFromObject(object), release)).To(Succeed())
			release.Status.Districts = &districts
			Expect(environment.Client.Status().Update(ctx, release)).To(Succeed())
			DeferCleanup(func(ctx SpecContext) {
				*release.Status.Districts = 0
				Expect(environment.Client.Status().Update(ctx, release)).To(Succeed())
			})

			err := environment.As(somebodyInTheDinas).Delete(ctx, release, client.DryRunAll)
			if len(refusal) == 0 {
				Expect(err).NotTo(HaveOccurred())
				return
			}
			expectRefusal(err, refusal)
		},
		Entry("is deleted when it is none", int32(0)),
		Entry("is not deleted when it is some", int32(2),
			"StackRelease ilp-1.2.0 is run by 2 districts and 0 Puskesmas", "bring them to another release first"),
	)

	It("is deleted before the operator has looked at it", func(ctx SpecContext) {
		Expect(deletes(ctx, somebodyInTheDinas, manifest(stackRelease, `metadata: {name: ilp-1.3.0}`))).To(Succeed())
	})
})
