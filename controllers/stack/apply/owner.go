package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
)

// NotOwnedError tells that an object exists which somebody else made.
type NotOwnedError struct {
	Ref inventory.Ref
	// Owner is the living resource that it belongs to, if it is another one.
	Owner string
	// Managers are who manages it, as far as it is known.
	Managers []string
	// Labels would hand it over.
	Labels map[string]string
	// HandedOver tells that it has the labels, but was not made by the operator
	// and cannot be changed in place.
	HandedOver bool
}

func (e *NotOwnedError) Error() string {
	if e.Owner != "" {
		return fmt.Sprintf("%s belongs to %s, and is left as it is. Delete it, or give it another name", e.Ref, e.Owner)
	}
	who := "somebody else"
	if len(e.Managers) > 0 {
		who = strings.Join(e.Managers, ", ")
	}
	if e.HandedOver {
		return fmt.Sprintf("%s was made by %s, and what differs cannot be changed in place; the operator does not delete what it has not made. Delete it, and it is made anew", e.Ref, who)
	}
	where := ""
	if e.Ref.Key.Namespace != "" {
		where = " -n " + e.Ref.Key.Namespace
	}
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(e.Labels)) {
		labels = append(labels, key+"="+e.Labels[key])
	}
	return fmt.Sprintf("%s exists and is not the operator's: it is managed by %s, and is left as it is. Delete it or give it another name; or, if the operator may have it: kubectl label --overwrite %s %s%s %s",
		e.Ref, who, strings.ToLower(e.Ref.GVK.Kind), e.Ref.Key.Name, where, strings.Join(labels, " "))
}

// ownerLabels say whose an object is.
var ownerLabels = []string{v1alpha1.LabelDistrict, v1alpha1.LabelPuskesmas}

// labelsOf are the labels of a rendered object by which it is handed over.
func labelsOf(obj client.Object) map[string]string {
	labels := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagerName}
	for _, key := range ownerLabels {
		if value, ok := obj.GetLabels()[key]; ok {
			labels[key] = value
		}
	}
	return labels
}

// Made reports whether the operator made an object of an owner: it carries the
// owner's labels, and its managed fields name the operator. Labels alone can be
// copied. Tools that restore a backup drop who manages a Secret, which nothing
// but its creation would bring back, so of Secrets all labels are enough.
func Made(existing client.Object, owner map[string]string) bool {
	if !carries(existing, owner) {
		return false
	}
	if existing.GetObjectKind().GroupVersionKind().Kind == "Secret" && existing.GetLabels()[v1alpha1.LabelManagedBy] == v1alpha1.ManagerName {
		return true
	}
	return managed(existing)
}

// managed reports whether the operator manages fields of an object.
func managed(existing client.Object) bool {
	return slices.ContainsFunc(existing.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool {
		return m.Manager == v1alpha1.ManagerName && m.Subresource == ""
	})
}

// mayTake reports whether the operator may write to an object: it made it, or a
// person has handed it over by its labels.
func mayTake(existing client.Object, labels map[string]string) bool {
	owner := maps.Clone(labels)
	delete(owner, v1alpha1.LabelManagedBy)
	return carries(existing, labels) || Made(existing, owner)
}

func carries(existing client.Object, labels map[string]string) bool {
	for key, value := range labels {
		if existing.GetLabels()[key] != value {
			return false
		}
	}
	return true
}

func notOwned(ref inventory.Ref, existing, desired client.Object) *NotOwnedError {
	return &NotOwnedError{
		Ref:        ref,
		Managers:   live.Managers(existing.GetManagedFields()),
		Labels:     labelsOf(desired),
		HandedOver: carries(existing, labelsOf(desired)),
	}
}

// everybodys are objects that the operator takes whoever made them: a namespace
// is handed over by its label before anything is applied, and Kubernetes itself
// makes the account default in every namespace.
func everybodys(obj *unstructured.Unstructured) bool {
	return obj.GetKind() == "Namespace" || (obj.GetKind() == "ServiceAccount" && obj.GetName() == "default")
}

// applyFirst applies an object that the operator does not know as its own. It
// does so without force: an object of somebody else gives a conflict, and only
// then is it looked at.
func (a *Applier) applyFirst(ctx context.Context, ref inventory.Ref, desired *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if !a.isForeign(ref) {
		applied := desired.DeepCopy()
		err := a.apply(ctx, applied)
		switch {
		case err == nil && mergedIntoForeign(applied, labelsOf(desired)):
			return nil, a.takeBack(ctx, ref, applied, desired)
		case err == nil || (!apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict) && !ownedTwice(err)):
			return applied, err
		}
	}
	return a.adopt(ctx, ref, desired)
}

// adopt looks whose an object is and applies it if it is the operator's to have.
func (a *Applier) adopt(ctx context.Context, ref inventory.Ref, desired *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	existing, err := a.look(ctx, ref, desired)
	if err != nil {
		return nil, err
	}
	applied, err := a.applyTo(ctx, existing.UID, desired)
	if controller := metav1.GetControllerOfNoCopy(existing); controller != nil && ownedTwice(err) {
		// Somebody has put the reference there, with a tool that restores for
		// instance: only the garbage collector mends that.
		return nil, &TerminatingError{Ref: ref, Owner: controller.Kind + " " + controller.Name}
	}
	return applied, err
}

// ErrMoved tells that the object that was seen has just gone, or is another one
// by now: the next look tells what to do.
var ErrMoved = errors.New("it is not the object any more that was seen")

// applyTo applies an object to the one with a UID, and to no other of its name.
func (a *Applier) applyTo(ctx context.Context, uid types.UID, desired *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	applied := desired.DeepCopy()
	applied.SetUID(uid)
	err := a.apply(ctx, applied, client.ForceOwnership)
	if uid != "" && apierrors.IsConflict(err) {
		return nil, ErrMoved // the API server's own words name UIDs
	}
	return applied, err
}

// look reads who an object belongs to. It returns its metadata if the operator may
// write to it, empty if there is no object, and a *NotOwnedError otherwise.
func (a *Applier) look(ctx context.Context, ref inventory.Ref, desired client.Object) (*metav1.PartialObjectMetadata, error) {
	existing := &metav1.PartialObjectMetadata{}
	existing.SetGroupVersionKind(ref.GVK)
	err := a.apiReader.Get(ctx, ref.Key, existing)
	if client.IgnoreNotFound(err) != nil {
		return nil, err
	}
	existing.SetGroupVersionKind(ref.GVK)
	if err == nil && !mayTake(existing, labelsOf(desired)) {
		a.setForeign(ref, desired)
		return nil, notOwned(ref, existing, desired)
	}
	if err := a.checkOwner(ctx, ref, existing, desired); err != nil {
		return nil, err
	}
	a.unsetForeign(ref)
	return existing, nil
}

// mergedIntoForeign tells from an object that was just applied for the first
// time that it is somebody else's, who had none of its fields with another
// value, and has not handed it over.
func mergedIntoForeign(applied client.Object, labels map[string]string) bool {
	managed := applied.GetManagedFields()
	return live.MadeByOthers(applied.GetCreationTimestamp(), managed) && !live.LabelledByOthers(managed, slices.Collect(maps.Keys(labels)))
}

// takeBack takes the operator's fields out of an object of somebody else again,
// which leaves it as it was.
func (a *Applier) takeBack(ctx context.Context, ref inventory.Ref, applied, desired *unstructured.Unstructured) error {
	problem := notOwned(ref, applied, desired)
	problem.HandedOver = false
	nothing := &unstructured.Unstructured{}
	nothing.SetGroupVersionKind(ref.GVK)
	nothing.SetNamespace(ref.Key.Namespace)
	nothing.SetName(ref.Key.Name)
	if _, err := a.applyTo(ctx, applied.GetUID(), nothing); err != nil {
		return errors.Join(problem, fmt.Errorf("leave %s as it was: %w", ref, err))
	}
	a.setForeign(ref, desired)
	return problem
}
