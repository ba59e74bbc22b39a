package apply

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/record"
)

// seenSecret is what is known of a Secret.
type seenSecret struct {
	// at is when it was last known to exist.
	at time.Time
	// digest of its contents, or empty where nobody has looked.
	digest string
	owner  ownerKey
}

func isSecret(obj *unstructured.Unstructured) bool {
	return obj.GetKind() == "Secret" && obj.GroupVersionKind().Group == ""
}

func (a *Applier) secretKnown(ref inventory.Ref, desired client.Object, trusted bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen, ok := a.secrets[ref]
	if trusted {
		a.secrets[ref] = seenSecret{a.clock.Now(), seen.digest, ownerKeyOf(desired.GetLabels())}
		return true
	}
	return ok && a.clock.Since(seen.at) < a.pace.SecretDoubt
}

func (a *Applier) saw(ref inventory.Ref, desired client.Object, digest string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets[ref] = seenSecret{a.clock.Now(), digest, ownerKeyOf(desired.GetLabels())}
}

// createSecret makes a Secret with random values for the keys that its
// annotation lists. One that exists is left as it is: its values are in use.
func (a *Applier) createSecret(ctx context.Context, ref inventory.Ref, obj *unstructured.Unstructured) error {
	var secret corev1.Secret
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &secret); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	values := maps.Clone(secret.StringData)
	if values == nil {
		values = map[string]string{}
	}
	for key := range strings.SplitSeq(obj.GetAnnotations()[v1alpha1.AnnotationGenerate], ",") {
		if key = strings.TrimSpace(key); key != "" {
			// 26 letters and digits, 130 bits, fit for any URL or configuration file.
			values[key] = rand.Text()
		}
	}
	secret.StringData = values
	err := a.writer.Create(ctx, &secret, client.FieldOwner(v1alpha1.ManagerName))
	if err == nil {
		a.saw(ref, obj, record.Digest(secret.Data))
		return nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	_, err = a.readSecret(ctx, ref, obj)
	return err
}

// readSecret reads a Secret that exists and returns the digest of its contents.
// One of somebody else is a *NotOwnedError.
func (a *Applier) readSecret(ctx context.Context, ref inventory.Ref, desired client.Object) (string, error) {
	var existing corev1.Secret
	if err := a.apiReader.Get(ctx, ref.Key, &existing); err != nil {
		return "", err
	}
	existing.SetGroupVersionKind(ref.GVK)
	if !mayTake(&existing, labelsOf(desired)) {
		return "", notOwned(ref, &existing, desired)
	}
	digest := record.Digest(existing.Data)
	a.saw(ref, desired, digest)
	return digest, nil
}

// Describe returns what a record says of objects that hold data: the digest of
// Secrets, and nothing of all others but that they are there. It reads Secrets
// that nobody has looked at yet.
func (a *Applier) Describe(ctx context.Context, objs []*unstructured.Unstructured) (map[string]string, error) {
	described := make(map[string]string, len(objs))
	var errs []error
	for _, obj := range objs {
		ref, digest := inventory.RefOf(obj), ""
		if isSecret(obj) {
			a.mu.Lock()
			digest = a.secrets[ref].digest
			a.mu.Unlock()
			if digest == "" {
				var err error
				if digest, err = a.readSecret(ctx, ref, obj); err != nil {
					errs = append(errs, &Error{Ref: ref, Err: err})
				}
			}
		}
		described[record.Name(ref)] = digest
	}
	return described, errors.Join(errs...)
}
