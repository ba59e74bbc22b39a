package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
)

// Owner is the District or Puskesmas that objects are made for.
type Owner struct {
	Kind, Name string
	// UID tells it from an earlier one of its name; it has none before it is made.
	UID types.UID
	// Labels are those by which its objects are known: of ownerLabels all that
	// they carry, and no other one.
	Labels map[string]string
}

// isolationKinds keep districts apart. They outlive their owner: they protect
// the data that stays.
var isolationKinds = []string{"Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount", "Role", "RoleBinding"}

// Outlives reports whether an object stays when its owner goes: isolation and
// data. Everything else carries an owner reference, by which Kubernetes deletes it.
func Outlives(obj client.Object) bool {
	return outlives(obj.GetObjectKind().GroupVersionKind().Kind, obj)
}

func outlives(kind string, obj client.Object) bool {
	return stateful(kind, obj) || slices.Contains(isolationKinds, kind)
}

// Refer gives rendered objects their owner.
func (o Owner) Refer(objects []*unstructured.Unstructured) {
	if o.UID == "" {
		return
	}
	for _, obj := range objects {
		if Outlives(obj) {
			continue
		}
		obj.SetOwnerReferences([]metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: o.Kind, Name: o.Name, UID: o.UID,
			Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(false),
		}})
	}
}

// Owns reports whether an object is the owner's, by its reference or, where it
// has none, by its labels, and was made by the operator. Labels alone can be
// copied, and so can references.
func (o Owner) Owns(existing client.Object) bool {
	if controller := metav1.GetControllerOfNoCopy(existing); controller != nil {
		return controller.UID == o.UID && managed(existing)
	}
	return o.labels(existing) && Made(existing, o.Labels)
}

// ownsCached is Owns of a cached copy, which has no managed fields any more.
func (o Owner) ownsCached(cached client.Object) bool {
	if live.Fields(cached) == "" {
		return false
	}
	if controller := metav1.GetControllerOfNoCopy(cached); controller != nil {
		return controller.UID == o.UID
	}
	return o.labels(cached)
}

func (o Owner) labels(obj client.Object) bool {
	have := obj.GetLabels()
	for _, key := range ownerLabels {
		if have[key] != o.Labels[key] {
			return false
		}
	}
	return true
}

// controllerOf is the UID of the owner that controls an object, or empty.
func controllerOf(obj client.Object) types.UID {
	if controller := metav1.GetControllerOfNoCopy(obj); controller != nil {
		return controller.UID
	}
	return ""
}

// anothers reports whether a cached object has another controlling owner than
// the one that it is to have.
func anothers(cached, desired client.Object) bool {
	wanted := controllerOf(desired)
	return wanted != "" && cached != nil && controllerOf(cached) != "" && controllerOf(cached) != wanted
}

// TerminatingError tells that an object, or what owns it, is being deleted.
type TerminatingError struct {
	Ref inventory.Ref
	// Owner is what goes and takes the object with it, or empty.
	Owner string
}

func (e *TerminatingError) Error() string {
	if e.Owner != "" {
		return fmt.Sprintf("%s belongs to %s, which is gone or goes: waiting for Kubernetes to delete it; then it is made anew", e.Ref, e.Owner)
	}
	return fmt.Sprintf("%s is being deleted: waiting until it is gone; then it is made anew", e.Ref)
}

// checkOwner returns an error if an object is another owner's. One that is gone
// has left the object: a resource that is made again takes it up.
func (a *Applier) checkOwner(ctx context.Context, ref inventory.Ref, existing, desired client.Object) error {
	if !anothers(existing, desired) {
		return nil
	}
	other := metav1.GetControllerOfNoCopy(existing)
	gv, err := schema.ParseGroupVersion(other.APIVersion)
	if err != nil {
		return fmt.Errorf("read the owner of %s: %w", ref, err)
	}
	owner := &metav1.PartialObjectMetadata{}
	owner.SetGroupVersionKind(gv.WithKind(other.Kind))
	err = a.apiReader.Get(ctx, types.NamespacedName{Namespace: ref.Key.Namespace, Name: other.Name}, owner)
	problem := &NotOwnedError{Ref: ref, Owner: other.Kind + " " + other.Name}
	switch {
	case apierrors.IsNotFound(err) || meta.IsNoMatchError(err) || (err == nil && owner.UID != other.UID):
		return nil
	case apierrors.IsForbidden(err):
		return problem // what the operator may not read is nothing of its own
	case err != nil:
		return fmt.Errorf("read the owner of %s: %w", ref, err)
	case owner.DeletionTimestamp != nil:
		return &TerminatingError{Ref: ref, Owner: problem.Owner}
	default:
		return problem
	}
}

// ownedTwice reports whether the API server refused because an object would have
// two controlling owners.
func ownedTwice(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsInvalid(err) && errors.As(err, &status) && status.Status().Details != nil &&
		slices.ContainsFunc(status.Status().Details.Causes, func(c metav1.StatusCause) bool { return c.Field == "metadata.ownerReferences" })
}
