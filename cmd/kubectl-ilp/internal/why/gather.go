package why

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/cmd/kubectl-ilp/internal/blocker"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/mask"
	"ilp.health/operator/cmd/kubectl-ilp/internal/page"
	"ilp.health/operator/cmd/kubectl-ilp/internal/parts"
)

// recent is how old a warning may be.
const recent = time.Hour

// logLimit is how much of a log is read, in bytes.
const logLimit = 64 << 10

// gatherer reads evidence in one namespace.
type gatherer struct {
	factory   *cmdutil.Factory
	client    client.Client
	namespace string
	masker    *mask.Masker
	notes     []string
}

func (g *gatherer) mask(text string) string { return g.masker.Mask(text) }

// readSecrets takes the values that must not be shown. They are never printed.
func (g *gatherer) readSecrets(ctx context.Context) error {
	var secrets corev1.SecretList
	err := g.client.List(ctx, &secrets, client.InNamespace(g.namespace))
	switch {
	case apierrors.IsForbidden(err):
		g.notes = append(g.notes, "you may not read Secrets in "+g.namespace+", so only what looks like a password is masked")
	case err != nil:
		return fmt.Errorf("read the Secrets whose values are to be masked: %w", err)
	}
	g.masker = mask.New(secrets.Items)
	return nil
}

// pod finds the first pod that fails, or else is not ready, with the end of the
// log of its container that does not run.
func (g *gatherer) pod(ctx context.Context, unready []*parts.Part) *pod {
	worst := worstPod(unready)
	if worst == nil {
		return nil
	}
	found := &pod{Name: worst.Name}
	status := worstContainer(worst)
	if status == nil {
		return found
	}
	found.Container, found.State = status.Name, g.mask(describe(status))
	if status.State.Waiting != nil && status.RestartCount == 0 {
		return found // it has never run
	}
	log, err := g.log(ctx, worst.Name, status)
	if err != nil {
		g.notes = append(g.notes, fmt.Sprintf("the log cannot be read: %v", err))
	}
	found.Log = log
	return found
}

func worstPod(unready []*parts.Part) *corev1.Pod {
	var found *corev1.Pod
	for _, p := range unready {
		if pod, ok := p.Object.(*corev1.Pod); ok {
			if p.State == parts.Failed {
				return pod
			}
			if found == nil {
				found = pod
			}
		}
	}
	return found
}

// worstContainer is the first one that is not ready, in the order in which they
// start; those that have done their work are passed over.
func worstContainer(pod *corev1.Pod) *corev1.ContainerStatus {
	all := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
	for i := range all {
		if s := &all[i]; !s.Ready && (s.State.Terminated == nil || s.State.Terminated.ExitCode != 0) {
			return s
		}
	}
	return nil
}

func describe(s *corev1.ContainerStatus) string {
	var text string
	switch {
	case s.State.Waiting != nil:
		text = joined("waiting", s.State.Waiting.Reason, s.State.Waiting.Message)
	case s.State.Terminated != nil:
		text = "ended with " + ended(s.State.Terminated)
	case s.State.Running != nil:
		text = "running, not ready"
	default:
		text = "not started"
	}
	if last := s.LastTerminationState.Terminated; last != nil {
		text += "; before that it ended with " + ended(last)
	}
	if s.RestartCount > 0 {
		text += fmt.Sprintf("; %d restarts", s.RestartCount)
	}
	return text
}

func ended(t *corev1.ContainerStateTerminated) string {
	return joined(fmt.Sprintf("exit code %d", t.ExitCode), t.Reason, t.Message)
}

func joined(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), ": ")
}

// log is the end of what a container has written: before it ended, where it is
// about to start again.
func (g *gatherer) log(ctx context.Context, pod string, s *corev1.ContainerStatus) ([]string, error) {
	config, err := g.factory.Config()
	if err != nil {
		return nil, err
	}
	core, err := typedcorev1.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	stream, err := core.Pods(g.namespace).GetLogs(pod, &corev1.PodLogOptions{
		Container: s.Name, Previous: s.State.Waiting != nil, TailLines: ptr.To[int64](10 * mostLines), LimitBytes: ptr.To[int64](logLimit),
	}).Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Close() }()
	raw, err := io.ReadAll(io.LimitReader(stream, logLimit))
	if err != nil {
		return nil, err
	}
	// A secret may have several lines, so it goes before the text is cut.
	text := g.mask(string(raw))
	var lines []string
	for line := range strings.Lines(text) {
		if line = page.Short(line, longestLine); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-mostLines):], nil
}

// reference to an object that an event is about.
type reference struct{ kind, name string }

// involved are the resource itself, its objects and those between them.
func involved(s blocker.Subject, list []*parts.Part) map[reference]bool {
	all := map[reference]bool{}
	if s.Kind == blocker.Puskesmas {
		all[reference{"Puskesmas", s.Puskesmas}] = true
	}
	var add func(list []*parts.Part)
	add = func(list []*parts.Part) {
		for _, p := range list {
			all[reference{p.Kind, p.Name}] = true
			for _, name := range p.ReplicaSets {
				all[reference{"ReplicaSet", name}] = true
			}
			add(p.Parts)
		}
	}
	add(list)
	return all
}

// events are the latest warnings about some objects.
func (g *gatherer) events(ctx context.Context, now time.Time, about map[reference]bool) ([]event, error) {
	var list corev1.EventList
	if err := g.client.List(ctx, &list, client.InNamespace(g.namespace)); err != nil {
		if apierrors.IsForbidden(err) {
			g.notes = append(g.notes, "you may not read events in "+g.namespace)
			return nil, nil
		}
		return nil, fmt.Errorf("list events: %w", err)
	}
	var found []event
	for i := range list.Items {
		e := &list.Items[i]
		at := timeOf(e)
		if e.Type != corev1.EventTypeWarning || now.Sub(at) > recent || !about[reference{e.InvolvedObject.Kind, e.InvolvedObject.Name}] {
			continue
		}
		found = append(found, event{at.UTC(), e.InvolvedObject.Kind + " " + e.InvolvedObject.Name, e.Reason, g.mask(e.Message), countOf(e)})
	}
	slices.SortStableFunc(found, func(a, b event) int { return b.Time.Compare(a.Time) })
	return found[:min(len(found), mostEvents)], nil
}

// timeOf an event is when it was last seen, wherever its writer notes that.
func timeOf(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	default:
		return e.CreationTimestamp.Time
	}
}

func countOf(e *corev1.Event) int32 {
	if e.Series != nil {
		return e.Series.Count
	}
	return e.Count
}
