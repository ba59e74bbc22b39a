package district

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/status"
)

// followVolumes waits until the volumes have the size that PostgreSQL's Cluster
// asks for, writes it down, and tells meanwhile what their claims tell.
// CloudNativePG calls a Cluster Ready whatever becomes of a resize.
func (r *Reconciler) followVolumes(ctx context.Context, s *scope) error {
	cluster := s.cluster()
	if cluster == nil || s.hibernated() {
		return nil
	}
	size := volumesOf(cluster)
	if s.storage != nil {
		s.conditions.True(v1alpha1.ConditionDatabaseReady, v1alpha1.ReasonSucceeded, "PostgreSQL accepts connections; its volumes stay as they are: "+s.storage.Message)
	}
	if s.district.Status.Storage == size.text {
		return nil
	}
	claims, err := r.claims(ctx, s)
	if err != nil {
		return err
	}
	growth := growthOf(claims, size)
	if growth == nil {
		s.district.Status.Storage = size.text
		return nil
	}
	growth.stop.RetryAfter = r.Pace.StageRecheck
	if growth.notAsked {
		// A Cluster of before this check may ask for what its class does not allow.
		refusal, err := r.growthRefusal(ctx, s, claims, size.size)
		if err != nil {
			return err
		}
		if refusal != "" {
			growth.stop = &status.Stop{
				Stalled: true, Reason: v1alpha1.ReasonStorageRefused, RetryAfter: r.Pace.StorageRecheck,
				Message: fmt.Sprintf("%s: %s. Until then CloudNativePG may start no server again whose pod goes", growth.stop.Message, refusal),
			}
		}
	}
	s.conditions.True(v1alpha1.ConditionDatabaseReady, v1alpha1.ReasonSucceeded, "PostgreSQL accepts connections; "+growth.stop.Message)
	if s.storage == nil || !s.storage.Stalled {
		s.storage = growth.stop
	}
	return nil
}

// growth is what is waited for of volumes that are smaller than they should be.
type growth struct {
	stop *status.Stop
	// notAsked tells that a claim does not ask for the size yet.
	notAsked bool
}

// growthOf is what the first of the claims tells that has not the size, or nil.
func growthOf(claims []corev1.PersistentVolumeClaim, wanted volumes) *growth {
	for i := range claims {
		claim := &claims[i]
		has := claim.Status.Capacity[corev1.ResourceStorage]
		if claim.Status.Phase != corev1.ClaimBound || has.Cmp(wanted.size) >= 0 {
			continue
		}
		asks := claim.Spec.Resources.Requests[corev1.ResourceStorage]
		return &growth{stop: resizeOf(claim, has, wanted), notAsked: asks.Cmp(wanted.size) < 0}
	}
	return nil
}

// resizeOf says how far the resize of a claim is.
func resizeOf(claim *corev1.PersistentVolumeClaim, has resource.Quantity, wanted volumes) *status.Stop {
	stop := &status.Stop{Reason: v1alpha1.ReasonProgressing}
	said := "its resize has not begun"
	state := claim.Status.AllocatedResourceStatuses[corev1.ResourceStorage]
	if state != "" {
		said = string(state)
	}
	for _, c := range claim.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		said = string(c.Type)
		if c.Message != "" {
			said += ": " + c.Message
		}
		if strings.HasSuffix(string(c.Type), "ResizeError") {
			stop.Reason = v1alpha1.ReasonInfrastructureFailed
			break
		}
	}
	stop.Message = fmt.Sprintf("volume claim %s grows from %s to %s: %s", claim.Name, has.String(), wanted.text, said)
	if state == corev1.PersistentVolumeClaimControllerResizeInfeasible || state == corev1.PersistentVolumeClaimNodeResizeInfeasible {
		stop.Stalled, stop.Reason = true, v1alpha1.ReasonStorageRefused
		stop.Message = fmt.Sprintf("volume claim %s cannot grow from %s to %s: its driver refuses: %s: %s. Give the driver room; volumes do not shrink, and %s is ordered", claim.Name, has.String(), wanted.text, state, said, wanted.text)
	}
	return stop
}
