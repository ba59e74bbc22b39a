package district

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/status"
)

// checkStorage looks whether the volumes that the spec asks for can be had,
// before PostgreSQL is told of them: CloudNativePG never takes a size back, and
// starts no server whose volume has another one. What is refused stays as it is,
// all else goes on, and the district says so at the end.
func (r *Reconciler) checkStorage(ctx context.Context, s *scope) error {
	cluster := s.cluster()
	if cluster == nil {
		return nil
	}
	cached, err := r.Applier.Cached(ctx, inventory.RefOf(cluster))
	if err != nil {
		return fmt.Errorf("read Cluster %s: %w", cluster.GetName(), err)
	}
	wanted := volumesOf(cluster)
	if cached == nil {
		refusal, err := r.refusal(ctx, s, demand{size: wanted.size, more: times(&wanted.size, wanted.instances), class: wanted.class})
		if err != nil || refusal == "" {
			return err
		}
		stop := &status.Stop{
			Stalled: true, Reason: v1alpha1.ReasonStorageRefused, RetryAfter: r.Pace.StageRecheck,
			Message: fmt.Sprintf("spec.database: a volume of %s cannot be had: %s. Nothing has been made yet", wanted.text, refusal),
		}
		s.conditions.False(v1alpha1.ConditionDatabaseReady, stop.Reason, stop.Message)
		return stop
	}
	is := volumesOf(cached)
	if wanted.text == is.text && wanted.class == is.class && wanted.instances == is.instances {
		return nil
	}
	claims, err := r.claims(ctx, s)
	if err != nil {
		return err
	}
	var refusals []string
	for _, check := range []func(context.Context, *scope, volumes, volumes, []corev1.PersistentVolumeClaim) (string, error){r.checkSize, r.checkClass, r.checkInstances} {
		refusal, err := check(ctx, s, is, wanted, claims)
		if err != nil {
			return err
		}
		if refusal != "" {
			refusals = append(refusals, refusal)
		}
	}
	if len(refusals) > 0 {
		s.storage = &status.Stop{Stalled: true, Reason: v1alpha1.ReasonStorageRefused, Message: strings.Join(refusals, "; "), RetryAfter: r.Pace.StorageRecheck}
	}
	return nil
}

// checkSize keeps the size that is there if the volumes cannot have the one
// that is asked for.
func (r *Reconciler) checkSize(ctx context.Context, s *scope, is, wanted volumes, claims []corev1.PersistentVolumeClaim) (string, error) {
	order := wanted.size.Cmp(is.size)
	if order == 0 || is.text == "" {
		return "", nil
	}
	refusal := fmt.Sprintf("spec.database.storage: volumes never shrink: PostgreSQL has %s, and %s is less. They stay as they are and all else goes on. Write %s back, or more", is.text, wanted.text, is.text)
	if order > 0 {
		why, err := r.growthRefusal(ctx, s, claims, wanted.size)
		if err != nil || why == "" {
			return "", err
		}
		refusal = fmt.Sprintf("spec.database.storage: the volumes cannot grow from %s to %s: %s. They stay as they are and all else goes on. Or write %s back", is.text, wanted.text, why, is.text)
	}
	return refusal, unstructured.SetNestedField(s.cluster().Object, is.text, "spec", "storage", "size")
}

// checkClass keeps the class of volumes that are there.
func (r *Reconciler) checkClass(_ context.Context, s *scope, is, wanted volumes, claims []corev1.PersistentVolumeClaim) (string, error) {
	if is.class == "" || is.class == wanted.class || len(claims) == 0 {
		return "", nil
	}
	refusal := fmt.Sprintf("spec.database.storageClassName: volumes stay where they are, on StorageClass %q. Write it back, or move the data to a new District on the other class", is.class)
	return refusal, unstructured.SetNestedField(s.cluster().Object, is.class, "spec", "storage", "storageClass")
}

// checkInstances adds no server whose volume cannot be had.
func (r *Reconciler) checkInstances(ctx context.Context, s *scope, is, wanted volumes, _ []corev1.PersistentVolumeClaim) (string, error) {
	added := wanted.instances - is.instances
	if added <= 0 || is.instances == 0 {
		return "", nil
	}
	size := volumesOf(s.cluster()).size
	refusal, err := r.refusal(ctx, s, demand{size: size, more: times(&size, added), class: volumesOf(s.cluster()).class})
	if err != nil || refusal == "" {
		return "", err
	}
	refusal = fmt.Sprintf("spec.database.instances: there is no volume for another server: %s. There stay %d, and all else goes on. Or write %d back", refusal, is.instances, is.instances)
	return refusal, unstructured.SetNestedField(s.cluster().Object, is.instances, "spec", "instances")
}

// volumes are what a Cluster says of them.
type volumes struct {
	text, class string
	size        resource.Quantity
	instances   int64
}

func volumesOf(cluster client.Object) volumes {
	obj, ok := cluster.(*unstructured.Unstructured)
	if !ok {
		return volumes{}
	}
	var v volumes
	v.text, _, _ = unstructured.NestedString(obj.Object, "spec", "storage", "size")
	v.class, _, _ = unstructured.NestedString(obj.Object, "spec", "storage", "storageClass")
	v.instances, _, _ = unstructured.NestedInt64(obj.Object, "spec", "instances")
	v.size = *parse(v.text)
	return v
}

// cluster is the rendered Cluster, or nil if a patch has taken it out.
func (s *scope) cluster() *unstructured.Unstructured {
	for _, obj := range s.objects[componentDatabase] {
		if obj.GroupVersionKind() == cnpg.Clusters {
			return obj
		}
	}
	return nil
}

// claims are the volume claims of PostgreSQL.
func (r *Reconciler) claims(ctx context.Context, s *scope) ([]corev1.PersistentVolumeClaim, error) {
	var list corev1.PersistentVolumeClaimList
	err := r.APIReader.List(ctx, &list, client.InNamespace(s.namespace), client.MatchingLabels{cnpg.LabelCluster: s.cluster().GetName(), cnpg.LabelVolumeRole: cnpg.VolumeRoleData})
	if err != nil {
		return nil, fmt.Errorf("list the volume claims of PostgreSQL: %w", err)
	}
	return list.Items, nil
}
