package puskesmas

import (
	"cmp"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// annotationExpiresAt on the credentials' Secret says, as RFC 3339, until when
// the Ministry has issued them.
const annotationExpiresAt = "ilp.health/expires-at"

// Addresses of the national platform.
var satusehatBase = map[string]string{
	"Sandbox":    "https://api-satusehat-stg.dto.kemkes.go.id",
	"Production": "https://api-satusehat.kemkes.go.id",
}

// satusehat is what an RME needs to talk to the national platform.
type satusehat struct {
	environment    string
	base           string
	organizationID string
	secretName     string
	// secretVersion makes the RME roll when the credentials change.
	secretVersion string
}

// readSatuSehat looks whether the facility's own credentials are there. It never
// holds Ready back: a Puskesmas without a connection still treats patients.
func (r *Reconciler) readSatuSehat(ctx context.Context, s *scope) error {
	spec := s.puskesmas.Spec.SatuSehat
	if spec.OrganizationID == "" {
		s.conditions.False(v1alpha1.ConditionSatuSehatConfigured, v1alpha1.ReasonNotConfigured, "spec.satusehat is not set")
		return nil
	}
	name := string(spec.CredentialsSecretRef.Name)
	secret := &corev1.Secret{}
	if err := r.APIReader.Get(ctx, client.ObjectKey{Namespace: s.puskesmas.Namespace, Name: name}, secret); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get Secret %s: %w", name, err)
	}
	expires, problem := credentialsProblem(name, secret, r.Clock.Now())
	if problem != "" {
		s.recheckAfter = r.Pace.CredentialsRecheck
		s.conditions.False(v1alpha1.ConditionSatuSehatConfigured, v1alpha1.ReasonCredentialsMissing, problem)
		return nil
	}
	if !expires.IsZero() {
		s.recheckAfter = expires.Sub(r.Clock.Now())
	}
	s.satusehat = s.satusehatWith(secret.ResourceVersion)
	s.conditions.True(v1alpha1.ConditionSatuSehatConfigured, v1alpha1.ReasonSucceeded,
		fmt.Sprintf("the RME is given the credentials of Secret %s for %s", name, s.satusehat.environment))
	return nil
}

// satusehatWith is what the RME is given, with the credentials' Secret in a version.
func (s *scope) satusehatWith(secretVersion string) *satusehat {
	environment := cmp.Or(s.district.Spec.SatuSehat.Environment, "Sandbox")
	return &satusehat{
		environment:    environment,
		base:           cmp.Or(s.district.Spec.SatuSehat.BaseURL, satusehatBase[environment]),
		organizationID: s.puskesmas.Spec.SatuSehat.OrganizationID,
		secretName:     string(s.puskesmas.Spec.SatuSehat.CredentialsSecretRef.Name),
		secretVersion:  secretVersion,
	}
}

// credentialsProblem says what is wrong with the Secret, or nothing, and until
// when that holds if the Secret says so. It never repeats a value.
func credentialsProblem(name string, secret *corev1.Secret, now time.Time) (expires time.Time, problem string) {
	if secret.Name == "" {
		return expires, fmt.Sprintf("Secret %s does not exist: create it with the keys client_id and client_secret that the Ministry issued for this facility", name)
	}
	for _, key := range []string{"client_id", "client_secret"} {
		if len(secret.Data[key]) == 0 {
			return expires, fmt.Sprintf("Secret %s has no key %s: it needs client_id and client_secret", name, key)
		}
	}
	if text, ok := secret.Annotations[annotationExpiresAt]; ok {
		var err error
		if expires, err = time.Parse(time.RFC3339, text); err != nil {
			return expires, fmt.Sprintf("annotation %s of Secret %s is not a time such as 2026-12-31T00:00:00Z", annotationExpiresAt, name)
		}
		if !now.Before(expires) {
			return expires, fmt.Sprintf("the credentials in Secret %s expired at %s: ask the Ministry for new ones and replace them", name, text)
		}
	}
	return expires, ""
}

// env is the environment handed to the RME (names as in the SATUSEHAT guide).
// What stands in $() are values of the component, so that facilities share a template.
func (s *satusehat) env() []corev1.EnvVar {
	fromSecret := func(name, key string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: "$(satusehatSecret)"},
			Key:                  key,
		}}}
	}
	return []corev1.EnvVar{
		{Name: "SATUSEHAT_ENV", Value: s.environment},
		{Name: "SATUSEHAT_BASE_URL", Value: s.base},
		{Name: "SATUSEHAT_AUTH_URL", Value: s.base + "/oauth2/v1"},
		{Name: "SATUSEHAT_FHIR_URL", Value: s.base + "/fhir-r4/v1"},
		{Name: "SATUSEHAT_ORGANIZATION_ID", Value: "$(satusehatOrganization)"},
		fromSecret("SATUSEHAT_CLIENT_ID", "client_id"),
		fromSecret("SATUSEHAT_CLIENT_SECRET", "client_secret"),
	}
}

// values are those that env refers to.
func (s *satusehat) values() map[string]string {
	return map[string]string{
		"satusehatOrganization": s.organizationID,
		"satusehatSecret":       s.secretName,
		"satusehatVersion":      s.secretVersion,
	}
}
