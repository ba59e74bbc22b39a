package admission_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// volumeController is who binds claims to volumes.
const volumeController = "system:serviceaccount:kube-system:persistent-volume-binder"

// What CloudNativePG makes has no labels of ours.
const (
	ownClaim = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: database-1
  namespace: ilp-6105
  labels: {cnpg.io/cluster: database, cnpg.io/instanceName: database-1, cnpg.io/instanceRole: primary, cnpg.io/pvcRole: PG_DATA}
  annotations: {cnpg.io/nodeSerial: "1", cnpg.io/pvcStatus: ready}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`
	ownSecret = `
apiVersion: v1
kind: Secret
metadata: {name: database-ca, namespace: ilp-6105, labels: {cnpg.io/reload: "true"}}
`
	volume = `
apiVersion: v1
kind: PersistentVolume
metadata: {name: pvc-0001}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 1Gi}
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: /tmp/pvc-0001}
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: ilp-6105, name: database-1, uid: 11111111-1111-1111-1111-111111111111}
`
	bogus = `metadata: {ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: gone, uid: 22222222-2222-2222-2222-222222222222}]}`
)

// patches tries a merge patch as a user, without doing it, on an object or one of
// its subresources.
func patches(ctx SpecContext, user string, object *unstructured.Unstructured, subresource, change string) error {
	patch := client.RawPatch(types.MergePatchType, []byte(toJSON(change)))
	c := environment.As(user)
	switch subresource {
	case "":
		return c.Patch(ctx, object.DeepCopy(), patch, client.DryRunAll)
	case "finalize": // takes no patch
		changed := object.DeepCopy()
		Expect(c.Get(ctx, client.ObjectKeyFromObject(object), changed)).To(Succeed())
		changed = manifest(toYAML(changed), change)
		return c.SubResource(subresource).Update(ctx, changed, client.DryRunAll)
	default:
		return c.SubResource(subresource).Patch(ctx, object.DeepCopy(), patch, client.DryRunAll)
	}
}

// belonging makes CloudNativePG create an object that belongs to a Cluster.
func belonging(ctx SpecContext, base string) *unstructured.Unstructured {
	GinkgoHelper()
	owner := manifest(cluster, `metadata: {name: owner}`)
	keep(ctx, owner)
	object := manifest(base, fmt.Sprintf(
		`metadata: {ownerReferences: [{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: owner, uid: %s}]}`, owner.GetUID()))
	Expect(environment.As(cloudNativePGUser).Create(ctx, object)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) { Expect(environment.As(operatorUser).Delete(ctx, object)).To(Succeed()) })
	return object
}

var _ = Describe("What CloudNativePG makes of a district's data", func() {
	DescribeTable("has no label of ours and is not deleted without consent:",
		func(ctx SpecContext, base, resource string) {
			object := belonging(ctx, base)
			refusal := []string{resource + " holds data of district 61.05 and is not deleted", "kubectl annotate --overwrite " + resource + " -n ilp-6105"}
			expectRefusal(environment.As(somebodyInTheDinas).Delete(ctx, object, client.DryRunAll), refusal)
			expectRefusal(environment.As(somebodyInTheDinas).DeleteAllOf(ctx, object, client.InNamespace("ilp-6105"), client.DryRunAll), refusal)
			Expect(environment.As(cloudNativePGUser).Delete(ctx, object, client.DryRunAll)).To(Succeed())
			Expect(environment.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType,
				[]byte(`{"metadata":{"annotations":{"ilp.health/delete-data":"61.05"}}}`)))).To(Succeed())
			Expect(environment.As(somebodyInTheDinas).Delete(ctx, object, client.DryRunAll)).To(Succeed())
		},
		Entry("a volume claim", ownClaim, "persistentvolumeclaims database-1"),
		Entry("a Secret", ownSecret, "secrets database-ca"),
	)

	It("is a claim also after it has lost its owner", func(ctx SpecContext) {
		expectRefusal(deletes(ctx, somebodyInTheDinas, manifest(ownClaim, `metadata: {labels: null, annotations: null}`)),
			[]string{"persistentvolumeclaims database-1 holds data of district 61.05"})
	})

	It("may be another Secret, which is not guarded", func(ctx SpecContext) {
		Expect(deletes(ctx, somebodyInTheDinas, manifest(ownSecret))).To(Succeed())
	})

	It("goes with consent to the code of the namespace, whatever a label says", func(ctx SpecContext) {
		forged := manifest(ownClaim, `metadata: {labels: {ilp.health/district: "61.06"}, annotations: {ilp.health/delete-data: "61.06"}}`)
		expectRefusal(deletes(ctx, somebodyInTheDinas, forged), []string{"holds data of district 61.05", "'61.06', which is another code"})
	})

	DescribeTable("is a claim that only CloudNativePG marks:",
		func(ctx SpecContext, subresource, change, field string) {
			object := manifest(ownClaim)
			keep(ctx, object)
			expectRefusal(patches(ctx, somebodyInTheDinas, object, subresource, change), []string{
				field + ": by it CloudNativePG knows the data in persistentvolumeclaims database-1, and only CloudNativePG changes it",
				"whoever agrees to the loss of the data of district 61.05 annotates persistentvolumeclaims database-1 with ilp.health/delete-data=61.05 first",
			})
			expectRefusal(patches(ctx, operatorUser, object, subresource, change), []string{field})
			Expect(patches(ctx, cloudNativePGUser, object, subresource, change)).To(Succeed())
		},
		Entry("its state", "", `{"metadata":{"annotations":{"cnpg.io/pvcStatus":"initializing"}}}`, "metadata.annotations[cnpg.io/pvcStatus]"),
		Entry("its state, by its status", "status", `{"metadata":{"annotations":{"cnpg.io/pvcStatus":"detached"}}}`, "metadata.annotations[cnpg.io/pvcStatus]"),
		Entry("its serial", "", `{"metadata":{"annotations":{"cnpg.io/nodeSerial":null}}}`, "metadata.annotations[cnpg.io/nodeSerial]"),
		Entry("its cluster", "", `{"metadata":{"labels":{"cnpg.io/cluster":"other"}}}`, "metadata.labels[cnpg.io/cluster]"),
		Entry("a mark it had not", "status", `{"metadata":{"labels":{"cnpg.io/tablespaceName":"x"}}}`, "metadata.labels[cnpg.io/tablespaceName]"),
	)

	It("is a claim that others may label otherwise", func(ctx SpecContext) {
		object := manifest(ownClaim)
		keep(ctx, object)
		Expect(patches(ctx, somebodyInTheDinas, object, "", `{"metadata":{"labels":{"team":"dinkes"}}}`)).To(Succeed())
		Expect(patches(ctx, volumeController, object, "status", `{"status":{"phase":"Bound"}}`)).To(Succeed())
	})
})

var _ = Describe("The status of what holds data", func() {
	DescribeTable("does not lead round the labels of a claim:",
		func(ctx SpecContext, label, message string) {
			object := manifest(claim)
			keep(ctx, object)
			expectRefusal(patches(ctx, somebodyInTheDinas, object, "status", `{"metadata":{"labels":{"`+label+`":null}}}`), []string{message})
		},
		Entry("stateful", "ilp.health/stateful", "keeps its label ilp.health/stateful=true"),
		Entry("district", "ilp.health/district", "keeps its label ilp.health/district=61.05"),
	)

	It("has the system identifier of a PostgreSQL from CloudNativePG alone", func(ctx SpecContext) {
		object := manifest(cluster)
		keep(ctx, object)
		born := client.RawPatch(types.MergePatchType, []byte(`{"status":{"systemID":"7441"}}`))
		expectRefusal(environment.Client.Status().Patch(ctx, object.DeepCopy(), born, client.DryRunAll),
			[]string{"status.systemID: PostgreSQL has it from birth", "only CloudNativePG writes it"})
		Expect(environment.As(cloudNativePGUser).Status().Patch(ctx, object, born)).To(Succeed())
		for _, user := range []string{somebodyInTheDinas, operatorUser, instanceUser} {
			expectRefusal(patches(ctx, user, object, "status", `{"status":{"systemID":"7442"}}`), []string{"status.systemID"})
			expectRefusal(patches(ctx, user, object, "status", `{"status":{"systemID":null}}`), []string{"status.systemID"})
			Expect(patches(ctx, user, object, "status", `{"status":{"phase":"Cluster in healthy state"}}`)).To(Succeed())
		}
	})
})

var _ = Describe("A volume that a district's claim is bound to", func() {
	bound := func(ctx SpecContext) *unstructured.Unstructured {
		object := manifest(volume)
		keep(ctx, object)
		Expect(environment.As(volumeController).Status().Patch(ctx, object,
			client.RawPatch(types.MergePatchType, []byte(`{"status":{"phase":"Bound"}}`)))).To(Succeed())
		return object
	}

	It("is not deleted without consent", func(ctx SpecContext) {
		object := bound(ctx)
		refusal := []string{"persistentvolumes pvc-0001 holds data of district 61.05 and is not deleted", "kubectl annotate --overwrite persistentvolumes pvc-0001 ilp.health/delete-data=61.05"}
		expectRefusal(environment.As(somebodyInTheDinas).Delete(ctx, object, client.DryRunAll), refusal)
		expectRefusal(environment.Client.DeleteAllOf(ctx, &corev1.PersistentVolume{}, client.DryRunAll), refusal)
	})

	DescribeTable("stays bound to it:",
		func(ctx SpecContext, subresource, change string) {
			object := bound(ctx)
			expectRefusal(patches(ctx, somebodyInTheDinas, object, subresource, change),
				[]string{"spec.claimRef: persistentvolumes pvc-0001 holds data of ilp-6105/database-1 and stays bound to it", "ilp.health/delete-data=61.05"})
			Expect(patches(ctx, volumeController, object, subresource, change)).To(Succeed())
		},
		Entry("its claim taken off", "", `{"spec":{"claimRef":null}}`),
		Entry("another claim", "", `{"spec":{"claimRef":{"uid":"33333333-3333-3333-3333-333333333333"}}}`),
		Entry("said to be released", "status", `{"status":{"phase":"Released"}}`),
	)

	It("is nobody's once it is released", func(ctx SpecContext) {
		object := manifest(volume)
		keep(ctx, object)
		Expect(environment.As(volumeController).Status().Patch(ctx, object,
			client.RawPatch(types.MergePatchType, []byte(`{"status":{"phase":"Released"}}`)))).To(Succeed())
		Expect(patches(ctx, somebodyInTheDinas, object, "", `{"spec":{"claimRef":null}}`)).To(Succeed())
		Expect(environment.As(somebodyInTheDinas).Delete(ctx, object, client.DryRunAll)).To(Succeed())
	})

	It("may be somebody else's", func(ctx SpecContext) {
		object := manifest(volume, `{metadata: {name: pvc-0002}, spec: {claimRef: {namespace: default}}}`)
		keep(ctx, object)
		Expect(environment.As(volumeController).Status().Patch(ctx, object,
			client.RawPatch(types.MergePatchType, []byte(`{"status":{"phase":"Bound"}}`)))).To(Succeed())
		Expect(environment.As(somebodyInTheDinas).Delete(ctx, object, client.DryRunAll)).To(Succeed())
	})
})

var _ = Describe("An owner that would take data with it", func() {
	DescribeTable("is refused",
		func(ctx SpecContext, base, subresource, what string) {
			object := manifest(base)
			keep(ctx, object)
			refusal := []string{"metadata.ownerReferences: ConfigMap gone would take " + what + " and its data with it when it is deleted, or at once if there is no such object: leave it out"}
			for _, user := range []string{somebodyInTheDinas, operatorUser, cloudNativePGUser, garbageCollector} {
				expectRefusal(patches(ctx, user, object, subresource, bogus), refusal)
			}
			if subresource == "" {
				Expect(environment.As(operatorUser).Delete(ctx, object)).To(Succeed())
				expectRefusal(strict.Create(ctx, manifest(base, bogus), client.DryRunAll), refusal)
			}
		},
		Entry("for a Cluster", cluster, "", "clusters database"),
		Entry("for a Cluster without labels", fullCluster, "", "clusters database"),
		Entry("for a Database", database, "", "databases tebidah-database"),
		Entry("for a DatabaseRole", databaseRole, "", "databaseroles tebidah-database"),
		Entry("for a Secret", secret, "", "secrets tebidah-database"),
		Entry("for a claim", claim, "", "persistentvolumeclaims database-1"),
		Entry("for a claim, by its status", ownClaim, "status", "persistentvolumeclaims database-1"),
	)

	DescribeTable("is refused for a namespace",
		func(ctx SpecContext, code, name, subresource string) {
			object := manifest(namespace, fmt.Sprintf(`metadata: {name: %s, labels: {ilp.health/district: %q}}`, name, code))
			keep(ctx, object)
			expectRefusal(patches(ctx, somebodyInTheDinas, object, subresource, bogus), []string{"ConfigMap gone would take namespaces " + name})
		},
		Entry("itself", "61.10", "ilp-6110", ""),
		Entry("by its status", "61.11", "ilp-6111", "status"),
		Entry("by its finalizers", "61.12", "ilp-6112", "finalize"),
	)

	It("is accepted from CloudNativePG for its own, and may be taken off by anybody", func(ctx SpecContext) {
		object := belonging(ctx, ownClaim)
		Expect(patches(ctx, somebodyInTheDinas, object, "", `{"metadata":{"ownerReferences":null}}`)).To(Succeed())
	})

	It("is not exchanged for another by the same UID", func(ctx SpecContext) {
		object := belonging(ctx, ownClaim)
		uid := object.GetOwnerReferences()[0].UID
		expectRefusal(patches(ctx, somebodyInTheDinas, object, "", fmt.Sprintf(
			`{"metadata":{"ownerReferences":[{"apiVersion":"postgresql.cnpg.io/v1","kind":"Cluster","name":"gone","uid":%q}]}}`, uid)),
			[]string{"Cluster gone would take persistentvolumeclaims database-1"})
		// The garbage collector changes this of an owner that is deleted in the foreground.
		Expect(patches(ctx, garbageCollector, object, "", fmt.Sprintf(
			`{"metadata":{"ownerReferences":[{"apiVersion":"postgresql.cnpg.io/v1","kind":"Cluster","name":"owner","uid":%q,"blockOwnerDeletion":false}]}}`, uid))).To(Succeed())
	})

	It("is accepted for what holds no data", func(ctx SpecContext) {
		Expect(strict.Create(ctx, manifest(ownSecret, bogus), client.DryRunAll)).To(Succeed())
		Expect(strict.Create(ctx, manifest(database, bogus, `metadata: {namespace: default, labels: null}`), client.DryRunAll)).To(Succeed())
	})

	It("is refused for the CRDs", func(ctx SpecContext) {
		for _, name := range []string{"clusters.postgresql.cnpg.io", "databases.postgresql.cnpg.io", "districts.ilp.health"} {
			crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: name}}
			err := environment.Client.Patch(ctx, crd, client.RawPatch(types.MergePatchType, []byte(toJSON(bogus))), client.DryRunAll)
			expectRefusal(err, []string{"metadata.ownerReferences: ConfigMap gone would take customresourcedefinitions " + name + ", and all that is of this kind, with it"})
		}
	})
})

var _ = Describe("CloudNativePG's CRDs", func() {
	It("stay while a district's namespace does", func(ctx SpecContext) {
		for _, user := range []string{somebodyInTheDinas, cloudNativePGUser, garbageCollector, operatorUser} {
			crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "clusters.postgresql.cnpg.io"}}
			expectRefusal(environment.As(user).Delete(ctx, crd, client.DryRunAll), []string{
				"customresourcedefinitions clusters.postgresql.cnpg.io would take every Cluster with it",
				"holds data of district ", "delete the districts' namespaces first (kubectl get namespaces -l ilp.health/district), or leave the CRDs",
			})
		}
		expectRefusal(environment.Client.DeleteAllOf(ctx, &apiextensionsv1.CustomResourceDefinition{}, client.DryRunAll), []string{"postgresql.cnpg.io would take every "})
	})
})
