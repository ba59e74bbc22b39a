package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
)

// statefulKinds hold data whatever their labels say.
var statefulKinds = []string{"Namespace", "PersistentVolumeClaim", "Secret", "Cluster", "Database", "DatabaseRole", "Backup", "ScheduledBackup"}

// Stateful reports whether an object holds data: it is never recreated, and
// only deleted with consent.
func Stateful(obj client.Object) bool {
	return stateful(obj.GetObjectKind().GroupVersionKind().Kind, obj)
}

// stateful is Stateful of an object that may not know its kind, as those of a
// typed list.
func stateful(kind string, obj client.Object) bool {
	return obj.GetLabels()[v1alpha1.LabelStateful] == "true" || slices.Contains(statefulKinds, kind)
}

// Pruned is the outcome of Prune.
type Pruned struct {
	// Deleted are gone or on their way.
	Deleted []inventory.Ref
	// Kept are stateful and stay until there is consent.
	Kept []inventory.Ref
}

// Prune deletes objects that are no longer asked for. owns tells of an object as
// it is at the API server whether it is the resource's own; another one of that
// name is left alone. Stateful objects are deleted only if consented is true.
func (a *Applier) Prune(ctx context.Context, stale []inventory.Ref, owns func(client.Object) bool, consented bool) (Pruned, error) {
	var out Pruned
	var errs []error
	for _, ref := range stale {
		deleted, kept, err := a.pruneOne(ctx, ref, owns, consented)
		switch {
		case err != nil:
			errs = append(errs, &Error{Ref: ref, Err: err})
		case kept:
			out.Kept = append(out.Kept, ref)
		case deleted:
			out.Deleted = append(out.Deleted, ref)
		}
	}
	return out, errors.Join(errs...)
}

func (a *Applier) pruneOne(ctx context.Context, ref inventory.Ref, owns func(client.Object) bool, consented bool) (deleted, kept bool, err error) {
	obj := &metav1.PartialObjectMetadata{}
	obj.SetGroupVersionKind(ref.GVK)
	err = a.apiReader.Get(ctx, ref.Key, obj)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		a.Forget(ref)
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	obj.SetGroupVersionKind(ref.GVK)
	if !owns(obj) {
		return false, false, nil
	}
	if Stateful(obj) && !consented {
		return false, true, nil
	}
	if obj.GetDeletionTimestamp() != nil {
		return true, false, nil
	}
	return true, false, a.deleteExactly(ctx, ref, obj)
}

// deleteExactly deletes the object that was looked at and no later one of that name.
func (a *Applier) deleteExactly(ctx context.Context, ref inventory.Ref, obj client.Object) error {
	uid := obj.GetUID()
	err := a.writer.Delete(ctx, obj, client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete: %w", err)
	}
	a.Forget(ref)
	return nil
}

// Delete deletes a stateless object so that the next Apply makes it anew.
func (a *Applier) Delete(ctx context.Context, obj *unstructured.Unstructured) error {
	ref := inventory.RefOf(obj)
	if err := a.remove(ctx, ref, obj); err != nil {
		return &Error{Ref: ref, Err: err}
	}
	return nil
}

// remove deletes a stateless object that has to be made anew.
func (a *Applier) remove(ctx context.Context, ref inventory.Ref, obj *unstructured.Unstructured) error {
	existing := &metav1.PartialObjectMetadata{}
	existing.SetGroupVersionKind(ref.GVK)
	if err := a.apiReader.Get(ctx, client.ObjectKeyFromObject(obj), existing); err != nil {
		return client.IgnoreNotFound(err)
	}
	existing.SetGroupVersionKind(ref.GVK)
	if Stateful(existing) {
		return fmt.Errorf("%s holds data and is not made anew", ref)
	}
	owner := labelsOf(obj)
	delete(owner, v1alpha1.LabelManagedBy)
	if !Made(existing, owner) {
		return notOwned(ref, existing, obj)
	}
	if err := a.checkOwner(ctx, ref, existing, obj); err != nil {
		return err
	}
	return a.deleteExactly(ctx, ref, existing)
}

// isImmutableMessage knows the words of a field that cannot change, and those of
// the addresses of a Service.
func isImmutableMessage(message string) bool {
	return strings.Contains(message, "field is immutable") || strings.Contains(message, "may not change once set")
}

func isQuota(err error) bool { return strings.Contains(err.Error(), "exceeded quota") }
