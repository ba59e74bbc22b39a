package admission_test

import (
	"maps"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/controllers/stack/cnpg"
)

// instanceUser is the account of PostgreSQL's pods, as which CloudNativePG carries
// out Databases and DatabaseRoles.
const instanceUser = "system:serviceaccount:ilp-6105:database"

const (
	fullCluster = `
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: database, namespace: ilp-6105}
spec:
  instances: 1
  imageName: registry:5000/postgresql:15-bookworm
  storage: {size: 1Gi}
  walStorage: {size: 1Gi}
  bootstrap: {initdb: {database: pws, owner: pws}}
  tablespaces: [{name: archive, storage: {size: 1Gi}}]
  backup: {retentionPolicy: 30d}
`
	scheduledBackup = `
apiVersion: postgresql.cnpg.io/v1
kind: ScheduledBackup
metadata: {name: database, namespace: ilp-6105}
spec: {cluster: {name: database}, schedule: "0 0 1 * * *"}
`
	publication = `
apiVersion: postgresql.cnpg.io/v1
kind: Publication
metadata: {name: lab, namespace: ilp-6105}
spec: {cluster: {name: database}, dbname: pws, name: lab, target: {allTables: true}}
`
	instance = `
apiVersion: v1
kind: Pod
metadata: {name: database-1, namespace: ilp-6105, labels: {cnpg.io/cluster: database}}
spec: {containers: [{name: postgres, image: postgresql}]}
`
)

// bases are the kinds that cnpg judges, as they stand before somebody changes them.
var bases = map[string]string{"Cluster": fullCluster, "Database": database, "DatabaseRole": databaseRole, "ScheduledBackup": scheduledBackup}

var _ = Describe("Data goes without a deletion", func() {
	for kind, base := range bases {
		for _, field := range cnpg.Fields(kind) {
			if field.Judgement != cnpg.Destroys {
				continue
			}
			refusal := []string{stem(field.Path), "holds data of district 61.05", `or agree to the loss in the same change, by the annotation ilp.health/delete-data: "61.05"`}

			It("not by a change of "+kind+"'s "+field.Path+" ("+field.Why+")", func(ctx SpecContext) {
				expectRefusal(change(ctx, base, `{}`, field.Refused), refusal)
			})
			It("but with consent by a change of "+kind+"'s "+field.Path, func(ctx SpecContext) {
				existing := manifest(base)
				keep(ctx, existing)
				changed := manifest(base, field.Refused, consent)
				changed.SetResourceVersion(existing.GetResourceVersion())
				Expect(environment.As(operatorUser).Update(ctx, changed, client.DryRunAll)).To(Succeed())
			})
			if !field.Change {
				It("not by a new "+kind+" with "+field.Path, func(ctx SpecContext) {
					expectRefusal(strict.Create(ctx, manifest(base, field.Refused), client.DryRunAll), refusal)
				})
			}
		}
	}

	DescribeTable("whoever asks:",
		func(ctx SpecContext, user string) {
			object := manifest(database)
			keep(ctx, object)
			absent := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"ensure":"absent"}}`))
			expectRefusal(environment.As(user).Patch(ctx, object, absent, client.DryRunAll), []string{
				"spec.ensure: 'absent' drops p6107080201 in PostgreSQL. databases tebidah-database holds data of district 61.05: leave that out",
			})
		},
		Entry("a person", somebodyInTheDinas), Entry("the operator", operatorUser),
		Entry("CloudNativePG", cloudNativePGUser), Entry("PostgreSQL's pod", instanceUser),
	)

	It("not by consent for another district", func(ctx SpecContext) {
		other := manifest(database, `{spec: {ensure: absent}, metadata: {annotations: {ilp.health/delete-data: "61.06"}}}`)
		expectRefusal(strict.Create(ctx, other, client.DryRunAll), []string{"spec.ensure: 'absent'", `ilp.health/delete-data: "61.05"`})
	})

	It("nor by the brothers of a field in kinds that the operator does not make", func(ctx SpecContext) {
		expectRefusal(strict.Create(ctx, manifest(publication, `spec: {publicationReclaimPolicy: delete}`), client.DryRunAll),
			[]string{"spec.publicationReclaimPolicy: 'delete' drops lab in PostgreSQL when the object goes"})
	})

	DescribeTable("nor by a parameter of PostgreSQL:", refuses(fullCluster),
		Entry("fsync", `spec: {postgresql: {parameters: {fsync: "OFF"}}}`, "spec.postgresql.parameters[fsync]: 'OFF'", "after a power cut"),
		Entry("one in capitals", `spec: {postgresql: {parameters: {FSync: "off"}}}`, "spec.postgresql.parameters[FSync]: 'off'"),
		Entry("full_page_writes", `spec: {postgresql: {parameters: {full_page_writes: "no"}}}`, "spec.postgresql.parameters[full_page_writes]: 'no'"),
		Entry("synchronous_commit", `spec: {postgresql: {parameters: {synchronous_commit: "off"}}}`, "spec.postgresql.parameters[synchronous_commit]: 'off'"),
		Entry("zero_damaged_pages", `spec: {postgresql: {parameters: {zero_damaged_pages: "on"}}}`, "spec.postgresql.parameters[zero_damaged_pages]: 'on'"),
	)

	DescribeTable("as long as it is harmless it is accepted:", accepts(fullCluster),
		Entry("parameters", `spec: {postgresql: {parameters: {fsync: "on", zero_damaged_pages: "off", synchronous_commit: remote_apply, max_connections: "300"}}}`),
		Entry("CloudNativePG's own checks", `metadata: {annotations: {cnpg.io/validation: enabled, cnpg.io/skipWalArchiving: disabled, cnpg.io/hibernation: "on"}}`),
		Entry("labels of our own", `spec: {inheritedMetadata: {labels: {ilp.health/stateful: "true", ilp.health/district: "61.05"}}}`),
		Entry("a restore", `spec: {bootstrap: {initdb: null, recovery: {source: backup}}}`),
	)

	DescribeTable("as long as it is harmless it may change:", acceptsChange(fullCluster),
		Entry("to a later minor version", `{}`, `spec: {imageName: "registry:5000/postgresql:15.10"}`),
		Entry("to the same version by digest", `{}`, `spec: {imageName: "registry:5000/postgresql:15.10@sha256:1111111111111111111111111111111111111111111111111111111111111111"}`),
		Entry("to more volumes and instances", `{}`, `spec: {instances: 3, storage: {size: 2Gi}}`),
		Entry("to longer retention", `{}`, `spec: {backup: {retentionPolicy: 5w}}`),
		Entry("to backups for the first time", `spec: {backup: null}`, `spec: {backup: {retentionPolicy: 7d}}`),
		Entry("to backups for ever", `{}`, `spec: {backup: {retentionPolicy: null}}`),
		Entry("from replica to primary", `spec: {replica: {enabled: true, source: other}}`, `spec: {replica: {enabled: false}}`),
		Entry("to what a version of CloudNativePG fills in", `{}`, `spec: {bootstrap: {initdb: {encoding: UTF8, localeCType: C}}}`),
	)

	It("not by taking the volume of the write-ahead log away", func(ctx SpecContext) {
		expectRefusal(change(ctx, fullCluster, `{}`, `spec: {walStorage: null}`), []string{"spec.walStorage: its volume would be missing"})
	})

	It("whoever looks after an object that has such a value already can go on", func(ctx SpecContext) {
		object := manifest(database, `spec: {databaseReclaimPolicy: delete}`, consent)
		keep(ctx, object)
		object.SetAnnotations(nil)
		object.SetFinalizers([]string{"cnpg.io/deleteDatabase"})
		Expect(environment.As(instanceUser).Update(ctx, object, client.DryRunAll)).To(Succeed())
	})

	It("and outside of districts nobody is asked", func(ctx SpecContext) {
		elsewhere := manifest(database, `{metadata: {namespace: default, labels: null}, spec: {ensure: absent}}`)
		Expect(strict.Create(ctx, elsewhere, client.DryRunAll)).To(Succeed())
	})
})

var _ = Describe("An annotation that is an order to CloudNativePG", func() {
	values := map[string]string{
		"cnpg.io/validation": "disabled", "cnpg.io/skipEmptyWalArchiveCheck": "enabled", "cnpg.io/skipWalArchiving": "enabled",
		"cnpg.io/podPatch": `[{"op": "remove", "path": "/spec/volumes"}]`, "alpha.cnpg.io/unrecoverable": "true",
	}
	for _, key := range slices.Sorted(maps.Keys(cnpg.Metadata)) {
		if cnpg.Metadata[key] != cnpg.Destroys {
			continue
		}
		It(key+" is refused", func(ctx SpecContext) {
			annotate := func(o *unstructured.Unstructured) { o.SetAnnotations(map[string]string{key: values[key]}) }
			object := manifest(fullCluster)
			annotate(object)
			expectRefusal(strict.Create(ctx, object, client.DryRunAll), []string{"metadata.annotations[" + key + "]: '", "holds data of district 61.05"})
			object = manifest(fullCluster)
			keep(ctx, object)
			annotate(object)
			expectRefusal(environment.As(operatorUser).Update(ctx, object, client.DryRunAll), []string{"metadata.annotations[" + key + "]: '"})
		})
	}

	It("is refused on a pod, by whatever way", func(ctx SpecContext) {
		order := `{"metadata":{"annotations":{"alpha.cnpg.io/unrecoverable":"true"}}}`
		refusal := []string{"metadata.annotations[alpha.cnpg.io/unrecoverable]: 'true' deletes the instance with its volumes. pods database-1 holds data of district 61.05"}
		expectRefusal(strict.Create(ctx, manifest(instance, order), client.DryRunAll), refusal)

		pod := manifest(instance)
		keep(ctx, pod)
		patch := client.RawPatch(types.MergePatchType, []byte(order))
		expectRefusal(environment.Client.Patch(ctx, pod.DeepCopy(), patch, client.DryRunAll), refusal)
		expectRefusal(environment.Client.Status().Patch(ctx, pod.DeepCopy(), patch, client.DryRunAll), refusal)
		binding := manifest(`{apiVersion: v1, kind: Binding, metadata: {name: database-1, namespace: ilp-6105}, target: {kind: Node, name: node}}`, order)
		expectRefusal(environment.Client.SubResource("binding").Create(ctx, pod.DeepCopy(), binding, client.DryRunAll), refusal)

		agreed := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"alpha.cnpg.io/unrecoverable":"true","ilp.health/delete-data":"61.05"}}}`))
		Expect(environment.Client.Patch(ctx, pod.DeepCopy(), agreed, client.DryRunAll)).To(Succeed())
	})

	It("may be taken back", func(ctx SpecContext) {
		order := `metadata: {annotations: {alpha.cnpg.io/unrecoverable: "true", ilp.health/delete-data: "61.05"}}`
		pod := manifest(instance, order)
		keep(ctx, pod)
		back := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"alpha.cnpg.io/unrecoverable":"false","ilp.health/delete-data":null}}}`))
		Expect(environment.Client.Patch(ctx, pod, back, client.DryRunAll)).To(Succeed())
	})
})

// stem is the part of a path that a message starts with: up to the first list.
func stem(path string) string {
	for _, spelled := range []struct{ path, message string }{
		{"spec.imageCatalogRef", "spec.imageName"}, {"spec.replica", "spec.replica"}, {"spec.bootstrap", "spec.bootstrap"},
	} {
		if strings.HasPrefix(path, spelled.path) {
			return spelled.message + ": "
		}
	}
	path, _, _ = strings.Cut(path, "[]")
	return path
}
