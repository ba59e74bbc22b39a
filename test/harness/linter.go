package harness

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// Linter looks at every status that is ever written, and notes what breaks the
// rules of the API (kstatus, and those of package v1alpha1).
type Linter struct {
	mu    sync.Mutex
	last  map[string]statusView
	found map[string]bool
}

// statusView is the part of a status that all kinds share.
type statusView struct {
	ObservedGeneration int64              `json:"observedGeneration"`
	Conditions         []metav1.Condition `json:"conditions"`
}

// StartLinter looks at every status from now on.
func StartLinter(ctx context.Context, c client.WithWatch) *Linter {
	l := &Linter{last: map[string]statusView{}, found: map[string]bool{}}
	for _, gvk := range []schema.GroupVersionKind{DistrictKind, PuskesmasKind, WaveKind, StackReleaseKind} {
		Follow(ctx, c, gvk, l.see)
	}
	return l
}

func (l *Linter) see(event watch.EventType, object *unstructured.Unstructured) {
	if event == watch.Deleted {
		return
	}
	raw, _, _ := unstructured.NestedMap(object.Object, "status")
	var now statusView
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &now); err != nil {
		panic(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before, seen := l.last[string(object.GetUID())]
	if !seen || now.ObservedGeneration == -1 {
		// Only the API server's default says -1: the resource is new, or its status is lost.
		before = statusView{ObservedGeneration: -1}
	}
	l.last[string(object.GetUID())] = now
	for _, problem := range lint(object.GetGeneration(), before, now) {
		l.found[fmt.Sprintf("%s %s/%s: %s", object.GetKind(), object.GetNamespace(), object.GetName(), problem)] = true
	}
}

// Forget takes it that a resource's status is lost, so that the next one follows nothing.
func (l *Linter) Forget(uid types.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.last, string(uid))
}

// Findings lists what was found, and forgets it.
func (l *Linter) Findings() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for finding := range l.found {
		out = append(out, finding)
	}
	l.found = map[string]bool{}
	slices.Sort(out)
	return out
}

var (
	uidPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	// podPattern is a pod of a Deployment: name, replica set, five letters.
	podPattern = regexp.MustCompile(`-[0-9a-f]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b`)
	// generatedPattern is a generated password: 26 letters and digits.
	generatedPattern = regexp.MustCompile(`\b[A-Z2-7]{26}\b`)
)

// lint lists what is wrong with a status that follows another.
func lint(generation int64, before, now statusView) []string {
	var problems []string
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if now.ObservedGeneration > generation {
		report("observedGeneration %d is ahead of generation %d", now.ObservedGeneration, generation)
	}
	if now.ObservedGeneration < before.ObservedGeneration {
		report("observedGeneration went back from %d to %d", before.ObservedGeneration, now.ObservedGeneration)
	}
	if now.ObservedGeneration <= 0 {
		return problems // not yet looked at
	}
	is := func(conditionType string) bool { return meta.IsStatusConditionTrue(now.Conditions, conditionType) }
	if meta.FindStatusCondition(now.Conditions, v1alpha1.ConditionReady) == nil {
		report("there is no condition Ready")
	}
	if is(v1alpha1.ConditionStalled) && is(v1alpha1.ConditionReconciling) {
		report("it is Stalled and Reconciling")
	}
	if is(v1alpha1.ConditionReady) && (is(v1alpha1.ConditionStalled) || is(v1alpha1.ConditionReconciling)) {
		report("it is Ready and also Stalled or Reconciling")
	}
	for _, c := range now.Conditions {
		if c.ObservedGeneration > now.ObservedGeneration {
			report("%s speaks of generation %d, the status of %d", c.Type, c.ObservedGeneration, now.ObservedGeneration)
		}
		if c.Reason == "" || c.Message == "" {
			report("%s has no reason or no message", c.Type)
		}
		for what, pattern := range map[string]*regexp.Regexp{"a UID": uidPattern, "a pod's name": podPattern, "a generated password": generatedPattern} {
			if pattern.MatchString(c.Message) {
				report("%s names %s: %s", c.Type, what, c.Message)
			}
		}
		old := meta.FindStatusCondition(before.Conditions, c.Type)
		if old != nil && old.Status == c.Status && !old.LastTransitionTime.Equal(&c.LastTransitionTime) {
			report("lastTransitionTime of %s moved while its status stayed %s", c.Type, c.Status)
		}
	}
	return problems
}
