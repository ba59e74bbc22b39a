package apply

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
)

// secretDoubt is how long a Secret is taken to be there while its owner is not
// ready. Losing one keeps the owner from getting ready, so then it is made anew.
const secretDoubt = time.Minute

func (a *Applier) secretKnown(ref inventory.Ref, trusted bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if trusted {
		a.secrets[ref] = time.Now()
		return true
	}
	seen, ok := a.secrets[ref]
	return ok && time.Since(seen) < secretDoubt
}

// createSecret makes a Secret with random values for the keys that its
// annotation lists. A Secret that exists is left as it is: its values are in
// use. It is never read.
func (a *Applier) createSecret(ctx context.Context, ref inventory.Ref, obj *unstructured.Unstructured) error {
	var secret corev1.Secret
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &secret); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if secret.StringData == nil {
		secret.StringData = map[string]string{}
	}
	for key := range strings.SplitSeq(obj.GetAnnotations()[v1alpha1.AnnotationGenerate], ",") {
		if key = strings.TrimSpace(key); key != "" {
			// 26 letters and digits, 130 bits, fit for any URL or configuration file.
			secret.StringData[key] = rand.Text()
		}
	}
	err := a.writer.Create(ctx, &secret, client.FieldOwner(v1alpha1.ManagerName))
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets[ref] = time.Now()
	return nil
}
