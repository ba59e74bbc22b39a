package controllers_test

import (
	"context"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
)

// Objects that a person made under names that the operator would use.
const (
	foreignDeployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: tebidah-rme}
spec:
  replicas: 1
  selector: {matchLabels: {app: of-a-person}}
  template:
    metadata: {labels: {app: of-a-person}}
    spec:
      containers: [{name: own, image: "registry.example.test/own:1"}]`
	foreignService = `
apiVersion: v1
kind: Service
metadata: {name: tebidah-rme}
spec:
  selector: {app: of-a-person}
  ports: [{name: own, port: 9999}]`
	// Nothing in it contradicts the operator's.
	foreignPolicy = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, labels: {of: a-person}}
spec:
  podSelector: {}`
	foreignAccount = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: tebidah-rme, annotations: {of: a-person}}
imagePullSecrets: [{name: own}]`
	foreignSecret = `
apiVersion: v1
kind: Secret
metadata: {name: tebidah-database}
stringData: {password: of-a-person}`
	foreignDatabase = `
apiVersion: postgresql.cnpg.io/v1
kind: Database
metadata: {name: tebidah-database}
spec: {cluster: {name: elsewhere}, name: own, owner: own}`
	foreignCluster = `
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: database}
spec: {instances: 3, storage: {size: 1Gi}}`
	foreignConfigMap = `
apiVersion: v1
kind: ConfigMap
metadata: {name: NAME}
data: {"desa.csv": "of a person"}`
)

var _ = Describe("An object of somebody else under the operator's name", func() {
	var d *District
	// foreign makes it, and sees at the end that nobody has touched it.
	foreign := func(ctx context.Context, text string, options ...client.CreateOption) *unstructured.Unstructured {
		GinkgoHelper()
		object := &unstructured.Unstructured{}
		Expect(yaml.Unmarshal([]byte(text), &object.Object)).To(Succeed())
		object.SetNamespace(d.Namespace)
		Expect(admin.Create(ctx, object, options...)).To(Succeed())
		return object
	}
	untouched := func(ctx context.Context, object *unstructured.Unstructured) {
		GinkgoHelper()
		now := d.Object(ctx, object.GroupVersionKind(), object.GetName())
		Expect(now).NotTo(BeNil())
		Expect(now.GetUID()).To(Equal(object.GetUID()))
		Expect(cmp.Diff(content(object), content(now))).To(BeEmpty())
	}
	handOver := func(ctx context.Context, object *unstructured.Unstructured, labels ...string) {
		GinkgoHelper()
		labels = append(labels, `"app.kubernetes.io/managed-by":"ilp-operator"`, `"ilp.health/district":"`+string(d.Code)+`"`)
		Expect(admin.Patch(ctx, object.DeepCopy(), client.RawPatch(types.MergePatchType,
			[]byte(`{"metadata":{"labels":{`+strings.Join(labels, ",")+`}}}`)))).To(Succeed())
	}

	DescribeTable("of a Puskesmas is left as it is, and told, until it is gone",
		func(ctx SpecContext, text string) {
			d = NewDistrict(admin).Apply(ctx)
			d.ExpectReady(ctx)
			object := foreign(ctx, text, client.FieldOwner("of-a-person"))
			d.AddPuskesmas(ctx, "tebidah")
			d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonObjectNotOwned,
				object.GetKind()+" "+d.Namespace+"/"+object.GetName()+" exists and is not the operator's: it is managed by of-a-person",
				"Delete it or give it another name", "kubectl label --overwrite "+strings.ToLower(object.GetKind())+" "+object.GetName()+" -n "+d.Namespace,
				"app.kubernetes.io/managed-by=ilp-operator ilp.health/district="+string(d.Code)+" ilp.health/puskesmas=tebidah")
			untouched(ctx, object)
			mark := time.Now()
			theOperator.Restart()
			Eventually(func() []Request { return theOperator.Traffic.Since(mark) }).ShouldNot(BeEmpty())
			theOperator.Quiet(AWhile)
			d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonObjectNotOwned)
			untouched(ctx, object)

			d.Remove(ctx, object)
			d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
				metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.AnnotationReconcileAt, time.Now().String())
			})
			d.ExpectReady(ctx, "tebidah")
		},
		Entry("a Deployment", foreignDeployment),
		Entry("a Service", foreignService),
		Entry("an account", foreignAccount),
		Entry("a Secret", foreignSecret),
		Entry("a Database", foreignDatabase),
	)

	DescribeTable("of a District is left as it is, and told, until it is gone",
		func(ctx SpecContext, text string) {
			d = NewDistrict(admin)
			d.ApplyNamespace(ctx)
			object := foreign(ctx, text, client.FieldOwner("of-a-person"))
			Expect(admin.Create(ctx, d.Resource())).To(Succeed())
			DeferCleanup(d.Suspend)
			d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonObjectNotOwned,
				object.GetKind()+" "+d.Namespace+"/"+object.GetName()+" exists and is not the operator's: it is managed by of-a-person")
			untouched(ctx, object)
			d.Remove(ctx, object)
			d.Edit(ctx, func(r *v1alpha1.District) {
				metav1.SetMetaDataAnnotation(&r.ObjectMeta, v1alpha1.AnnotationReconcileAt, time.Now().String())
			})
			d.ExpectReady(ctx)
		},
		Entry("a Cluster", foreignCluster),
		Entry("a NetworkPolicy without any contradiction", foreignPolicy),
	)

	It("that came while the operator was away is left as it is", func(ctx SpecContext) {
		d = NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		name := d.Find(ctx, Core("ConfigMap"), "pws-data").GetName()
		theOperator.Stop()
		Expect(admin.Delete(ctx, d.Find(ctx, Core("ConfigMap"), "pws-data"))).To(Succeed())
		object := foreign(ctx, strings.ReplaceAll(foreignConfigMap, "NAME", name), client.FieldOwner("of-a-person"))
		theOperator.Start()
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonObjectNotOwned, "ConfigMap "+d.Namespace+"/"+name)
		untouched(ctx, object)

		By("another one is asked for, so that it is pruned")
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Desa[0].Name = "Baning Kota" })
		d.ExpectReady(ctx)
		untouched(ctx, object)
	})

	It("is taken when it is handed over by its labels", func(ctx SpecContext) {
		d = NewDistrict(admin).Apply(ctx)
		d.ExpectReady(ctx)
		headless := strings.Replace(foreignService, "spec:", "spec:\n  clusterIP: None", 1)
		service, secret := foreign(ctx, headless), foreign(ctx, foreignSecret)
		d.AddPuskesmas(ctx, "tebidah")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonObjectNotOwned)
		handOver(ctx, secret, `"ilp.health/puskesmas":"tebidah"`)
		handOver(ctx, service, `"ilp.health/puskesmas":"tebidah"`)
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
			metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.AnnotationReconcileAt, time.Now().String())
		})
		d.ExpectReady(ctx, "tebidah")
		Expect(d.Find(ctx, Core("Service"), "tebidah-rme").GetUID()).To(Equal(service.GetUID()))
		Expect(d.Find(ctx, Core("Secret"), "tebidah-database").GetUID()).To(Equal(secret.GetUID()))
	})

	It("is not deleted although its labels hand it over and it cannot be changed in place", func(ctx SpecContext) {
		d = NewDistrict(admin).Apply(ctx)
		d.ExpectReady(ctx)
		deployment := foreign(ctx, foreignDeployment)
		d.AddPuskesmas(ctx, "tebidah")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonObjectNotOwned)
		handOver(ctx, deployment, `"ilp.health/puskesmas":"tebidah"`)
		labelled := d.Object(ctx, DeploymentKind, "tebidah-rme")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonObjectNotOwned,
			"cannot be changed in place; the operator does not delete what it has not made. Delete it, and it is made anew")
		untouched(ctx, labelled)
	})

	It("is not stopped with the District, nor dropped with a Puskesmas", func(ctx SpecContext) {
		d = NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
			p.Spec.Consent = NewConsent(v1alpha1.ConsentDelete, p.Spec.Code, time.Hour)
		})
		d.ExpectReady(ctx)
		theOperator.Stop()
		d.Lose(ctx, DatabaseKind, "tebidah-database")
		d.Lose(ctx, ClusterKind, "database")
		database, cluster := foreign(ctx, foreignDatabase), foreign(ctx, foreignCluster)
		theOperator.Start()
		Expect(admin.Delete(ctx, d.Puskesmas(ctx, "tebidah"))).To(Succeed())
		d.EventuallyGone(ctx, PuskesmasKind, "tebidah")
		Expect(admin.Delete(ctx, d.Get(ctx))).To(Succeed())
		Eventually(func() []v1alpha1.District { return d.All(ctx) }).Should(BeEmpty())
		untouched(ctx, database)
		untouched(ctx, cluster)
	})
})
