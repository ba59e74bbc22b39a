// Package blocker finds the one thing that keeps a district or a Puskesmas from
// standing, from what the operator says of it, and what a person does about it.
package blocker

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

// ReasonNotSeen is the plugin's own: the operator has not yet looked at the spec.
const ReasonNotSeen = "NotSeen"

// Outcome is how a resource stands, in the words of wave status.
type Outcome string

const (
	// Ready has everything that is asked for.
	Ready Outcome = "Ready"
	// InProgress goes on by itself.
	InProgress Outcome = "InProgress"
	// Suspended waits for the person who suspended it.
	Suspended Outcome = "Suspended"
	// Held waits for a person.
	Held Outcome = "Held"
)

// Blocker is what keeps a resource from standing.
type Blocker struct {
	// Subject is the resource whose word it is: not always the one that was asked about.
	Subject Subject `json:"-"`
	// Object is what messages call it.
	Object  string    `json:"object"`
	Outcome Outcome   `json:"outcome"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Since   time.Time `json:"since,omitzero"`
	// Next is empty where it goes on by itself.
	Next string `json:"next,omitempty"`
}

// OutcomeOf reads a resource's conditions. A status that speaks of another spec
// says nothing about this one.
func OutcomeOf(conditions []metav1.Condition, observed, generation int64) Outcome {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil || observed != generation:
		return InProgress
	case ready.Status == metav1.ConditionTrue:
		return Ready
	case meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionStalled):
		return Held
	case ready.Reason == v1alpha1.ReasonSuspended:
		return Suspended
	default:
		return InProgress
	}
}

// own is what a resource says of itself; nil if it stands.
func own(s Subject, conditions []metav1.Condition, observed, generation int64) *Blocker {
	b := &Blocker{Subject: s, Object: s.Name(), Outcome: OutcomeOf(conditions, observed, generation)}
	if b.Outcome == Ready {
		return nil
	}
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if ready == nil || observed != generation {
		b.Reason, b.Message = ReasonNotSeen, "the operator has not looked at this spec yet"
	} else {
		b.Reason, b.Message, b.Since = ready.Reason, ready.Message, ready.LastTransitionTime.UTC()
	}
	b.Next = Next(s, b.Reason)
	if b.Next == "" && b.Outcome == Held {
		b.Next = "do what the message says; it does not go on by itself"
	}
	return b
}

func subjectOf(d *v1alpha1.District) Subject {
	return Subject{
		Kind: District, District: d.Name, Wave: string(d.Spec.WaveRef.Name),
		Release: d.Status.Release.Target, Namespace: v1alpha1.NamespaceFor(d.Spec.Code),
	}
}

func ofPuskesmas(d *v1alpha1.District, p *v1alpha1.Puskesmas) *Blocker {
	s := subjectOf(d)
	s.Kind, s.Puskesmas = Puskesmas, p.Name
	s.Release = cmp.Or(string(p.Spec.Release), p.Status.Release.Target, s.Release)
	return own(s, p.Status.Conditions, p.Status.ObservedGeneration, p.Generation)
}

// OfDistrict finds what keeps a district from standing; nil if it stands. Where
// that is one of its Puskesmas, the blocker is the Puskesmas's own.
func OfDistrict(d *v1alpha1.District, puskesmas []v1alpha1.Puskesmas) *Blocker {
	b := own(subjectOf(d), d.Status.Conditions, d.Status.ObservedGeneration, d.Generation)
	if b == nil || !passedOn(b.Reason) {
		return b
	}
	worst := worstOf(d, puskesmas)
	if worst == nil || (ofItsOwn(d, b.Message) && (worst.Outcome != Held || b.Outcome == Held)) {
		return b
	}
	return worst
}

// OfPuskesmas finds what keeps a Puskesmas from standing; nil if it stands.
// Where it waits for its district, the blocker is the district's.
func OfPuskesmas(d *v1alpha1.District, p *v1alpha1.Puskesmas, all []v1alpha1.Puskesmas) *Blocker {
	b := ofPuskesmas(d, p)
	if b == nil || (b.Reason != v1alpha1.ReasonDependencyNotReady && b.Reason != v1alpha1.ReasonAwaitingRelease) {
		return b
	}
	others := slices.DeleteFunc(slices.Clone(all), func(o v1alpha1.Puskesmas) bool { return o.Name == p.Name })
	if district := OfDistrict(d, others); district != nil {
		return district
	}
	return b
}

// passedOn are a district's reasons that may be those of a Puskesmas.
func passedOn(reason string) bool {
	switch reason {
	case v1alpha1.ReasonProgressing, v1alpha1.ReasonUpgrading, v1alpha1.ReasonInfrastructureFailed,
		v1alpha1.ReasonApplicationFailed, v1alpha1.ReasonConfigurationFailed:
		return true
	}
	return false
}

// ofItsOwn reports whether a district speaks of its own namespace, database or
// dashboard: then its message is, or ends with, that of their condition.
func ofItsOwn(d *v1alpha1.District, message string) bool {
	for _, name := range []string{v1alpha1.ConditionIsolationReady, v1alpha1.ConditionDatabaseReady, v1alpha1.ConditionDashboardReady} {
		c := meta.FindStatusCondition(d.Status.Conditions, name)
		if c != nil && c.Status != metav1.ConditionTrue && strings.HasSuffix(message, c.Message) {
			return true
		}
	}
	return false
}

// worstOf is what blocks the Puskesmas that needs somebody most: one that is
// held, then one that fails for now, then one that is suspended, then one on its
// way, then one that waits.
func worstOf(d *v1alpha1.District, puskesmas []v1alpha1.Puskesmas) *Blocker {
	var worst *Blocker
	for i := range puskesmas {
		if b := ofPuskesmas(d, &puskesmas[i]); b != nil && (worst == nil || urgency(b) < urgency(worst)) {
			worst = b
		}
	}
	return worst
}

func urgency(b *Blocker) int {
	switch {
	case b.Outcome == Held:
		return 0
	case v1alpha1.CauseOf(b.Reason) != v1alpha1.CauseUnknown:
		return 1
	case b.Outcome == Suspended:
		return 2
	case b.Reason == v1alpha1.ReasonDependencyNotReady, b.Reason == v1alpha1.ReasonAwaitingRelease:
		return 4
	default:
		return 3
	}
}
