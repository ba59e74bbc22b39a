// Package admission proves against a real API server what the CRDs and the
// policies of config/policy let through and what they refuse, and that each
// refusal names the field, what is wrong with it and what would be right.
package admission_test

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/test/testenv"
)

func TestAdmission(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Admission")
}

var (
	environment *testenv.Environment
	// strict refuses unknown fields, as kubectl apply does.
	strict client.Client
)

var _ = BeforeSuite(func(ctx SpecContext) {
	environment = testenv.Start(GinkgoT(), testenv.WithCloudNativePG())
	strict = client.WithFieldValidation(environment.Client, client.FieldValidation(metav1.FieldValidationStrict))

	for _, code := range []v1alpha1.KabKotaCode{"61.05", "91.03"} {
		Expect(environment.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name:   v1alpha1.NamespaceFor(code),
			Labels: map[string]string{v1alpha1.LabelDistrict: string(code)},
		}})).To(Succeed())
	}
}, NodeTimeout(3*time.Minute))
