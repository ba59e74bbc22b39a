package puskesmas

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/consent"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
)

// dropRecheck is how often a database that is being dropped is looked at.
const dropRecheck = 5 * time.Second

// finalize takes the facility's stack down: workloads always, data only with a
// consent to Delete.
func (r *Reconciler) finalize(ctx context.Context, s *scope) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(s.puskesmas, v1alpha1.Finalizer) {
		return ctrl.Result{}, nil
	}
	s.puskesmas.Status.ObservedGeneration = s.puskesmas.Generation
	leaves, err := r.namespaceLeaves(ctx, s.puskesmas.Namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	if leaves {
		// Everything goes with it, and the operator's rights there may be gone already.
		return ctrl.Result{}, r.removeFinalizer(ctx, s)
	}
	refusal := consent.Check(s.puskesmas.Spec.Consent, v1alpha1.ConsentDelete, s.puskesmas.Spec.Code, r.Now())
	if refusal == nil {
		dropping, err := r.dropDatabase(ctx, s)
		if err != nil {
			return ctrl.Result{}, err
		}
		if dropping != "" {
			s.conditions.Reconciling(v1alpha1.ReasonDeleting, "waiting for CloudNativePG to drop "+dropping)
			return ctrl.Result{RequeueAfter: dropRecheck}, r.patchStatus(ctx, s)
		}
	}
	pruned, err := r.Applier.Prune(ctx, s.puskesmas.Status.Inventory, s.deletedOwnerLabels(), refusal == nil)
	if err != nil {
		s.puskesmas.Status.Inventory = pruned.Remaining
		s.conditions.Reconciling(v1alpha1.ReasonPruneFailed, err.Error())
		if patchErr := r.patchStatus(ctx, s); patchErr != nil {
			return ctrl.Result{}, patchErr
		}
		return ctrl.Result{}, err
	}
	if refusal == nil {
		if err := r.forgetData(ctx, s); err != nil {
			return ctrl.Result{}, err
		}
	}
	if len(pruned.Kept) > 0 {
		r.keep(s, fmt.Sprintf("the database %s and its credentials stay: %s. A Puskesmas of the same name and code takes them up again. To delete them with the Puskesmas, %v",
			s.puskesmas.Status.Database, inventory.Names(pruned.Kept), refusal))
	}
	return ctrl.Result{}, r.removeFinalizer(ctx, s)
}

func (r *Reconciler) removeFinalizer(ctx context.Context, s *scope) error {
	before := s.puskesmas.DeepCopy()
	controllerutil.RemoveFinalizer(s.puskesmas, v1alpha1.Finalizer)
	return r.Statuses.Finalizer(ctx, before, s.puskesmas)
}

// namespaceLeaves reports whether the facility's namespace is being deleted.
func (r *Reconciler) namespaceLeaves(ctx context.Context, name string) (bool, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "Namespace"})
	if err := r.Client.Get(ctx, client.ObjectKey{Name: name}, namespace); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	return namespace.DeletionTimestamp != nil, nil
}

// deletedOwnerLabels are the labels of the facility's objects, known without its District.
func (s *scope) deletedOwnerLabels() map[string]string {
	code, _ := v1alpha1.CodeForNamespace(s.puskesmas.Namespace)
	return map[string]string{v1alpha1.LabelDistrict: string(code), v1alpha1.LabelPuskesmas: s.puskesmas.Name}
}

// dropDatabase has CloudNativePG drop the database and then the role, which by
// default outlive their resources. It returns what is still being dropped.
func (r *Reconciler) dropDatabase(ctx context.Context, s *scope) (string, error) {
	for _, kind := range []struct{ name, policy string }{
		{"Database", "databaseReclaimPolicy"},
		{"DatabaseRole", "databaseRoleReclaimPolicy"},
	} {
		for _, entry := range s.puskesmas.Status.Inventory {
			ref, err := inventory.Parse(entry)
			if err != nil || ref.GVK.GroupKind() != (schema.GroupKind{Group: live.CloudNativePG, Kind: kind.name}) {
				continue
			}
			gone, err := r.drop(ctx, s, ref, kind.policy)
			if err != nil {
				return "", fmt.Errorf("drop %s: %w", ref, err)
			}
			if !gone {
				return ref.String(), nil
			}
		}
	}
	return "", nil
}

// drop deletes a resource of CloudNativePG together with what it stands for.
func (r *Reconciler) drop(ctx context.Context, s *scope, ref inventory.Ref, policy string) (gone bool, err error) {
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(ref.GVK)
	if err := r.APIReader.Get(ctx, ref.Key, obj); err != nil {
		if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
			return true, nil
		}
		return false, err
	}
	if !apply.Made(obj, s.deletedOwnerLabels()) {
		return true, nil // it is somebody else's
	}
	if obj.GetDeletionTimestamp() != nil {
		return false, nil
	}
	before := obj.DeepCopy()
	if err := unstructured.SetNestedField(obj.Object, "delete", "spec", policy); err != nil {
		return false, err
	}
	if err := r.Client.Patch(ctx, obj, client.MergeFrom(before), client.FieldOwner(v1alpha1.ManagerName)); err != nil {
		return false, err
	}
	uid := obj.GetUID()
	return false, client.IgnoreNotFound(r.Client.Delete(ctx, obj, client.Preconditions{UID: &uid}))
}
