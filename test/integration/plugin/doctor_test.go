package plugin_test

import (
	"context"
	"encoding/json"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/test/testenv"
)

// The steps are those of a person who does what doctor says.
var _ = Describe("kubectl ilp doctor", Ordered, func() {
	cloudNativePG := deployment("cnpg-system", "cnpg-controller-manager", "cloudnative-pg", "ghcr.io/cloudnative-pg/cloudnative-pg:1.30.0")
	cloudNativePG.Spec.Template.Spec.ServiceAccountName = "cnpg-manager"

	It("names what a bare cluster lacks, and what to do", func(ctx SpecContext) {
		code, out := ilp(ctx, "doctor")
		Expect(code).To(Equal(4), out)
		Expect(out).To(MatchRegexp(`(?m)^✓ kubernetes: v1\.\d+`))
		Expect(out).To(ContainSubstring("✗ cloudnative-pg: its kinds are there, and no Deployment labelled app.kubernetes.io/name=cloudnative-pg that would serve them; install CloudNativePG 1.30 or later\n"))
		Expect(out).To(ContainSubstring("✗ storage: none of 0 StorageClasses is the default; kubectl annotate storageclass NAME"))
		Expect(out).To(ContainSubstring("✗ ingress: there is neither an IngressClass nor the Gateway API; install"))
		Expect(out).To(ContainSubstring("! priority: there is no PriorityLevelConfiguration ilp-operator"))
		Expect(out).To(ContainSubstring("✗ operator: there is no Deployment labelled app.kubernetes.io/name=ilp-operator; make deploy, or upgrade the charts\n"))
	})

	It("knows the CRDs and policies of its own version, and sees them at work", func(ctx SpecContext) {
		_, out := ilp(ctx, "doctor")
		Expect(out).To(ContainSubstring("✓ crds: all 4 are established and serve v1alpha1 as this plugin knows it\n"))
		Expect(out).To(ContainSubstring("✓ rules: a District with a BPS code for its code is refused\n"))
		Expect(out).To(MatchRegexp(`(?m)^✓ policies: all [0-9]+ are there and bound$`))
		Expect(out).To(ContainSubstring("✓ enforcement: a Puskesmas outside of a district, and a namespace with a false label, are refused\n"))
		var districts v1alpha1.DistrictList
		Expect(environment.Client.List(ctx, &districts)).To(Succeed())
		Expect(districts.Items).NotTo(ContainElement(HaveField("Name", "kubectl-ilp-doctor")), "a dry run leaves nothing")
	})

	It("is content when all is there", func(ctx SpecContext) {
		create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "cnpg-system"}})
		create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "web", Labels: map[string]string{"ilp.health/ingress": "true"}}})
		create(ctx, &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "nginx"}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"}})
		create(ctx, &storagev1.StorageClass{
			ObjectMeta:  metav1.ObjectMeta{Name: "fast", Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
			Provisioner: "example.com/fast",
		})
		create(ctx, cloudNativePG)
		available(ctx, cloudNativePG)
		create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ilp-system"}})
		for _, object := range testenv.Kustomize(GinkgoT(), filepath.Join(testenv.Root(GinkgoT()), "config/manager")) {
			create(ctx, object)
		}
		operator := &appsv1.Deployment{}
		Expect(environment.Client.Get(ctx, client.ObjectKey{Namespace: "ilp-system", Name: "ilp-operator"}, operator)).To(Succeed())
		code, out := ilp(ctx, "doctor")
		Expect(code).To(Equal(4), out)
		Expect(out).To(ContainSubstring("✗ operator: Deployment ilp-system/ilp-operator: not yet seen by the deployment controller; kubectl describe deployment -n ilp-system ilp-operator\n"))

		available(ctx, operator)
		code, out = ilp(ctx, "doctor")
		Expect(code).To(Equal(0), out)
		Expect(out).NotTo(MatchRegexp("(?m)^[^✓]"))

		code, out = ilp(ctx, "doctor -o json")
		Expect(code).To(Equal(0), out)
		var report struct {
			Fit    bool
			Checks []struct{ Check, Result string }
		}
		Expect(json.Unmarshal([]byte(out), &report)).To(Succeed())
		Expect(report.Fit).To(BeTrue())
		Expect(report.Checks).To(HaveLen(11))
	})

	It("sees that what an older operator wrote into a spec is not given up", func(ctx SpecContext) {
		written := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
			"code": "32.05", "name": "Kabupaten Garut", "database": map[string]any{"storage": "1Gi"},
		}}}
		written.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("District"))
		written.SetName("garut")
		release := written.DeepCopy()
		release.Object["spec"] = map[string]any{"release": "ilp-1.0.0"}
		for _, as := range []struct {
			manager string
			object  *unstructured.Unstructured
		}{{"flux", written}, {v1alpha1.ManagerWave, release}} {
			Expect(environment.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(as.object.DeepCopy()), client.FieldOwner(as.manager))).To(Succeed())
		}
		_, out := ilp(ctx, "doctor")
		Expect(out).To(ContainSubstring("! releases: spec.release of 1 Districts and Puskesmas, such as District garut, is what an operator before 0.2.0 wrote, and not given up yet; see that"))

		_, out = ilp(ctx, "district unpin garut")
		Expect(out).To(Equal("district garut was not pinned\n"))

		nothing := written.DeepCopy()
		nothing.Object["spec"] = map[string]any{}
		Expect(environment.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(nothing), client.FieldOwner(v1alpha1.ManagerWave))).To(Succeed())
		_, out = ilp(ctx, "doctor")
		Expect(out).To(ContainSubstring("✓ releases: "))
		Expect(environment.Client.Delete(ctx, written)).To(Succeed())
	})

	It("says what it may not look at, and does not take that for a refusal", func(ctx SpecContext) {
		code, out := ilp(ctx, "doctor --as nobody")
		Expect(code).To(Equal(1), out)
		Expect(out).To(ContainSubstring(`! enforcement: could not be looked at: `))
		Expect(out).To(ContainSubstring(`User "nobody" cannot create resource`))
		Expect(out).NotTo(ContainSubstring("✗"))
	})

	It("sees that CloudNativePG is too old", func(ctx SpecContext) {
		cloudNativePG.Spec.Template.Spec.Containers[0].Image = "registry:5000/cnpg:1.29.3@sha256:0123"
		Expect(environment.Client.Update(ctx, cloudNativePG)).To(Succeed())
		available(ctx, cloudNativePG)
		code, out := ilp(ctx, "doctor")
		Expect(code).To(Equal(4), out)
		Expect(out).To(ContainSubstring("✗ cloudnative-pg: 1.29.3 is older than 1.30; install CloudNativePG 1.30 or later\n"))
	})

	It("sees that CloudNativePG has an account that the policies do not know", func(ctx SpecContext) {
		cloudNativePG.Spec.Template.Spec.ServiceAccountName = "cnpg-cloudnative-pg"
		Expect(environment.Client.Update(ctx, cloudNativePG)).To(Succeed())
		available(ctx, cloudNativePG)
		code, out := ilp(ctx, "doctor")
		Expect(code).To(Equal(4), out)
		Expect(out).To(ContainSubstring("✗ cloudnative-pg: it runs as cnpg-system:cnpg-cloudnative-pg, and the policies let cnpg-system:cnpg-manager alone make volume claims"))
	})

	It("sees a policy that is not bound any more, and that bad objects pass", func(ctx SpecContext) {
		binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: "puskesmas-in-district.ilp.health"}}
		Expect(environment.Client.Delete(ctx, binding)).To(Succeed())
		Eventually(func() string { _, out := ilp(ctx, "doctor"); return out }).WithContext(ctx).WithTimeout(30 * soon).Should(And(
			ContainSubstring("✗ policies: without their bindings: puskesmas-in-district.ilp.health; make deploy"),
			ContainSubstring("✗ enforcement: a Puskesmas in namespace default would be accepted: policy puskesmas-in-district.ilp.health is not in force"),
		))
	})

	It("sees a condition that an earlier version left in a policy", func(ctx SpecContext) {
		policy := &admissionv1.ValidatingAdmissionPolicy{}
		Expect(environment.Client.Get(ctx, client.ObjectKey{Name: "protect-release.ilp.health"}, policy)).To(Succeed())
		policy.Spec.MatchConditions = append(policy.Spec.MatchConditions, admissionv1.MatchCondition{Name: "only-sometimes", Expression: "false"})
		Expect(environment.Client.Update(ctx, policy)).To(Succeed())
		const unbound = "puskesmas-in-district.ilp.health"
		create(ctx, &admissionv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: unbound},
			Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
				PolicyName: unbound, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			},
		})
		_, out := ilp(ctx, "doctor")
		Expect(out).To(ContainSubstring(" are bound, but these differ from what this plugin knows: protect-release.ilp.health; take plugin and operator of one version\n"))
	})

	It("sees that plugin and operator are of different versions", func(ctx SpecContext) {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		Expect(environment.Client.Get(ctx, client.ObjectKey{Name: "waves.ilp.health"}, crd)).To(Succeed())
		crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Description = "of another version"
		Expect(environment.Client.Update(ctx, crd)).To(Succeed())
		_, out := ilp(ctx, "doctor")
		Expect(out).To(ContainSubstring("! crds: all 4 serve v1alpha1, but fields or rules of waves.ilp.health differ from what this plugin knows; take plugin and operator of one version\n"))
	})
})

func deployment(namespace, name, label, image string) *appsv1.Deployment {
	labels := map[string]string{"app.kubernetes.io/name": label}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "manager", Image: image}}},
			},
		},
	}
}

func create(ctx context.Context, object client.Object) {
	GinkgoHelper()
	Expect(environment.Client.Create(ctx, object)).To(Succeed())
}

// available is what the controller of Deployments says in the end.
func available(ctx context.Context, d *appsv1.Deployment) {
	GinkgoHelper()
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
	Expect(environment.Client.Status().Update(ctx, d)).To(Succeed())
}
