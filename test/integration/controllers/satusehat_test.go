package controllers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
)

var _ = Describe("Credentials for SATUSEHAT", func() {
	const value = "the-value-that-nobody-may-see"

	It("reach the RME of their own facility only, and are asked for while they are missing", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "aman")
		d.addPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
			p.Spec.SatuSehat = v1alpha1.SatuSehatSpec{OrganizationID: "100000001", CredentialsSecretRef: v1alpha1.SecretReference{Name: "satusehat-tebidah"}}
		})
		d.expect(ctx, "tebidah", v1alpha1.ConditionSatuSehatConfigured, metav1.ConditionFalse, v1alpha1.ReasonCredentialsMissing,
			"Secret satusehat-tebidah does not exist", "client_id and client_secret")
		d.expectReady(ctx)
		Expect(d.environment(ctx, "tebidah-rme")).NotTo(ContainElement(ContainSubstring("SATUSEHAT")))

		By("the Secret being made")
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: "satusehat-tebidah", Namespace: d.namespace},
			StringData: map[string]string{"client_id": "id-" + value},
		}
		Expect(admin.Create(ctx, secret)).To(Succeed())
		d.lookAgain(ctx, "tebidah")
		d.expect(ctx, "tebidah", v1alpha1.ConditionSatuSehatConfigured, metav1.ConditionFalse, v1alpha1.ReasonCredentialsMissing, "has no key client_secret")
		secret.StringData = map[string]string{"client_secret": value}
		Expect(admin.Update(ctx, secret)).To(Succeed())
		d.lookAgain(ctx, "tebidah")
		d.expect(ctx, "tebidah", v1alpha1.ConditionSatuSehatConfigured, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		d.expectReady(ctx)
		Eventually(func() []string { return d.environment(ctx, "tebidah-rme") }).Should(ContainElements("SATUSEHAT_ENV", "SATUSEHAT_CLIENT_ID", "SATUSEHAT_CLIENT_SECRET", "SATUSEHAT_ORGANIZATION_ID"))
		Expect(d.environment(ctx, "aman-rme")).NotTo(ContainElement(ContainSubstring("SATUSEHAT")))

		By("the credentials expiring")
		secret.Annotations = map[string]string{"ilp.health/expires-at": time.Now().Add(3 * time.Second).UTC().Format(time.RFC3339)}
		Expect(admin.Update(ctx, secret)).To(Succeed())
		d.lookAgain(ctx, "tebidah")
		d.expect(ctx, "tebidah", v1alpha1.ConditionSatuSehatConfigured, metav1.ConditionFalse, v1alpha1.ReasonCredentialsMissing,
			"the credentials in Secret satusehat-tebidah expired at", "ask the Ministry for new ones")
		d.expectReady(ctx)

		By("no copy of a value being anywhere else")
		kinds := append([]schema.GroupVersionKind{puskesmasKind, {Group: "events.k8s.io", Version: "v1", Kind: "Event"}}, live.BuiltinKinds...)
		for _, gvk := range append(kinds, cnpg.Kinds...) {
			if gvk.Kind == "Namespace" {
				continue
			}
			for _, object := range d.every(ctx, gvk) {
				raw, err := json.Marshal(object.Object)
				Expect(err).NotTo(HaveOccurred())
				Expect(string(raw)).NotTo(ContainSubstring(value), "%s %s", object.GetKind(), object.GetName())
			}
		}
		raw, err := json.Marshal(d.get(ctx))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(raw)).NotTo(ContainSubstring(value))
	})
})

// lookAgain asks the operator to look at a facility now: Secrets are not watched.
func (d *district) lookAgain(ctx context.Context, puskesmas string) {
	GinkgoHelper()
	p := d.puskesmas(ctx, puskesmas)
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationReconcileAt, time.Now().Format(time.RFC3339Nano))
	Expect(admin.Patch(ctx, p, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(Succeed())
}

// environment names the variables that a Deployment's container has.
func (d *district) environment(ctx context.Context, deployment string) []string {
	GinkgoHelper()
	env, _ := d.container(ctx, deployment)["env"].([]any)
	var names []string
	for _, item := range env {
		name, _ := item.(map[string]any)["name"].(string)
		names = append(names, name)
	}
	return names
}
