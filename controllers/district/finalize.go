package district

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/consent"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/status"
)

// finalize takes the district's stack down. With Retain, workloads go and
// PostgreSQL stops; namespace, isolation, data and secrets stay. With Delete
// and a consent, the namespace goes with all that is in it.
func (r *Reconciler) finalize(ctx context.Context, s *scope) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(s.district, v1alpha1.Finalizer) {
		return ctrl.Result{}, nil
	}
	namespace, err := r.ownNamespace(ctx, s)
	orphaned := false
	if err == nil && namespace != nil {
		orphaned, err = r.orphaned(ctx, s)
	}
	switch {
	case err != nil:
	case namespace == nil:
		// It is gone with all that was in it, or has become somebody else's.
	case orphaned:
		r.Recorder.Eventf(s.district, nil, corev1.EventTypeNormal, "LeftRunning", "Delete",
			"everything in namespace %s runs on, as asked for by --cascade=orphan. A District with code %s takes it up again", s.namespace, s.district.Spec.Code)
	case s.district.Spec.DataProtection.DeletionPolicy == v1alpha1.DeletionDelete:
		err = r.deleteData(ctx, s, namespace)
	case namespace.DeletionTimestamp != nil:
		err = status.Waiting(r.Pace.DeletionRecheck, v1alpha1.ReasonDeleting, "namespace %s is being deleted by somebody else, with all that is in it", s.namespace)
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

// orphaned reports whether the district is deleted with --cascade=orphan: the
// garbage collector says so, or has taken the references off by now.
func (r *Reconciler) orphaned(ctx context.Context, s *scope) (bool, error) {
	if controllerutil.ContainsFinalizer(s.district, metav1.FinalizerOrphanDependents) {
		return true, nil
	}
	return r.Applier.Orphaned(ctx, s.namespace, s.owner(), r.owned.Kinds())
}

func (r *Reconciler) removeFinalizer(ctx context.Context, s *scope) error {
	before := s.district.DeepCopy()
	controllerutil.RemoveFinalizer(s.district, v1alpha1.Finalizer)
	return r.Statuses.Finalizer(ctx, before, s.district)
}

// retainData removes the workloads of the district and of its Puskesmas, and
// stops PostgreSQL.
func (r *Reconciler) retainData(ctx context.Context, s *scope) error {
	stale, err := r.Applier.Find(ctx, s.namespace, s.ownerLabels(), workloadKinds...)
	if err != nil {
		return fmt.Errorf("find workloads: %w", err)
	}
	pruned, err := r.Applier.Prune(ctx, stale, s.has, false)
	if err != nil {
		return fmt.Errorf("remove workloads: %w", err)
	}
	if len(pruned.Deleted) > 0 {
		return status.Waiting(r.Pace.Settle, v1alpha1.ReasonDeleting, "removing %d workloads; data is kept", len(pruned.Deleted))
	}
	if err := r.stopDatabase(ctx, s); err != nil {
		return err
	}
	r.Recorder.Eventf(s.district, nil, corev1.EventTypeNormal, "DataKept", "Delete",
		"namespace %s keeps the database, its volumes and the secrets; PostgreSQL is stopped. A District with code %s takes them up again. To delete them, kubectl annotate namespace %s %s=%s and delete the namespace",
		s.namespace, s.district.Spec.Code, s.namespace, v1alpha1.AnnotationDeleteData, s.district.Spec.Code)
	return nil
}

// has reports whether an object was made for the district or for one of its
// Puskesmas, and has become nobody else's.
func (s *scope) has(existing client.Object) bool {
	if controller := metav1.GetControllerOfNoCopy(existing); controller != nil && controller.APIVersion != v1alpha1.GroupVersion.String() {
		return false
	}
	return apply.Made(existing, s.ownerLabels())
}

// workloadKinds run or publish something. Isolation stays: it protects the data
// that stays.
var workloadKinds = append([]schema.GroupVersionKind{
	{Version: "v1", Kind: "Service"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
	live.RouteKind,
}, live.PodKinds...)

// clusters reads the district's PostgreSQL, which is found by its label. Without
// CloudNativePG there is none.
func (r *Reconciler) clusters(ctx context.Context, s *scope) ([]metav1.PartialObjectMetadata, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(cnpg.Clusters.GroupVersion().WithKind("ClusterList"))
	labels := s.ownerLabels()
	labels[v1alpha1.LabelManagedBy] = v1alpha1.ManagerName
	err := r.APIReader.List(ctx, list, client.InNamespace(s.namespace), client.MatchingLabels(labels))
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		list.Items[i].SetGroupVersionKind(cnpg.Clusters)
	}
	// Labels can be copied.
	return slices.DeleteFunc(list.Items, func(c metav1.PartialObjectMetadata) bool { return !apply.Made(&c, s.ownerLabels()) }), nil
}

// stopDatabase has CloudNativePG stop PostgreSQL and keep its volumes.
func (r *Reconciler) stopDatabase(ctx context.Context, s *scope) error {
	clusters, err := r.clusters(ctx, s)
	if err != nil {
		return fmt.Errorf("find PostgreSQL: %w", err)
	}
	for i := range clusters {
		patch := client.RawPatch(types.MergePatchType,
			fmt.Appendf(nil, `{"metadata":{"uid":%q,"annotations":{%q:%q}}}`, clusters[i].UID, cnpg.AnnotationHibernation, cnpg.HibernationOn))
		if err := r.Client.Patch(ctx, &clusters[i], patch, client.FieldOwner(v1alpha1.ManagerName)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("stop PostgreSQL: %w", err)
		}
	}
	return nil
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
	if yields, err := r.yields(ctx, s); err != nil || yields {
		return nil, err
	}
	namespace.SetGroupVersionKind(namespaceKind)
	return namespace, nil
}

// yields reports whether the namespace is that of another District with the code:
// of an older one, as checkCode decides, and without anything in it that is this
// one's. Its status says so only as long as it is not lost.
func (r *Reconciler) yields(ctx context.Context, s *scope) (bool, error) {
	if s.district.Status.Namespace != "" {
		return false, nil
	}
	var same v1alpha1.DistrictList
	if err := r.Client.List(ctx, &same, client.MatchingFields{IndexCode: string(s.district.Spec.Code)}); err != nil {
		return false, fmt.Errorf("find District %s: %w", s.district.Spec.Code, err)
	}
	if !slices.ContainsFunc(same.Items, func(other v1alpha1.District) bool { return other.UID != s.district.UID && older(&other, s.district) }) {
		return false, nil
	}
	owns, err := r.Applier.Refers(ctx, s.namespace, s.owner(), r.owned.Kinds())
	return !owns, err
}

// deleteData deletes the namespace, if there is a consent, and waits until it is gone.
func (r *Reconciler) deleteData(ctx context.Context, s *scope, namespace *metav1.PartialObjectMetadata) error {
	going := status.Waiting(r.Pace.DeletionRecheck, v1alpha1.ReasonDeleting, "namespace %s is being deleted with all its data, as consented", s.namespace)
	if namespace.DeletionTimestamp != nil {
		return going
	}
	clusters, err := r.clusters(ctx, s)
	if err != nil {
		return fmt.Errorf("find PostgreSQL: %w", err)
	}
	refusal := consent.Check(s.district.Spec.DataProtection.Consent, v1alpha1.ConsentDelete, string(s.district.Spec.Code), r.Clock.Now())
	// What has begun under a consent ends, even if that has expired by now:
	// PostgreSQL's data is gone.
	agreed := namespace.Annotations[v1alpha1.AnnotationDeleteData] == string(s.district.Spec.Code)
	if refusal != nil && (!agreed || stands(clusters)) {
		return status.Stalled(v1alpha1.ReasonConsentRequired,
			"deletionPolicy is Delete, and %v; or set deletionPolicy to Retain to keep the data. Nothing has been deleted", refusal)
	}
	if !agreed {
		patch := fmt.Appendf(nil, `{"metadata":{"uid":%q,"annotations":{%q:%q}}}`, namespace.UID, v1alpha1.AnnotationDeleteData, s.district.Spec.Code)
		if err := r.Client.Patch(ctx, namespace, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(v1alpha1.ManagerName)); err != nil {
			return fmt.Errorf("write down that namespace %s goes: %w", s.namespace, err)
		}
	}
	if err := r.deleteServers(ctx, s, clusters); err != nil {
		return err
	}
	uid := namespace.UID
	if err := r.Client.Delete(ctx, namespace, client.Preconditions{UID: &uid}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete namespace: %w", err)
	}
	return going
}

// stands reports whether a PostgreSQL is there that is not being deleted.
func stands(clusters []metav1.PartialObjectMetadata) bool {
	return slices.ContainsFunc(clusters, func(c metav1.PartialObjectMetadata) bool { return c.DeletionTimestamp == nil })
}

// deleteServers deletes PostgreSQL before its namespace, and waits until its
// pods are gone: Kubernetes looks again at a namespace only after half the time
// that its pods may take to end, and a server may take half an hour.
func (r *Reconciler) deleteServers(ctx context.Context, s *scope, clusters []metav1.PartialObjectMetadata) error {
	for i := range clusters {
		cluster := &clusters[i]
		if cluster.DeletionTimestamp != nil {
			continue
		}
		uid := cluster.UID
		if err := r.Client.Delete(ctx, cluster, client.Preconditions{UID: &uid}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete PostgreSQL: %w", err)
		}
	}
	var pods corev1.PodList
	if err := r.APIReader.List(ctx, &pods, client.InNamespace(s.namespace), client.MatchingLabels{cnpg.LabelPodRole: cnpg.PodRoleServer}); err != nil {
		return fmt.Errorf("list the pods of PostgreSQL: %w", err)
	}
	if len(pods.Items) > 0 {
		return status.Waiting(r.Pace.DeletionRecheck, v1alpha1.ReasonDeleting, "PostgreSQL ends before namespace %s is deleted with all its data, as consented", s.namespace)
	}
	return nil
}
