package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

const (
	// CloudNativePG acts on a changed object within half a minute.
	acts = 30 * time.Second

	makeRecords  = "CREATE TABLE e2e_records AS SELECT generate_series(1, 1000) AS id"
	countRecords = "SELECT count(*) FROM e2e_records"
	noRecords    = "SELECT to_regclass('public.e2e_records') IS NULL"
	allRecords   = "1000"
)

// nothingLost tries every way by which data went without consent, on a district
// that stands with two Puskesmas: the first is deleted, and PostgreSQL at last.
func nothingLost(d *v1alpha1.District, first, second facility) {
	there := first.namespace
	expectRecords := func(ctx context.Context, facilities ...facility) {
		GinkgoHelper()
		for _, f := range facilities {
			Expect(f.sql(ctx, countRecords)).To(Equal(allRecords), f.name)
		}
	}
	// notReady tells why a resource is not ready.
	notReady := func(ctx context.Context, obj client.Object, reason string, words ...string) {
		GinkgoHelper()
		await(ctx, obj, v1alpha1.ConditionReady, metav1.ConditionFalse, reason)
		_, message, err := readyOf(ctx, obj)
		Expect(err).NotTo(HaveOccurred())
		for _, word := range words {
			Expect(message).To(ContainSubstring(word))
		}
	}
	patchesOf := func(ctx context.Context, f facility, patches ...v1alpha1.Patch) {
		GinkgoHelper()
		p := f.object()
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		before := p.DeepCopy()
		p.Spec.Patches = patches
		Expect(cluster.Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
	}

	It("loses no record to a field that orders CloudNativePG to drop something", func(ctx SpecContext) {
		for _, f := range []facility{first, second} {
			f.sql(ctx, makeRecords)
		}
		database := first.name + "-database"
		for _, order := range []struct{ resource, name, patch, field string }{
			{"databases", database, `{"spec":{"ensure":"absent"}}`, "spec.ensure"},
			{"databases", database, `{"spec":{"databaseReclaimPolicy":"delete"}}`, "spec.databaseReclaimPolicy"},
			{"databases", database, `{"spec":{"schemas":[{"name":"public","ensure":"absent"}]}}`, "spec.schemas"},
			{"databaseroles", database, `{"spec":{"ensure":"absent"}}`, "ensure: absent is not supported"},
			{"databaseroles", database, `{"spec":{"databaseRoleReclaimPolicy":"delete"}}`, "spec.databaseRoleReclaimPolicy"},
			{"clusters.postgresql.cnpg.io", "database", fmt.Sprintf(`{"spec":{"managed":{"roles":[{"name":%q,"ensure":"absent"}]}}}`, first.database), "spec.managed.roles"},
			{"clusters.postgresql.cnpg.io", "database", `{"spec":{"nodeMaintenanceWindow":{"inProgress":true,"reusePVC":false}}}`, "spec.nodeMaintenanceWindow"},
			{"pods", "database-1", `{"metadata":{"annotations":{"alpha.cnpg.io/unrecoverable":"true"}}}`, "alpha.cnpg.io/unrecoverable"},
		} {
			refused(ctx, order.field, "kubectl", "-n", there, "patch", order.resource, order.name, "--type=merge", "-p", order.patch)
		}
		Consistently(func() string { return first.sql(ctx, countRecords) }).WithTimeout(acts).WithPolling(5 * time.Second).Should(Equal(allRecords))
		expectRecords(ctx, second)
	})

	It("takes no patch that goes round isolation or data, and serves on", func(ctx SpecContext) {
		visitors := visit(first.host())
		for _, patch := range []struct{ text, object string }{
			{"{apiVersion: postgresql.cnpg.io/v1, kind: Database, metadata: {name: " + first.name + "-database}, spec: {ensure: absent}}", "Database/" + first.name + "-database"},
			{"{apiVersion: apps/v1, kind: Deployment, metadata: {name: " + first.name + "-rme}, spec: {template: {spec: {containers: [{name: rme, envFrom: [{secretRef: {name: " +
				second.name + "-database}}]}]}}}}", "Deployment/" + first.name + "-rme"},
			{"{apiVersion: apps/v1, kind: Deployment, metadata: {name: " + first.name + "-rme}, spec: {template: {metadata: {labels: {cnpg.io/cluster: database}}}}}", "Deployment/" + first.name + "-rme"},
			{"{apiVersion: v1, kind: Service, metadata: {name: " + first.name + "-rme}, spec: {externalIPs: [198.51.100.7]}}", "Service/" + first.name + "-rme"},
		} {
			patchesOf(ctx, first, v1alpha1.Patch{Patch: patch.text})
			notReady(ctx, first.object(), v1alpha1.ReasonRenderFailed, "spec.patches[0]", patch.object)
		}
		patchesOf(ctx, first)
		awaitReady(ctx, first.object())
		expectToStayReady(ctx, first)
		expectRecords(ctx, first, second)
		Expect(visitors.leave()).To(BeEmpty())
	})

	It("keeps claims, labels, owners and CRDs, whatever way they are asked to go", func(ctx SpecContext) {
		owner := `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"gone","uid":"00000000-0000-0000-0000-000000000000"}]}}`
		for _, try := range []struct {
			words     string
			arguments []string
		}{
			{"ilp.health/delete-data", []string{"-n", there, "delete", "pvc", "database-1", "--wait=false"}},
			{"ilp.health/delete-data", []string{"-n", there, "delete", "pvc", "--all", "--wait=false"}},
			{"ilp.health/delete-data", []string{"-n", there, "delete", "clusters.postgresql.cnpg.io", "--all", "--wait=false"}},
			{"ilp.health/district", []string{"patch", "namespace", there, "--subresource=status", "--type=merge", "-p", `{"metadata":{"labels":{"ilp.health/district":null}}}`}},
			{"ownerReferences", []string{"patch", "namespace", there, "--type=merge", "-p", owner}},
			{"ownerReferences", []string{"-n", there, "patch", "clusters.postgresql.cnpg.io", "database", "--type=merge", "-p", owner}},
			{"ownerReferences", []string{"-n", there, "patch", "secret", first.name + "-database", "--type=merge", "-p", owner}},
			{"ownerReferences", []string{"-n", there, "patch", "pvc", "database-1", "--subresource=status", "--type=merge", "-p", owner}},
			{"clusters.postgresql.cnpg.io", []string{"delete", "crd", "clusters.postgresql.cnpg.io", "--wait=false"}},
			{"data.ilp.health/district", []string{"annotate", "namespace", there, "--overwrite", "data.ilp.health/district={}"}},
		} {
			refused(ctx, try.words, "kubectl", try.arguments...)
		}
		expectRecords(ctx, first, second)
	})

	It("keeps guards, operator and records when its installation is deleted, twice", func(ctx SpecContext) {
		installation := filepath.Join("..", "..", "config", "default")
		operator := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "ilp-system", Name: "ilp-operator"}}
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(operator), operator)).To(Succeed())
		before := operator.UID
		guards := func() string {
			return command(ctx, "kubectl", "get", "crds,validatingadmissionpolicies,validatingadmissionpolicybindings", "-l", "app.kubernetes.io/part-of=ilp", "-o", "name")
		}
		had := guards()
		DeferCleanup(func(ctx SpecContext) {
			// What is neither guard nor needed by a District has gone.
			command(ctx, "kubectl", "apply", "--server-side", "--force-conflicts", "-k", installation)
		})
		for range 2 {
			refused(ctx, "delete the Districts first", "kubectl", "delete", "-k", installation, "--ignore-not-found", "--wait=false")
			Expect(guards()).To(Equal(had))
			Expect(cluster.Get(ctx, client.ObjectKeyFromObject(operator), operator)).To(Succeed())
			Expect(operator.UID).To(Equal(before))
		}
		expectRecords(ctx, first, second)
		awaitReady(ctx, d)
	})

	It("does not grow volumes whose StorageClass cannot, and takes the old size back", func(ctx SpecContext) {
		grow := func(size v1alpha1.StorageSize) {
			Expect(cluster.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
			before := d.DeepCopy()
			d.Spec.Database.Storage = size
			Expect(cluster.Patch(ctx, d, client.MergeFrom(before))).To(Succeed())
		}
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
		was := d.Spec.Database.Storage
		grow("2Gi")
		notReady(ctx, d, v1alpha1.ReasonStorageRefused, "StorageClass", "2Gi", string(was))
		grow(was)
		awaitReady(ctx, d)
		expectRecords(ctx, first, second)
	})

	It("drops a database with consent while its RME serves, and tells what PostgreSQL objects to meanwhile", func(ctx SpecContext) {
		_, password := credentials(ctx, there, first.name+"-rme-admin")
		Expect(loginRME(ctx, first.host(), first.database, password)).To(BeTrue(), "the RME holds connections")
		go func() {
			// Somebody's session, which is none of the operator's pods.
			_, _ = psql(ctx, there, first.name+"-database", first.database, "SELECT pg_sleep(75)")
		}()

		p := first.object()
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		before := p.DeepCopy()
		p.Spec.Consent = agreed(v1alpha1.ConsentDelete, p.Spec.Code)
		Expect(cluster.Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
		Eventually(func() ([]string, error) {
			err := cluster.Get(ctx, client.ObjectKeyFromObject(p), p)
			return p.Finalizers, err
		}).WithContext(ctx).WithTimeout(time.Minute).Should(ContainElement(v1alpha1.Finalizer))
		Expect(cluster.Delete(ctx, p.DeepCopy())).To(Succeed())
		Eventually(func(g Gomega) {
			_, message, err := readyOf(ctx, p)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(message).To(ContainSubstring("being accessed by other users"))
		}).WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).Should(Succeed())
		Eventually(func() bool {
			return apierrors.IsNotFound(cluster.Get(ctx, client.ObjectKeyFromObject(p), first.object()))
		}).WithContext(ctx).WithTimeout(3 * time.Minute).WithPolling(time.Second).Should(BeTrue())
		Expect(second.sql(ctx, "SELECT count(*) FROM pg_database WHERE datname = '"+first.database+"'")).To(Equal("0"))
		expectRecords(ctx, second)
	})

	It("makes no empty PostgreSQL in the place of one that vanished, until somebody agrees", func(ctx SpecContext) {
		postgresql := &unstructured.Unstructured{}
		postgresql.SetGroupVersionKind(clusters)
		key := client.ObjectKey{Namespace: there, Name: "database"}
		command(ctx, "kubectl", "-n", there, "annotate", "clusters.postgresql.cnpg.io", "database", "ilp.health/delete-data="+string(d.Spec.Code))
		command(ctx, "kubectl", "-n", there, "delete", "clusters.postgresql.cnpg.io", "database")
		notReady(ctx, d, v1alpha1.ReasonDataMissing, "backup", "Recreate")
		notReady(ctx, second.object(), v1alpha1.ReasonDataMissing)
		nothing := func(g Gomega) {
			g.Expect(apierrors.IsNotFound(cluster.Get(ctx, key, postgresql))).To(BeTrue(), "no Cluster is made")
			var volumes corev1.PersistentVolumeClaimList
			g.Expect(cluster.List(ctx, &volumes, client.InNamespace(there))).To(Succeed())
			g.Expect(volumes.Items).To(BeEmpty(), "nor a volume for one")
		}
		Eventually(nothing).WithContext(ctx).WithTimeout(2*time.Minute).WithPolling(time.Second).Should(Succeed(), "the garbage collector takes what was the Cluster's")
		Consistently(nothing).WithContext(ctx).WithTimeout(acts).WithPolling(time.Second).Should(Succeed())

		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
		before := d.DeepCopy()
		d.Spec.DataProtection.Consent = agreed(v1alpha1.ConsentRecreate, string(d.Spec.Code))
		Expect(cluster.Patch(ctx, d, client.MergeFrom(before))).To(Succeed())
		awaitReady(ctx, second.object())
		awaitReady(ctx, d)
		Expect(second.sql(ctx, noRecords)).To(Equal("t"), "the loss that was agreed to")
	})
}

// agreed is a consent of a quarter of an hour.
func agreed(action v1alpha1.ConsentAction, code string) v1alpha1.Consent {
	now := time.Now()
	return v1alpha1.Consent{
		Action: action, Code: code, Reason: "made by a test, for a test",
		IssuedAt: metav1.NewTime(now), ExpiresAt: metav1.NewTime(now.Add(15 * time.Minute)),
	}
}

// refused runs a command that must fail with these words.
func refused(ctx context.Context, words, program string, arguments ...string) {
	GinkgoHelper()
	out, err := exec.CommandContext(ctx, program, arguments...).CombinedOutput() //nolint:gosec // the specs' own words
	Expect(err).To(HaveOccurred(), "%s %v\n%s", program, arguments, out)
	Expect(string(out)).To(ContainSubstring(words))
	AddReportEntry("refused", fmt.Sprintf("%s %v\n%s", program, arguments, out))
}
