package puskesmas

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/status"
)

// stopUsers deletes what runs on the facility's database, and waits until its
// pods are gone. It goes by labels: every Job of every release counts.
func (r *Reconciler) stopUsers(ctx context.Context, s *scope) error {
	owner := s.ownerLabels()
	users, err := r.Applier.Find(ctx, s.puskesmas.Namespace, owner, live.PodKinds...)
	if err != nil {
		return err
	}
	if _, err := r.Applier.Prune(ctx, users, s.owner().Owns, true); err != nil {
		return fmt.Errorf("stop what uses the database: %w", err)
	}
	var pods corev1.PodList
	if err := r.APIReader.List(ctx, &pods, client.InNamespace(s.puskesmas.Namespace), client.MatchingLabels(owner)); err != nil {
		return fmt.Errorf("list the pods of the facility: %w", err)
	}
	running := slices.DeleteFunc(pods.Items, func(pod corev1.Pod) bool {
		return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	})
	if len(running) == 0 {
		s.conditions.False(v1alpha1.ConditionRMEReady, v1alpha1.ReasonDeleting, "the RME is stopped; it is deleted with its data, as consented")
		return nil
	}
	selector := v1alpha1.LabelPuskesmas + "=" + s.puskesmas.Name
	message := fmt.Sprintf("%s: waiting for %s to end (kubectl get pods -n %s -l %s)",
		stepUsers, countPods(running), s.puskesmas.Namespace, selector)
	if slices.ContainsFunc(running, func(pod corev1.Pod) bool {
		return pod.DeletionTimestamp != nil && r.Clock.Now().After(pod.DeletionTimestamp.Add(r.Pace.Overdue))
	}) {
		message += fmt.Sprintf(". A pod should have ended by now: look at its node; if that is gone for good, kubectl delete pods --force -n %s -l %s", s.puskesmas.Namespace, selector)
	}
	s.conditions.False(v1alpha1.ConditionRMEReady, v1alpha1.ReasonDeleting, message)
	return status.Waiting(r.Pace.DropRecheck, v1alpha1.ReasonDeleting, "%s", message)
}

// countPods says how many pods there are of which component: 2 pods (rme, schema).
func countPods(pods []corev1.Pod) string {
	components := map[string]bool{}
	for i := range pods {
		components[cmp.Or(pods[i].Labels[render.LabelComponent], "unlabelled")] = true
	}
	noun := "pods"
	if len(pods) == 1 {
		noun = "pod"
	}
	return fmt.Sprintf("%d %s (%s)", len(pods), noun, strings.Join(slices.Sorted(maps.Keys(components)), ", "))
}
