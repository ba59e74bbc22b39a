package district

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// annotationDefaultClass marks the class of claims that name none.
const annotationDefaultClass = "storageclass.kubernetes.io/is-default-class"

// demand is what is asked of a StorageClass.
type demand struct {
	class string
	// size of each volume.
	size resource.Quantity
	// more is how much all volumes together need that they do not have.
	more resource.Quantity
	// growing volumes are there already, and the largest step is by this much.
	growing *resource.Quantity
}

// growthRefusal says why the claims cannot grow to a size, or nothing.
func (r *Reconciler) growthRefusal(ctx context.Context, s *scope, claims []corev1.PersistentVolumeClaim, size resource.Quantity) (string, error) {
	demands := map[string]*demand{}
	for i := range claims {
		has := claims[i].Spec.Resources.Requests[corev1.ResourceStorage]
		step := size.DeepCopy()
		if step.Sub(has); step.Sign() <= 0 {
			continue
		}
		class := ptr.Deref(claims[i].Spec.StorageClassName, "")
		if class == "" {
			return fmt.Sprintf("volume claim %s has no StorageClass, and only that grows volumes", claims[i].Name), nil
		}
		if demands[class] == nil {
			demands[class] = &demand{class: class, size: size, growing: &resource.Quantity{}}
		}
		demands[class].more.Add(step)
		if step.Cmp(*demands[class].growing) > 0 {
			demands[class].growing = &step
		}
	}
	for _, d := range demands {
		if refusal, err := r.refusal(ctx, s, *d); err != nil || refusal != "" {
			return refusal, err
		}
	}
	return "", nil
}

// refusal says why a demand cannot be met, or nothing. Where no class is named
// and none is the default, volumes may be there that somebody has made by hand.
func (r *Reconciler) refusal(ctx context.Context, s *scope, d demand) (string, error) {
	if d.class == "" {
		var err error
		if d.class, err = r.defaultClass(ctx); err != nil || d.class == "" {
			return "", err
		}
	}
	var class storagev1.StorageClass
	err := r.APIReader.Get(ctx, client.ObjectKey{Name: d.class}, &class)
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("StorageClass %q does not exist: create it; kubectl get storageclass lists those there are", d.class), nil
	case err != nil:
		return "", fmt.Errorf("get StorageClass %s: %w", d.class, err)
	case d.growing != nil && !ptr.Deref(class.AllowVolumeExpansion, false):
		return fmt.Sprintf("StorageClass %q does not allow volumes to grow (allowVolumeExpansion). If its driver can: kubectl patch storageclass %s -p '{\"allowVolumeExpansion\":true}'; if it cannot, move the data to a new District on another class", d.class, d.class), nil
	}
	var capacities storagev1.CSIStorageCapacityList
	if err := r.APIReader.List(ctx, &capacities); err != nil {
		return "", fmt.Errorf("list CSIStorageCapacities: %w", err)
	}
	if refusal := noRoom(d, capacities.Items); refusal != "" {
		return refusal, nil
	}
	var quotas corev1.ResourceQuotaList
	if err := r.APIReader.List(ctx, &quotas, client.InNamespace(s.namespace)); err != nil {
		return "", fmt.Errorf("list ResourceQuotas: %w", err)
	}
	return overQuota(d, quotas.Items), nil
}

// defaultClass is the class of claims that name none, or nothing.
func (r *Reconciler) defaultClass(ctx context.Context) (string, error) {
	var list storagev1.StorageClassList
	if err := r.APIReader.List(ctx, &list); err != nil {
		return "", fmt.Errorf("list StorageClasses: %w", err)
	}
	var newest *storagev1.StorageClass
	for i := range list.Items {
		class := &list.Items[i]
		if class.Annotations[annotationDefaultClass] == "true" && (newest == nil || newest.CreationTimestamp.Before(&class.CreationTimestamp)) {
			newest = class
		}
	}
	if newest == nil {
		return "", nil
	}
	return newest.Name, nil
}

// noRoom says that no place of the cluster has room for a volume, where the
// class's driver tells of its room (CSIStorageCapacity), or nothing.
func noRoom(d demand, capacities []storagev1.CSIStorageCapacity) string {
	var largest, free resource.Quantity
	told := false
	for i := range capacities {
		c := &capacities[i]
		if c.StorageClassName != d.class {
			continue
		}
		if c.Capacity == nil && c.MaximumVolumeSize == nil {
			return "" // one place does not tell, so nobody knows
		}
		told = true
		limit := c.MaximumVolumeSize
		if limit == nil && d.growing == nil {
			limit = c.Capacity
		}
		if limit == nil || limit.Cmp(d.size) > 0 {
			limit = &d.size
		}
		if limit.Cmp(largest) > 0 {
			largest = limit.DeepCopy()
		}
		if c.Capacity != nil && c.Capacity.Cmp(free) > 0 {
			free = c.Capacity.DeepCopy()
		}
		if c.Capacity == nil && d.growing != nil {
			free = *d.growing
		}
	}
	switch {
	case !told:
		return ""
	case largest.Cmp(d.size) < 0:
		return fmt.Sprintf("the largest volume that StorageClass %q has room for is %s (kubectl get csistoragecapacities -A)", d.class, largest.String())
	case d.growing != nil && free.Cmp(*d.growing) < 0:
		return fmt.Sprintf("StorageClass %q has room for %s more at most, and a volume needs %s more (kubectl get csistoragecapacities -A)", d.class, free.String(), d.growing.String())
	default:
		return ""
	}
}

// overQuota says which ResourceQuota has no room, or nothing. The district's own
// follows the spec.
func overQuota(d demand, quotas []corev1.ResourceQuota) string {
	for i := range quotas {
		q := &quotas[i]
		if q.Labels[v1alpha1.LabelManagedBy] == v1alpha1.ManagerName {
			continue
		}
		for _, name := range []corev1.ResourceName{
			corev1.ResourceRequestsStorage,
			corev1.ResourceName(d.class) + ".storageclass.storage.k8s.io/" + corev1.ResourceRequestsStorage,
		} {
			hard, limited := q.Status.Hard[name]
			if !limited {
				continue
			}
			left := hard.DeepCopy()
			left.Sub(q.Status.Used[name])
			if left.Cmp(d.more) < 0 {
				return fmt.Sprintf("ResourceQuota %s leaves %s of %s, and the volumes need %s more: raise it", q.Name, left.String(), name, d.more.String())
			}
		}
	}
	return ""
}
