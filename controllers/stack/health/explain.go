package health

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Explain says why the pods of a rendered object do not run, in words that stay
// the same from one look to the next (no pod names, no counters), or nothing
// where there is nothing to say. It lists pods and volume claims of one
// namespace from the API server, so it is only for objects that are not ready.
func Explain(ctx context.Context, reader client.Reader, obj *unstructured.Unstructured) (string, error) {
	selector := podSelector(obj)
	if selector == nil {
		return "", nil
	}
	var pods corev1.PodList
	if err := reader.List(ctx, &pods, client.InNamespace(obj.GetNamespace()), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return "", fmt.Errorf("list pods: %w", err)
	}
	var reasons []string
	pending := len(pods.Items) == 0
	for i := range pods.Items {
		pending = pending || pods.Items[i].Status.Phase == corev1.PodPending
		reasons = append(reasons, podReasons(&pods.Items[i])...)
	}
	if pending {
		claims, err := claimReasons(ctx, reader, obj.GetNamespace(), selector)
		if err != nil {
			return "", err
		}
		reasons = append(claims, reasons...)
	}
	slices.Sort(reasons)
	return strings.Join(slices.Compact(reasons), "; "), nil
}

func podSelector(obj *unstructured.Unstructured) labels.Selector {
	switch obj.GetKind() {
	case "Deployment":
		match, _, _ := unstructured.NestedStringMap(obj.Object, "spec", "selector", "matchLabels")
		return labels.SelectorFromSet(match)
	case "Job":
		return labels.SelectorFromSet(labels.Set{"batch.kubernetes.io/job-name": obj.GetName()})
	case "Cluster":
		return labels.SelectorFromSet(labels.Set{"cnpg.io/cluster": obj.GetName()})
	}
	return nil
}

// podReasons lists what keeps one pod from running.
func podReasons(pod *corev1.Pod) []string {
	var reasons []string
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			reasons = append(reasons, "no node for the pod: "+c.Message)
		}
	}
	for _, s := range append(slices.Clone(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses...) {
		switch {
		case s.State.Waiting != nil && !starting(s.State.Waiting.Reason):
			reasons = append(reasons, fmt.Sprintf("container %s: %s", s.Name, waiting(s)))
		case s.State.Terminated != nil && s.State.Terminated.ExitCode != 0:
			reasons = append(reasons, fmt.Sprintf("container %s: exit code %d, see its log", s.Name, s.State.Terminated.ExitCode))
		}
	}
	return reasons
}

// starting are reasons that every pod passes through.
func starting(reason string) bool {
	return reason == "ContainerCreating" || reason == "PodInitializing"
}

func waiting(s corev1.ContainerStatus) string {
	switch reason := s.State.Waiting.Reason; reason {
	case "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull":
		// The kubelet alternates between these; one word keeps the condition still.
		return fmt.Sprintf("image %s cannot be pulled: check its name, spec.images.registry and spec.images.pullSecrets", s.Image)
	case "CrashLoopBackOff":
		if t := s.LastTerminationState.Terminated; t != nil {
			return fmt.Sprintf("crashes again and again, exit code %d %s: see its log", t.ExitCode, t.Reason)
		}
		return "crashes again and again: see its log"
	case "CreateContainerConfigError":
		return "cannot be configured: " + s.State.Waiting.Message
	default:
		return reason
	}
}

// claimReasons lists volume claims that wait for a StorageClass that does not exist.
func claimReasons(ctx context.Context, reader client.Reader, namespace string, selector labels.Selector) ([]string, error) {
	var claims corev1.PersistentVolumeClaimList
	if err := reader.List(ctx, &claims, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, fmt.Errorf("list volume claims: %w", err)
	}
	var reasons []string
	for i := range claims.Items {
		claim := &claims.Items[i]
		if claim.Status.Phase != corev1.ClaimPending {
			continue
		}
		if claim.Spec.StorageClassName == nil {
			reasons = append(reasons, "the volume has no StorageClass: name one in spec.database.storageClassName or mark one as default")
			continue
		}
		err := reader.Get(ctx, client.ObjectKey{Name: *claim.Spec.StorageClassName}, &storagev1.StorageClass{})
		switch {
		case apierrors.IsNotFound(err):
			reasons = append(reasons, fmt.Sprintf("StorageClass %q does not exist: create it; kubectl get storageclass lists those there are", *claim.Spec.StorageClassName))
		case err != nil:
			return nil, fmt.Errorf("get StorageClass: %w", err)
		}
	}
	return reasons, nil
}
