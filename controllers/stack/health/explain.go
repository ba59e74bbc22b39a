package health

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
)

// fewestCrashes make a container count as broken; before, it may still be
// waiting for something that is on its way.
const fewestCrashes = 3

// calm is how long a container has run that does not crash again and again,
// however often it was started before. It is when the kubelet forgets them too.
const calm = 10 * time.Minute

// Finding is one thing that keeps pods from running.
type Finding struct {
	// Cause is CauseUnknown for what every pod may pass through once.
	Cause   v1alpha1.FailureCause
	Message string
}

// Findings are what keeps the pods of an object from running.
type Findings []Finding

// Cause is what has to be mended first: without a node or an image nobody knows
// how the software does.
func (f Findings) Cause() v1alpha1.FailureCause {
	for _, cause := range []v1alpha1.FailureCause{v1alpha1.CauseInfrastructure, v1alpha1.CauseConfiguration, v1alpha1.CauseApplication} {
		if slices.ContainsFunc(f, func(f Finding) bool { return f.Cause == cause }) {
			return cause
		}
	}
	return v1alpha1.CauseUnknown
}

func (f Findings) String() string {
	messages := make([]string, len(f))
	for i := range f {
		messages[i] = f[i].Message
	}
	return strings.Join(messages, "; ")
}

// Explain says why the pods of a rendered object do not run, in words that stay
// the same from one look to the next (no pod names, no counters), or nothing
// where there is nothing to say. It lists pods and volume claims of one
// namespace from the API server, so it is only for objects that are not ready.
func Explain(ctx context.Context, reader client.Reader, obj *unstructured.Unstructured, now time.Time) (Findings, error) {
	selector := podSelector(obj)
	if selector == nil {
		return nil, nil
	}
	var pods corev1.PodList
	if err := reader.List(ctx, &pods, client.InNamespace(obj.GetNamespace()), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	var reasons Findings
	if len(pods.Items) == 0 && obj.GetKind() == "Job" {
		refused, err := refusals(ctx, reader, obj)
		if err != nil {
			return nil, err
		}
		reasons = refused
	}
	pending := len(pods.Items) == 0
	for i := range pods.Items {
		pending = pending || pods.Items[i].Status.Phase == corev1.PodPending
		reasons = append(reasons, OfPod(&pods.Items[i], now)...)
	}
	if pending {
		claims, err := claimReasons(ctx, reader, obj.GetNamespace(), selector)
		if err != nil {
			return nil, err
		}
		reasons = append(claims, reasons...)
	}
	slices.SortFunc(reasons, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Message, b.Message), cmp.Compare(a.Cause, b.Cause))
	})
	return slices.Compact(reasons), nil
}

// refusals lists why the pods of a Job are refused, by a quota for instance. A
// Job tells that by events alone; a Deployment has a condition for it.
func refusals(ctx context.Context, reader client.Reader, job *unstructured.Unstructured) (Findings, error) {
	var events corev1.EventList
	err := reader.List(ctx, &events, client.InNamespace(job.GetNamespace()), client.MatchingFields{
		"involvedObject.kind": "Job", "involvedObject.name": job.GetName(), "reason": "FailedCreate",
	})
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	var reasons Findings
	for i := range events.Items {
		// What comes before names a pod that never was.
		_, why, found := strings.Cut(events.Items[i].Message, "forbidden: ")
		if found {
			reasons = append(reasons, Finding{v1alpha1.CauseInfrastructure, "pods cannot be created: " + why})
		}
	}
	return reasons, nil
}

func podSelector(obj *unstructured.Unstructured) labels.Selector {
	switch obj.GetKind() {
	case "Deployment":
		match, _, _ := unstructured.NestedStringMap(obj.Object, "spec", "selector", "matchLabels")
		return labels.SelectorFromSet(match)
	case "Job":
		return labels.SelectorFromSet(labels.Set{"batch.kubernetes.io/job-name": obj.GetName()})
	case "Cluster":
		return labels.SelectorFromSet(labels.Set{cnpg.LabelCluster: obj.GetName()})
	}
	return nil
}

// OfPod lists what keeps one pod from running. One that is to end need not.
func OfPod(pod *corev1.Pod, now time.Time) Findings {
	var reasons Findings
	if pod.DeletionTimestamp != nil {
		return reasons
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			reasons = append(reasons, Finding{v1alpha1.CauseInfrastructure, "no node for the pod: " + c.Message})
		}
	}
	for _, s := range append(slices.Clone(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses...) {
		if finding := containerReason(s, now); finding.Message != "" {
			finding.Message = fmt.Sprintf("container %s: %s", s.Name, finding.Message)
			reasons = append(reasons, finding)
		}
	}
	return reasons
}

// containerReason says what keeps one container from doing its work, in the same
// words whether it is about to start again, runs for a moment, or has just ended.
func containerReason(s corev1.ContainerStatus, now time.Time) Finding {
	last := s.LastTerminationState.Terminated
	if s.State.Terminated != nil {
		last = s.State.Terminated
	}
	switch {
	case s.Ready || (s.State.Terminated != nil && s.State.Terminated.ExitCode == 0):
		return Finding{}
	case s.RestartCount >= fewestCrashes && last != nil && !ranWell(s, last, now):
		return Finding{v1alpha1.CauseApplication, fmt.Sprintf("crashes again and again, exit code %d %s: see its log", last.ExitCode, last.Reason)}
	case s.State.Waiting != nil && !starting(s.State.Waiting.Reason):
		return waiting(s)
	case s.State.Terminated != nil:
		return Finding{v1alpha1.CauseUnknown, fmt.Sprintf("exit code %d, see its log", s.State.Terminated.ExitCode)}
	default:
		return Finding{}
	}
}

// ranWell tells that a container runs for long, or had done so when it ended.
func ranWell(s corev1.ContainerStatus, last *corev1.ContainerStateTerminated, now time.Time) bool {
	if running := s.State.Running; running != nil {
		return !running.StartedAt.IsZero() && now.Sub(running.StartedAt.Time) > calm
	}
	return last.FinishedAt.Sub(last.StartedAt.Time) > calm
}

// starting are reasons that every pod passes through.
func starting(reason string) bool {
	return reason == "ContainerCreating" || reason == "PodInitializing"
}

func waiting(s corev1.ContainerStatus) Finding {
	switch reason := s.State.Waiting.Reason; reason {
	case "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull":
		// The kubelet alternates between these; one word keeps the condition still.
		return Finding{v1alpha1.CauseInfrastructure, fmt.Sprintf("image %s cannot be pulled: check its name, spec.images.registry and spec.images.pullSecrets", s.Image)}
	case "CrashLoopBackOff":
		return Finding{v1alpha1.CauseUnknown, "has crashed: see its log"}
	case "CreateContainerConfigError":
		return Finding{v1alpha1.CauseConfiguration, "cannot be configured: " + s.State.Waiting.Message}
	default:
		return Finding{v1alpha1.CauseUnknown, reason}
	}
}

// claimReasons lists volume claims that wait for a StorageClass that does not exist.
func claimReasons(ctx context.Context, reader client.Reader, namespace string, selector labels.Selector) (Findings, error) {
	var claims corev1.PersistentVolumeClaimList
	if err := reader.List(ctx, &claims, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, fmt.Errorf("list volume claims: %w", err)
	}
	var reasons Findings
	for i := range claims.Items {
		claim := &claims.Items[i]
		if claim.Status.Phase != corev1.ClaimPending {
			continue
		}
		if claim.Spec.StorageClassName == nil {
			reasons = append(reasons, Finding{v1alpha1.CauseInfrastructure, "the volume has no StorageClass: name one in spec.database.storageClassName or mark one as default"})
			continue
		}
		err := reader.Get(ctx, client.ObjectKey{Name: *claim.Spec.StorageClassName}, &storagev1.StorageClass{})
		switch {
		case apierrors.IsNotFound(err):
			reasons = append(reasons, Finding{v1alpha1.CauseInfrastructure, fmt.Sprintf("StorageClass %q does not exist: create it; kubectl get storageclass lists those there are", *claim.Spec.StorageClassName)})
		case err != nil:
			return nil, fmt.Errorf("get StorageClass: %w", err)
		}
	}
	return reasons, nil
}
