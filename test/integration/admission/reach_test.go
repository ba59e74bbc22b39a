package admission_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	foreign = `
apiVersion: v1
kind: Namespace
metadata: {name: payroll}
`
	binding = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ilp-operator, namespace: ilp-6105}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ilp-district-manager}
subjects: [{kind: ServiceAccount, name: ilp-operator, namespace: ilp-system}]
`
	role = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: dinkes, namespace: ilp-6105}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`
	inKubeSystem = `metadata: {namespace: kube-system}`
)

var _ = Describe("The operator's own account", func() {
	out := func(namespace string) []string {
		return []string{
			"the ILP operator's account makes, changes and deletes namespaces, and what grants rights in them, for districts only",
			"namespace " + namespace + " is not named ilp-NNNN after a district's code",
		}
	}
	unlabelled := func(name, code string) []string {
		return []string{"namespace " + name + " does not carry the label ilp.health/district=" + code}
	}

	It("binds no role outside of districts", func(ctx SpecContext) {
		operator := environment.As(operatorUser)
		wages := manifest(foreign, `metadata: {name: wages}`)
		Expect(environment.Client.Create(ctx, wages)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(environment.Client.Delete(ctx, wages)).To(Succeed()) })
		for _, base := range []string{binding, role} {
			Expect(operator.Create(ctx, manifest(base), client.DryRunAll)).To(Succeed())
			expectRefusal(operator.Create(ctx, manifest(base, inKubeSystem), client.DryRunAll), out("kube-system"))
			expectRefusal(operator.Create(ctx, manifest(base, `metadata: {namespace: wages}`), client.DryRunAll), out("wages"))

			existing := manifest(base, inKubeSystem)
			Expect(environment.Client.Create(ctx, existing)).To(Succeed())
			DeferCleanup(func(ctx SpecContext) { Expect(environment.Client.Delete(ctx, existing)).To(Succeed()) })
			expectRefusal(patches(ctx, operatorUser, existing, "", `{"metadata":{"labels":{"a":"b"}}}`), out("kube-system"))
			expectRefusal(operator.Delete(ctx, existing, client.DryRunAll), out("kube-system"))
			expectRefusal(operator.DeleteAllOf(ctx, existing, client.InNamespace("kube-system"), client.DryRunAll), out("kube-system"))
			Expect(patches(ctx, somebodyInTheDinas, existing, "", `{"metadata":{"labels":{"a":"b"}}}`)).To(Succeed())
		}
	})

	It("does not take a namespace for a district's by its name", func(ctx SpecContext) {
		Expect(environment.Client.Create(ctx, manifest(foreign, `metadata: {name: ilp-6113}`))).To(Succeed())
		operator := environment.As(operatorUser)
		object := manifest(foreign, `metadata: {name: ilp-6113}`)
		expectRefusal(operator.Create(ctx, manifest(binding, `metadata: {namespace: ilp-6113}`), client.DryRunAll), unlabelled("ilp-6113", "61.13"))
		expectRefusal(operator.Delete(ctx, object, client.DryRunAll), unlabelled("ilp-6113", "61.13"))
		expectRefusal(patches(ctx, operatorUser, object, "", `{"metadata":{"labels":{"ilp.health/district":"61.13"}}}`), unlabelled("ilp-6113", "61.13"))

		Expect(patches(ctx, somebodyInTheDinas, object, "", `{"metadata":{"labels":{"ilp.health/district":"61.13"}}}`)).To(Succeed())
		Expect(environment.Client.Delete(ctx, object)).To(Succeed())
	})

	It("makes, changes and deletes the namespaces of districts", func(ctx SpecContext) {
		operator := environment.As(operatorUser)
		object := manifest(namespace, `metadata: {name: ilp-6114, labels: {ilp.health/district: "61.14"}}`)
		Expect(operator.Create(ctx, object)).To(Succeed())
		Expect(patches(ctx, operatorUser, object, "", `{"metadata":{"annotations":{"a":"b"}}}`)).To(Succeed())
		Expect(operator.Delete(ctx, object)).To(Succeed())
	})

	DescribeTable("makes no other namespace:",
		func(ctx SpecContext, change string, because ...string) {
			expectRefusal(environment.As(operatorUser).Create(ctx, manifest(foreign, change), client.DryRunAll), because)
		},
		Entry("a foreign one", `metadata: {name: bills}`, "namespace bills is not named ilp-NNNN"),
		Entry("one without its label", `metadata: {name: ilp-6115}`, "namespace ilp-6115 does not carry the label ilp.health/district=61.15"),
		Entry("its own", `metadata: {name: ilp-other}`, "namespace ilp-other is not named ilp-NNNN"),
	)

	It("changes and deletes no foreign namespace", func(ctx SpecContext) {
		Expect(environment.Client.Create(ctx, manifest(foreign))).To(Succeed())
		for _, name := range []string{"kube-system", "payroll"} {
			object := manifest(foreign, fmt.Sprintf(`metadata: {name: %s}`, name))
			privileged := `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`
			for _, subresource := range []string{"", "status", "finalize"} {
				expectRefusal(patches(ctx, operatorUser, object, subresource, privileged), out(name))
			}
			if name != "kube-system" { // which the API server lets nobody delete
				expectRefusal(environment.As(operatorUser).Delete(ctx, object, client.DryRunAll), out(name))
			}
		}
		Expect(environment.Client.Delete(ctx, manifest(foreign))).To(Succeed())
	})
})

var _ = Describe("A district's namespace", func() {
	kept := func(ctx SpecContext, code, name string, more ...string) *unstructured.Unstructured {
		object := manifest(namespace, append([]string{fmt.Sprintf(
			`metadata: {name: %s, labels: {ilp.health/district: %q, ilp.health/stateful: "true"}}`, name, code)}, more...)...)
		keep(ctx, object)
		return object
	}

	DescribeTable("keeps its label, whatever is written through:",
		func(ctx SpecContext, code, name, subresource string) {
			object := kept(ctx, code, name)
			off := `{"metadata":{"labels":{"ilp.health/district":null}}}`
			expectRefusal(patches(ctx, somebodyInTheDinas, object, subresource, off),
				[]string{"the label " + code + " guards the data of namespace " + name, "kubectl annotate namespace " + name + " ilp.health/delete-data=" + code})
		},
		Entry("the namespace", "61.20", "ilp-6120", ""),
		Entry("its status", "61.21", "ilp-6121", "status"),
		Entry("its finalizers", "61.22", "ilp-6122", "finalize"),
	)

	DescribeTable("keeps what the operator has written down of its data, whatever is written through:",
		func(ctx SpecContext, code, name, subresource string) {
			object := kept(ctx, code, name, `metadata: {annotations: {data.ilp.health/district: "{}"}}`) // a restore
			for _, change := range []string{
				`{"metadata":{"annotations":{"data.ilp.health/district":null}}}`,
				`{"metadata":{"annotations":{"data.ilp.health/district":"forged"}}}`,
				`{"metadata":{"annotations":{"data.ilp.health/p6107080201":"forged"}}}`,
			} {
				expectRefusal(patches(ctx, somebodyInTheDinas, object, subresource, change),
					[]string{"metadata.annotations[data.ilp.health/", "the operator has written down here which data namespace " + name + " holds, and nobody else changes that"})
				Expect(patches(ctx, operatorUser, object, subresource, change)).To(Succeed())
			}
			Expect(patches(ctx, somebodyInTheDinas, object, subresource, `{"metadata":{"annotations":{"team":"dinkes"}}}`)).To(Succeed())
			Expect(patches(ctx, somebodyInTheDinas, object, subresource, fmt.Sprintf(
				`{"metadata":{"annotations":{"data.ilp.health/district":null,"ilp.health/delete-data":%q}}}`, code))).To(Succeed())
		},
		Entry("the namespace", "61.23", "ilp-6123", ""),
		Entry("its status", "61.24", "ilp-6124", "status"),
		Entry("its finalizers", "61.25", "ilp-6125", "finalize"),
	)

	It("keeps its finalizer, until Kubernetes has deleted what is in it", func(ctx SpecContext) {
		object := kept(ctx, "61.26", "ilp-6126")
		off := `{"spec":{"finalizers":[]}}`
		for _, user := range []string{somebodyInTheDinas, operatorUser} {
			expectRefusal(patches(ctx, user, object, "finalize", off), []string{
				"spec.finalizers: namespace ilp-6126 holds data of district 61.26 and keeps its finalizer", "kubectl annotate namespace ilp-6126 ilp.health/delete-data=61.26",
			})
		}
		Expect(patches(ctx, namespaceDeleter, object, "finalize", off)).To(Succeed())
	})
})

var _ = Describe("The operator, while it serves a District", func() {
	const refusal = "belongs to the ILP operator, which serves District sintang (61.05) and perhaps others: delete the Districts first"

	It("stays, whether it is deleted by name or with all others", func(ctx SpecContext) {
		meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: "ilp-system"} }
		cluster := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
		labels := map[string]string{"app": "ilp"}
		pod := corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "operator", Image: "operator"}}},
		}
		toRole := func(kind, name string) rbacv1.RoleRef {
			return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
		}
		own := []client.Object{
			&corev1.Namespace{ObjectMeta: cluster("ilp-system")},
			&corev1.ServiceAccount{ObjectMeta: meta("ilp-operator")},
			&appsv1.Deployment{ObjectMeta: meta("ilp-operator"), Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: pod}},
			&rbacv1.Role{ObjectMeta: meta("ilp-operator-leader")},
			&rbacv1.RoleBinding{ObjectMeta: meta("ilp-operator-leader"), RoleRef: toRole("Role", "ilp-operator-leader")},
			&rbacv1.ClusterRole{ObjectMeta: cluster("ilp-operator")},
			&rbacv1.ClusterRole{ObjectMeta: cluster("ilp-district-manager")},
			&rbacv1.ClusterRoleBinding{ObjectMeta: cluster("ilp-operator"), RoleRef: toRole("ClusterRole", "ilp-operator")},
		}
		for _, object := range own {
			Expect(environment.Client.Create(ctx, object)).To(Succeed())
		}
		crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: cluster("districts.ilp.health")}
		served := manifest(district)
		Expect(environment.Client.Create(ctx, served)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			Expect(environment.Client.Delete(ctx, served)).To(Succeed())
			for _, object := range own {
				if object.GetName() != "ilp-system" { // a namespace does not go without its controller
					Eventually(environment.Client.Delete).WithArguments(ctx, object).Should(Succeed())
				}
			}
		})

		for _, object := range append(own, crd) {
			Eventually(func() error { return environment.Client.Delete(ctx, object, client.DryRunAll) }).
				Should(MatchError(ContainSubstring(refusal)), "%T %s", object, object.GetName())
			if _, ok := object.(*corev1.Namespace); ok {
				continue // the API server deletes no collection of namespaces
			}
			everything := []client.DeleteAllOfOption{client.DryRunAll}
			if object.GetNamespace() != "" {
				everything = append(everything, client.InNamespace("ilp-system"))
			}
			if _, ok := object.(*apiextensionsv1.CustomResourceDefinition); ok {
				continue // CloudNativePG's CRDs are refused first; see there
			}
			Expect(environment.Client.DeleteAllOf(ctx, object, everything...)).
				To(MatchError(ContainSubstring(refusal)), "%T %s with all others", object, object.GetName())
		}
	})
})
