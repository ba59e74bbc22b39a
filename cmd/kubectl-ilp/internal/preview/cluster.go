package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// lastApplied is where kubectl apply keeps what it has applied.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// cluster asks an API server what would be, and changes nothing.
type cluster struct {
	client client.Client
	// manager applies the files.
	manager string
}

// get reads an object as it is; nil if there is none, or none of its kind.
func (c *cluster) get(ctx context.Context, like client.Object) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(like.GetObjectKind().GroupVersionKind())
	if err := c.client.Get(ctx, client.ObjectKeyFromObject(like), object); err != nil {
		return nil, ignoreAbsent(err)
	}
	return object, nil
}

// hasNamespace tells whether there is a namespace.
func (c *cluster) hasNamespace(ctx context.Context, name string) (bool, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	namespace.SetName(name)
	there, err := c.metadata(ctx, namespace)
	return there != nil, err
}

// metadata reads an object without what it holds, so that values of Secrets do
// not even leave the API server; nil if there is none.
func (c *cluster) metadata(ctx context.Context, like client.Object) (*metav1.PartialObjectMetadata, error) {
	gvk := like.GetObjectKind().GroupVersionKind()
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(gvk)
	if err := c.client.Get(ctx, client.ObjectKeyFromObject(like), object); err != nil {
		return nil, ignoreAbsent(err)
	}
	object.SetGroupVersionKind(gvk)
	return object, nil
}

func ignoreAbsent(err error) error {
	if meta.IsNoMatchError(err) {
		return nil
	}
	return client.IgnoreNotFound(err)
}

// afterFiles is what an object of the files becomes. One that kubectl apply has
// made without --server-side is patched as kubectl apply does, which knows by
// its annotation what is gone from the file.
func (c *cluster) afterFiles(ctx context.Context, live, wanted *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if live == nil || live.GetAnnotations()[lastApplied] == "" || c.manager != kubectlManager {
		return c.apply(ctx, wanted, c.manager)
	}
	patch, err := applyPatch(live, wanted)
	if err != nil {
		return nil, err
	}
	after := live.DeepCopy()
	err = c.client.Patch(ctx, after, client.RawPatch(types.MergePatchType, patch), client.DryRunAll, client.FieldOwner("kubectl-client-side-apply"))
	return after, err
}

// applyPatch is the patch that kubectl apply sends: it takes away only what the
// file had when it was applied last. Like kubectl it compares with a file that
// has annotations, for there is always one; where the file has none, all of them
// would go, other people's too.
func applyPatch(live, wanted *unstructured.Unstructured) ([]byte, error) {
	last := live.GetAnnotations()[lastApplied]
	file := wanted.DeepCopy()
	annotations := file.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[lastApplied] = last
	file.SetAnnotations(annotations)
	is, err := json.Marshal(file.Object)
	if err != nil {
		return nil, err
	}
	now, err := json.Marshal(live.Object)
	if err != nil {
		return nil, err
	}
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch([]byte(last), is, now)
	if err != nil {
		return nil, fmt.Errorf("its annotation %s cannot be read: %w", lastApplied, err)
	}
	return patch, nil
}

// afterOperator is what an object becomes when the operator applies it.
func (c *cluster) afterOperator(ctx context.Context, wanted *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return c.apply(ctx, wanted, v1alpha1.ManagerName)
}

// apply is server-side apply as Flux, Argo CD and the operator do it: by force.
func (c *cluster) apply(ctx context.Context, wanted *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error) {
	after := wanted.DeepCopy()
	err := c.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(after), client.DryRunAll, client.ForceOwnership, client.FieldOwner(manager))
	return after, err
}

// refused says what the API server has against an object. Of a Secret it says no
// more than the reason: a message may repeat a value.
func refused(object client.Object, err error) error {
	var status apierrors.APIStatus
	if !isSecret(object) || !errors.As(err, &status) {
		return err
	}
	return fmt.Errorf("the API server refuses it (%s): see kubectl apply --dry-run=server", status.Status().Reason)
}

func isSecret(object client.Object) bool {
	gvk := object.GetObjectKind().GroupVersionKind()
	return gvk.Group == "" && gvk.Kind == "Secret"
}
