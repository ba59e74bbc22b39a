package e2e

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

var _ = Describe("What is changed by hand", func() {
	key := client.ObjectKey{Namespace: namespace, Name: "tebidah-rme"}

	It("is put right: a Deployment deleted", func(ctx SpecContext) {
		var before appsv1.Deployment
		Expect(cluster.Get(ctx, key, &before)).To(Succeed())
		Expect(cluster.Delete(ctx, before.DeepCopy())).To(Succeed())
		corrected(ctx, func(g Gomega) {
			var after appsv1.Deployment
			g.Expect(cluster.Get(ctx, key, &after)).To(Succeed())
			g.Expect(after.UID).NotTo(Equal(before.UID))
		})
		Eventually(func(g Gomega) {
			var after appsv1.Deployment
			g.Expect(cluster.Get(ctx, key, &after)).To(Succeed())
			g.Expect(after.Status.AvailableReplicas).To(BeEquivalentTo(1))
		}).WithContext(ctx).WithTimeout(rollout).WithPolling(time.Second).Should(Succeed())
		awaitReady(ctx, puskesmas(tebidah))
	})

	It("is put right: a Deployment scaled", func(ctx SpecContext) {
		var d appsv1.Deployment
		Expect(cluster.Get(ctx, key, &d)).To(Succeed())
		before := d.DeepCopy()
		*d.Spec.Replicas = 3
		Expect(cluster.Patch(ctx, &d, client.MergeFrom(before))).To(Succeed())
		corrected(ctx, func(g Gomega) {
			g.Expect(cluster.Get(ctx, key, &d)).To(Succeed())
			g.Expect(*d.Spec.Replicas).To(BeEquivalentTo(1))
		})
	})

	It("is put right: a NetworkPolicy opened", func(ctx SpecContext) {
		var p networkingv1.NetworkPolicy
		key := client.ObjectKey{Namespace: namespace, Name: "default-deny"}
		Expect(cluster.Get(ctx, key, &p)).To(Succeed())
		before := p.DeepCopy()
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		Expect(cluster.Patch(ctx, &p, client.MergeFrom(before))).To(Succeed())
		corrected(ctx, func(g Gomega) {
			g.Expect(cluster.Get(ctx, key, &p)).To(Succeed())
			g.Expect(p.Spec.PolicyTypes).To(Equal(before.Spec.PolicyTypes))
		})
	})

	It("is put right: a ConfigMap edited", func(ctx SpecContext) {
		var list corev1.ConfigMapList
		Expect(cluster.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagerName})).To(Succeed())
		Expect(list.Items).NotTo(BeEmpty())
		edited := list.Items[0]
		before := edited.DeepCopy()
		for name := range edited.Data {
			edited.Data[name] = "edited"
		}
		Expect(cluster.Patch(ctx, &edited, client.MergeFrom(before))).To(Succeed())
		corrected(ctx, func(g Gomega) {
			var now corev1.ConfigMap
			g.Expect(cluster.Get(ctx, client.ObjectKeyFromObject(before), &now)).To(Succeed())
			g.Expect(now.Data).To(Equal(before.Data))
		})
	})
})

// corrected waits for the operator and reports how long it took.
func corrected(ctx context.Context, check func(Gomega)) {
	GinkgoHelper()
	start := time.Now()
	Eventually(check).WithContext(ctx).WithTimeout(soon).WithPolling(20 * time.Millisecond).Should(Succeed())
	AddReportEntry("put right after " + time.Since(start).Round(10*time.Millisecond).String())
}

var _ = Describe("An image that cannot be pulled", func() {
	It("is named, harms nobody else, and is mended by mending the spec", func(ctx SpecContext) {
		set := func(image v1alpha1.ImageReference) {
			p := puskesmas(neighbour)
			Expect(cluster.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			before := p.DeepCopy()
			p.Spec.RME.Image = image
			if image != "" {
				p.Spec.RME.Profile = v1alpha1.RMEProfileGNUHealth
			} else {
				p.Spec.RME = v1alpha1.RMESpec{}
			}
			Expect(cluster.Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
		}
		set("localhost/ilp/gnuhealth:0.0.0-missing")
		Eventually(func(g Gomega) {
			status, message, err := readyOf(ctx, puskesmas(neighbour))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(status).To(Equal("False"))
			g.Expect(message).To(ContainSubstring("image localhost/ilp/gnuhealth:0.0.0-missing cannot be pulled"))
		}).WithContext(ctx).WithTimeout(3 * time.Minute).WithPolling(time.Second).Should(Succeed())
		status, message, err := readyOf(ctx, puskesmas(tebidah))
		Expect(err).NotTo(HaveOccurred())
		Expect(status).To(Equal("True"), message)

		set("")
		awaitReady(ctx, puskesmas(neighbour))
	})
})

var (
	clusters      = schema.GroupVersionKind{Group: "postgresql.cnpg.io", Version: "v1", Kind: "Cluster"}
	databases     = schema.GroupVersionKind{Group: "postgresql.cnpg.io", Version: "v1", Kind: "Database"}
	secrets       = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}
	claims        = schema.GroupVersionKind{Version: "v1", Kind: "PersistentVolumeClaim"}
	deploymentsOf = func(ctx context.Context) []appsv1.Deployment {
		var list appsv1.DeploymentList
		Expect(cluster.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
		return list.Items
	}
)

var _ = Describe("What is deleted", Ordered, func() {
	mark, markDatabase := "SELECT of FROM e2e_mark", "p6107080201"

	It("keeps a Puskesmas' database, which a Puskesmas of the same code takes up again", func(ctx SpecContext) {
		_, err := psql(ctx, namespace, "tebidah-database", markDatabase, "CREATE TABLE IF NOT EXISTS e2e_mark AS SELECT 'Tebidah' AS of")
		Expect(err).NotTo(HaveOccurred())
		kept := uids(ctx, namespace, map[schema.GroupVersionKind]string{databases: "tebidah-database", secrets: "tebidah-database"})
		p := puskesmas(tebidah)
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		Expect(cluster.Delete(ctx, p.DeepCopy())).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(apierrors.IsNotFound(cluster.Get(ctx, client.ObjectKeyFromObject(p), puskesmas(tebidah)))).To(BeTrue())
			var d appsv1.Deployment
			g.Expect(apierrors.IsNotFound(cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "tebidah-rme"}, &d))).To(BeTrue())
		}).WithContext(ctx).WithTimeout(time.Minute).Should(Succeed())
		Expect(uids(ctx, namespace, map[schema.GroupVersionKind]string{databases: "tebidah-database", secrets: "tebidah-database"})).To(Equal(kept))

		Expect(cluster.Create(ctx, again(p))).To(Succeed())
		awaitReady(ctx, puskesmas(tebidah))
		Expect(psql(ctx, namespace, "tebidah-database", markDatabase, mark)).To(Equal("Tebidah"))
	})

	It("keeps a District's data with Retain; a new District finds it, though the operator is killed in the middle", func(ctx SpecContext) {
		kept := func() []string {
			return uids(ctx, namespace, map[schema.GroupVersionKind]string{clusters: "database", databases: "tebidah-database", secrets: "tebidah-database", claims: "database-1"})
		}
		before := kept()
		_, password := credentials(ctx, namespace, "tebidah-rme-admin")
		d := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: district}}
		Expect(cluster.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
		Expect(cluster.Delete(ctx, d.DeepCopy())).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(apierrors.IsNotFound(cluster.Get(ctx, client.ObjectKeyFromObject(d), d.DeepCopy()))).To(BeTrue())
			g.Expect(deploymentsOf(ctx)).To(BeEmpty())
		}).WithContext(ctx).WithTimeout(2 * time.Minute).Should(Succeed())
		Expect(kept()).To(Equal(before))

		next := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: d.Name, Labels: d.Labels}, Spec: d.Spec}
		Expect(cluster.Create(ctx, next)).To(Succeed())
		killOperator(ctx)
		Eventually(func() []appsv1.Deployment { return deploymentsOf(ctx) }).WithContext(ctx).WithTimeout(rollout).ShouldNot(BeEmpty())
		killOperator(ctx)
		awaitReady(ctx, puskesmas(tebidah))
		awaitReady(ctx, next)
		Expect(kept()).To(Equal(before))
		Expect(psql(ctx, namespace, "tebidah-database", markDatabase, mark)).To(Equal("Tebidah"))
		Expect(loginRME(ctx, "tebidah.sintang.localhost", markDatabase, password)).To(BeTrue(), "the password from before")
	})

	It("cannot be a district's namespace or Cluster, by mistake", func(ctx SpecContext) {
		err := cluster.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
		Expect(err).To(MatchError(ContainSubstring("ilp.health/delete-data")))
	})
})

func killOperator(ctx context.Context) {
	GinkgoHelper()
	Expect(cluster.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace("ilp-system"), client.MatchingLabels{"app.kubernetes.io/name": "ilp-operator"},
		client.GracePeriodSeconds(0))).To(Succeed())
}

func again(p *v1alpha1.Puskesmas) *v1alpha1.Puskesmas {
	next := p.DeepCopy()
	next.ObjectMeta = metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, Labels: p.Labels}
	next.Status = v1alpha1.PuskesmasStatus{}
	return next
}

// uids of what holds data in a namespace, of each kind by name.
func uids(ctx context.Context, namespace string, names map[schema.GroupVersionKind]string) []string {
	GinkgoHelper()
	var out []string
	for _, gvk := range []schema.GroupVersionKind{clusters, databases, secrets, claims} {
		name, ok := names[gvk]
		if !ok {
			continue
		}
		obj := &metav1.PartialObjectMetadata{}
		obj.SetGroupVersionKind(gvk)
		Expect(cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, obj)).To(Succeed(), "%s %s", gvk.Kind, name)
		out = append(out, gvk.Kind+" "+string(obj.GetUID()))
	}
	return out
}

var _ = Describe("The status", func() {
	It("is honest and free of contradictions", func(ctx SpecContext) {
		var list v1alpha1.PuskesmasList
		Expect(cluster.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
		for _, p := range list.Items {
			Expect(meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)).NotTo(BeNil())
			stalled := meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionStalled)
			reconciling := meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionReconciling)
			Expect(stalled && reconciling).To(BeFalse(), p.Name)
			Expect(p.Status.Release.Current).NotTo(BeEmpty(), p.Name)
		}
	})
})
