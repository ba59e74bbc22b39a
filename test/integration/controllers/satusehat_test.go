package controllers_test

import (
	"encoding/json"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
	. "ilp.health/operator/test/harness"
)

var _ = Describe("Credentials for SATUSEHAT", func() {
	const value = "the-value-that-nobody-may-see"

	It("reach the RME of their own facility only, and are asked for while they are missing", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "aman")
		d.AddPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
			p.Spec.SatuSehat = v1alpha1.SatuSehatSpec{OrganizationID: "100000001", CredentialsSecretRef: v1alpha1.SecretReference{Name: "satusehat-tebidah"}}
		})
		d.Expect(ctx, "tebidah", v1alpha1.ConditionSatuSehatConfigured, metav1.ConditionFalse, v1alpha1.ReasonCredentialsMissing,
			"Secret satusehat-tebidah does not exist", "client_id and client_secret")
		d.ExpectReady(ctx)
		Expect(d.Environment(ctx, "tebidah-rme")).NotTo(ContainElement(ContainSubstring("SATUSEHAT")))

		By("the Secret being made")
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: "satusehat-tebidah", Namespace: d.Namespace},
			StringData: map[string]string{"client_id": "id-" + value},
		}
		Expect(admin.Create(ctx, secret)).To(Succeed())
		d.LookAgain(ctx, "tebidah")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionSatuSehatConfigured, metav1.ConditionFalse, v1alpha1.ReasonCredentialsMissing, "has no key client_secret")
		secret.StringData = map[string]string{"client_secret": value}
		Expect(admin.Update(ctx, secret)).To(Succeed())
		d.LookAgain(ctx, "tebidah")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionSatuSehatConfigured, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		d.ExpectReady(ctx)
		Eventually(func() []string { return d.Environment(ctx, "tebidah-rme") }).Should(ContainElements("SATUSEHAT_ENV", "SATUSEHAT_CLIENT_ID", "SATUSEHAT_CLIENT_SECRET", "SATUSEHAT_ORGANIZATION_ID"))
		Expect(d.Environment(ctx, "aman-rme")).NotTo(ContainElement(ContainSubstring("SATUSEHAT")))

		By("the credentials expiring")
		secret.Annotations = map[string]string{"ilp.health/expires-at": time.Now().Add(3 * time.Second).UTC().Format(time.RFC3339)}
		Expect(admin.Update(ctx, secret)).To(Succeed())
		d.LookAgain(ctx, "tebidah")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionSatuSehatConfigured, metav1.ConditionFalse, v1alpha1.ReasonCredentialsMissing,
			"the credentials in Secret satusehat-tebidah expired at", "ask the Ministry for new ones")
		d.ExpectReady(ctx)

		By("no copy of a value being anywhere else")
		kinds := append([]schema.GroupVersionKind{PuskesmasKind, {Group: "events.k8s.io", Version: "v1", Kind: "Event"}}, live.BuiltinKinds...)
		for _, gvk := range append(kinds, cnpg.Kinds...) {
			if gvk.Kind == "Namespace" {
				continue
			}
			for _, object := range d.Every(ctx, gvk) {
				raw, err := json.Marshal(object.Object)
				Expect(err).NotTo(HaveOccurred())
				Expect(string(raw)).NotTo(ContainSubstring(value), "%s %s", object.GetKind(), object.GetName())
			}
		}
		raw, err := json.Marshal(d.Get(ctx))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(raw)).NotTo(ContainSubstring(value))
	})
})
