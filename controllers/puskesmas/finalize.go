package puskesmas

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/consent"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
)

// secretNames are the Secrets of a facility, without its prefix, that any version
// generates: Secrets are never listed, so they are known by name.
var secretNames = []string{"database", "rme-admin"}

// finalize carries out a consent to delete the facility with its data. Without one
// nothing is left to be done: Kubernetes deletes what runs.
func (r *Reconciler) finalize(ctx context.Context, s *scope) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(s.puskesmas, v1alpha1.Finalizer) {
		return ctrl.Result{}, nil
	}
	leaves, err := r.namespaceLeaves(ctx, s.puskesmas.Namespace)
	// With --cascade=orphan everything is to run on.
	if err == nil && !leaves && !controllerutil.ContainsFinalizer(s.puskesmas, metav1.FinalizerOrphanDependents) {
		err = r.takeDown(ctx, s)
	}
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: r.Pace.CatchUp}, nil
	case err != nil:
		result, err := s.conditions.Report(err)
		return r.Statuses.Settle(result, err, r.patchStatus(ctx, s))
	}
	// Where the namespace leaves, everything goes with it, and the operator's
	// rights there may be gone already.
	return ctrl.Result{}, r.removeFinalizer(ctx, s)
}

// takeDown returns nil when nothing is left to be done.
func (r *Reconciler) takeDown(ctx context.Context, s *scope) error {
	data, err := r.findData(ctx, s)
	if err != nil {
		return err
	}
	// What has begun under a consent ends, even if that has expired by now:
	// nobody can tell what PostgreSQL has dropped already.
	refusal := consent.Check(s.puskesmas.Spec.Consent, v1alpha1.ConsentDelete, s.puskesmas.Spec.Code, r.Clock.Now())
	if refusal == nil || data.begun(s.districtCode()) {
		return r.deleteData(ctx, s, data)
	}
	// What a version before 0.2.0 made has no owner to go with.
	if _, err := r.Applier.Prune(ctx, s.made, s.owner().Owns, false); err != nil {
		return fmt.Errorf("delete what holds no data: %w", err)
	}
	return nil
}

// deleteData deletes the facility with its data: first ends whoever uses the
// database, since PostgreSQL drops none that is in use, and last goes what tells
// that the drop has begun. It returns a *status.Stop for what is waited for.
func (r *Reconciler) deleteData(ctx context.Context, s *scope, data *data) error {
	if err := r.stopUsers(ctx, s); err != nil {
		return err
	}
	for _, database := range data.databases {
		if err := r.dropDatabase(ctx, s, database); err != nil {
			return err
		}
	}
	for _, role := range data.roles {
		if err := r.dropRole(ctx, s, role); err != nil {
			return err
		}
	}
	rest, err := r.findRest(ctx, s)
	if err != nil {
		return err
	}
	if _, err := r.Applier.Prune(ctx, rest, s.owner().Owns, true); err != nil {
		return fmt.Errorf("delete the rest: %w", err)
	}
	for _, database := range data.databases {
		if err := r.release(ctx, s, database, stepRole, "the database is gone, waiting for CloudNativePG to let its Database go"); err != nil {
			return err
		}
	}
	if err := r.forgetData(ctx, s); err != nil {
		return err
	}
	r.Recorder.Eventf(s.puskesmas, nil, corev1.EventTypeNormal, "DataDeleted", "Delete", "the database %s, its role and its credentials are deleted, as consented: %s",
		s.databaseName(), s.puskesmas.Spec.Consent.Reason)
	return nil
}

// findRest lists what is the facility's, but for its Database, which goes last.
func (r *Reconciler) findRest(ctx context.Context, s *scope) ([]inventory.Ref, error) {
	kinds := slices.Concat(live.BuiltinKinds, cnpg.Kinds, []schema.GroupVersionKind{live.RouteKind})
	kinds = slices.DeleteFunc(kinds, func(gvk schema.GroupVersionKind) bool { return gvk.Kind == "Namespace" || gvk == cnpg.Databases })
	rest, err := r.Applier.Find(ctx, s.puskesmas.Namespace, s.ownerLabels(), kinds...)
	if err != nil {
		return nil, err
	}
	recorded, err := r.Records.Read(ctx, s.puskesmas.Namespace, s.writer())
	if err != nil {
		return nil, err
	}
	names := recorded.Secrets()
	for _, name := range secretNames {
		names = append(names, s.puskesmas.Name+"-"+name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		rest = append(rest, inventory.Ref{
			GVK: corev1.SchemeGroupVersion.WithKind("Secret"),
			Key: client.ObjectKey{Namespace: s.puskesmas.Namespace, Name: name},
		})
	}
	return rest, nil
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

// districtCode is the code of the facility's district, known without it.
func (s *scope) districtCode() string {
	code, _ := v1alpha1.CodeForNamespace(s.puskesmas.Namespace)
	return string(code)
}
