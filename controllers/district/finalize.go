package district

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/consent"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/status"
)

// deletionRecheck is how often a namespace that is being deleted is looked at.
const deletionRecheck = 5 * time.Second

// finalize takes the district's stack down. With Retain, workloads go and
// PostgreSQL stops; namespace, isolation, data and secrets stay. With Delete
// and a consent, the namespace goes with all that is in it.
func (r *Reconciler) finalize(ctx context.Context, s *scope) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(s.district, v1alpha1.Finalizer) {
		return ctrl.Result{}, nil
	}
	if s.district.Status.Namespace == "" {
		// It never took its namespace, so there is nothing of its own.
		return ctrl.Result{}, r.removeFinalizer(ctx, s)
	}
	namespace, err := r.ownNamespace(ctx, s)
	switch {
	case err != nil:
	case namespace == nil:
		// It is gone with all that was in it, or has become somebody else's.
	case s.district.Spec.DataProtection.DeletionPolicy == v1alpha1.DeletionDelete:
		err = r.deleteData(ctx, s, namespace)
	case namespace.DeletionTimestamp != nil:
		err = status.Waiting(deletionRecheck, v1alpha1.ReasonDeleting, "namespace %s is being deleted by somebody else, with all that is in it", s.namespace)
	default:
		err = r.retainData(ctx, s)
	}
	if err != nil {
		result, err := s.conditions.Report(err)
		s.district.Status.ObservedGeneration = s.district.Generation
		if patchErr := r.patchStatus(ctx, s); patchErr != nil {
			return ctrl.Result{}, patchErr
		}
		return result, err
	}
	return ctrl.Result{}, r.removeFinalizer(ctx, s)
}

func (r *Reconciler) removeFinalizer(ctx context.Context, s *scope) error {
	before := s.district.DeepCopy()
	controllerutil.RemoveFinalizer(s.district, v1alpha1.Finalizer)
	return r.Statuses.Finalizer(ctx, before, s.district)
}

// retainData removes the workloads of the district and of its Puskesmas, and
// stops PostgreSQL.
func (r *Reconciler) retainData(ctx context.Context, s *scope) error {
	if err := r.listPuskesmas(ctx, s); err != nil {
		return err
	}
	stale := workloads(s.district.Status.Inventory)
	for i := range s.puskesmas {
		stale = append(stale, workloads(s.puskesmas[i].Status.Inventory)...)
	}
	pruned, err := r.Applier.Prune(ctx, stale, s.ownerLabels(), false)
	if err != nil {
		return fmt.Errorf("remove workloads: %w", err)
	}
	if len(pruned.Deleted) > 0 {
		return status.Waiting(time.Second, v1alpha1.ReasonDeleting, "removing %d workloads; data is kept", len(pruned.Deleted))
	}
	if err := r.stopDatabase(ctx, s); err != nil {
		return err
	}
	r.Recorder.Eventf(s.district, nil, corev1.EventTypeNormal, "DataKept", "Delete",
		"namespace %s keeps the database, its volumes and the secrets; PostgreSQL is stopped. A District with code %s takes them up again. To delete them, kubectl annotate namespace %s %s=%s and delete the namespace",
		s.namespace, s.district.Spec.Code, s.namespace, v1alpha1.AnnotationDeleteData, s.district.Spec.Code)
	return nil
}

// workloads are the entries that run or publish something. Isolation stays: it
// protects the data that stays.
func workloads(entries []v1alpha1.InventoryEntry) []v1alpha1.InventoryEntry {
	var out []v1alpha1.InventoryEntry
	for _, entry := range entries {
		ref, err := inventory.Parse(entry)
		if err != nil {
			continue
		}
		switch ref.GVK.Kind {
		case "Deployment", "Job", "Service", "Ingress", "HTTPRoute", "PodDisruptionBudget":
			out = append(out, entry)
		}
	}
	return out
}

var clusterKind = schema.GroupVersionKind{Group: live.CloudNativePG, Version: "v1", Kind: "Cluster"}

// stopDatabase has CloudNativePG stop PostgreSQL and keep its volumes.
func (r *Reconciler) stopDatabase(ctx context.Context, s *scope) error {
	for _, entry := range s.district.Status.Inventory {
		ref, err := inventory.Parse(entry)
		if err != nil || ref.GVK.GroupKind() != clusterKind.GroupKind() {
			continue
		}
		cluster, err := r.ownCluster(ctx, s, ref)
		if err != nil {
			return fmt.Errorf("stop PostgreSQL: %w", err)
		}
		if cluster == nil {
			continue
		}
		patch := client.RawPatch("application/merge-patch+json",
			fmt.Appendf(nil, `{"metadata":{"uid":%q,"annotations":{"cnpg.io/hibernation":"on"}}}`, cluster.UID))
		if err := r.Client.Patch(ctx, cluster, patch, client.FieldOwner(v1alpha1.ManagerName)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("stop PostgreSQL: %w", err)
		}
	}
	return nil
}

// ownCluster reads a Cluster; it is nil if there is none that the operator made
// for the district.
func (r *Reconciler) ownCluster(ctx context.Context, s *scope, ref inventory.Ref) (*metav1.PartialObjectMetadata, error) {
	cluster := &metav1.PartialObjectMetadata{}
	cluster.SetGroupVersionKind(ref.GVK)
	err := r.APIReader.Get(ctx, ref.Key, cluster)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	cluster.SetGroupVersionKind(ref.GVK)
	if !apply.Made(cluster, s.ownerLabels()) {
		return nil, nil
	}
	return cluster, nil
}

// ownNamespace reads the district's namespace; it is nil if there is none that
// is the district's.
func (r *Reconciler) ownNamespace(ctx context.Context, s *scope) (*metav1.PartialObjectMetadata, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(namespaceKind)
	err := r.APIReader.Get(ctx, client.ObjectKey{Name: s.namespace}, namespace)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get namespace: %w", err)
	}
	if namespace.Labels[v1alpha1.LabelDistrict] != string(s.district.Spec.Code) {
		return nil, nil
	}
	namespace.SetGroupVersionKind(namespaceKind)
	return namespace, nil
}

// deleteData deletes the namespace, if there is a consent, and waits until it is gone.
func (r *Reconciler) deleteData(ctx context.Context, s *scope, namespace *metav1.PartialObjectMetadata) error {
	if refusal := consent.Check(s.district.Spec.DataProtection.Consent, v1alpha1.ConsentDelete, string(s.district.Spec.Code), r.Now()); refusal != nil {
		return status.Stalled(v1alpha1.ReasonConsentRequired,
			"deletionPolicy is Delete, and %v; or set deletionPolicy to Retain to keep the data. Nothing has been deleted", refusal)
	}
	if namespace.DeletionTimestamp == nil {
		if err := r.deleteServers(ctx, s); err != nil {
			return err
		}
		uid := namespace.UID
		if err := r.Client.Delete(ctx, namespace, client.Preconditions{UID: &uid}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete namespace: %w", err)
		}
	}
	return status.Waiting(deletionRecheck, v1alpha1.ReasonDeleting, "namespace %s is being deleted with all its data, as consented", s.namespace)
}

// deleteServers deletes PostgreSQL before its namespace, and waits until its
// pods are gone: Kubernetes looks again at a namespace only after half the time
// that its pods may take to end, and a server may take half an hour.
func (r *Reconciler) deleteServers(ctx context.Context, s *scope) error {
	for _, entry := range s.district.Status.Inventory {
		ref, err := inventory.Parse(entry)
		if err != nil || ref.GVK.GroupKind() != clusterKind.GroupKind() {
			continue
		}
		cluster, err := r.ownCluster(ctx, s, ref)
		if err == nil && cluster != nil && cluster.DeletionTimestamp == nil {
			uid := cluster.UID
			err = r.Client.Delete(ctx, cluster, client.Preconditions{UID: &uid})
		}
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete PostgreSQL: %w", err)
		}
	}
	var pods corev1.PodList
	if err := r.APIReader.List(ctx, &pods, client.InNamespace(s.namespace), client.MatchingLabels{"cnpg.io/podRole": "instance"}); err != nil {
		return fmt.Errorf("list the pods of PostgreSQL: %w", err)
	}
	if len(pods.Items) > 0 {
		return status.Waiting(deletionRecheck, v1alpha1.ReasonDeleting, "PostgreSQL ends before namespace %s is deleted with all its data, as consented", s.namespace)
	}
	return nil
}
