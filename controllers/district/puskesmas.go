package district

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/status"
)

// namedPuskesmas is how many Puskesmas a message names.
const namedPuskesmas = 3

// listPuskesmas finds the district's facilities: pilots first, then by priority
// and name.
func (r *Reconciler) listPuskesmas(ctx context.Context, s *scope) error {
	var list v1alpha1.PuskesmasList
	if err := r.Client.List(ctx, &list, client.InNamespace(s.namespace)); err != nil {
		return fmt.Errorf("list Puskesmas: %w", err)
	}
	s.puskesmas = slices.DeleteFunc(list.Items, func(p v1alpha1.Puskesmas) bool { return !p.DeletionTimestamp.IsZero() })
	slices.SortFunc(s.puskesmas, func(a, b v1alpha1.Puskesmas) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(priority(a), priority(b)),
			cmp.Compare(a.Name, b.Name),
		)
	})
	s.countPuskesmas()
	return nil
}

func rank(p v1alpha1.Puskesmas) int {
	if p.Spec.ILP.Stage == "Pilot" {
		return 0
	}
	return 1
}

func priority(p v1alpha1.Puskesmas) int32 {
	if p.Spec.ILP.Priority == nil {
		return 1000
	}
	return *p.Spec.ILP.Priority
}

// releases are the one that a Puskesmas is brought to and the one that served
// before, by its record, or by its status where it has none.
func (s *scope) releases(p *v1alpha1.Puskesmas) (target, served string) {
	recorded, said := s.recordOf(p), p.Status.Release
	if recorded == nil || cmp.Or(recorded.Target, recorded.Running) == "" || pin.IsHandedOut(p, p.Spec.Release) {
		return cmp.Or(said.Target, said.Current), said.Current
	}
	return cmp.Or(recorded.Target, recorded.Running), cmp.Or(recorded.Running, said.Current)
}

// recordOf is the record of a Puskesmas, or nil. Of a code that two have it is
// that of the older one.
func (s *scope) recordOf(p *v1alpha1.Puskesmas) *record.Record {
	for i := range s.puskesmas {
		if other := &s.puskesmas[i]; other.Spec.Code == p.Spec.Code && older(other, p) {
			return nil
		}
	}
	return s.records[record.WriterOf(p.Spec.Code)]
}

// speaks reports whether the status of a Puskesmas is of its present spec and of
// the release that it is brought to, or says why there is none.
func (s *scope) speaks(p *v1alpha1.Puskesmas) bool {
	target, _ := s.releases(p)
	said := cmp.Or(p.Status.Release.Target, p.Status.Release.Current)
	return p.Status.ObservedGeneration == p.Generation && (said == "" || said == target)
}

func (s *scope) isReady(p *v1alpha1.Puskesmas) bool {
	return s.speaks(p) && meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionReady)
}

// isPinned reports whether a Puskesmas has a release of its own.
func (s *scope) isPinned(p *v1alpha1.Puskesmas) bool {
	pinned := pin.Of(p, p.Spec.Release)
	return pinned != "" && pinned != s.release.Name
}

// stands reports whether a Puskesmas is ready on the district's release, or on
// the one that it is pinned to, or asleep as a person wants it to be.
func (s *scope) stands(p *v1alpha1.Puskesmas) bool {
	target, _ := s.releases(p)
	return s.isReady(p) && (s.isPinned(p) || p.Spec.State == v1alpha1.StateHibernated ||
		(target == s.release.Name && p.Status.Release.Current == s.release.Name))
}

// countPuskesmas counts who stands.
func (s *scope) countPuskesmas() {
	s.unready = nil
	var ready, pinned int32
	for i := range s.puskesmas {
		if s.isPinned(&s.puskesmas[i]) {
			pinned++
		}
		if p := &s.puskesmas[i]; s.stands(p) {
			ready++
		} else {
			s.unready = append(s.unready, p)
		}
	}
	total := int32(len(s.puskesmas)) //nolint:gosec // the API server holds far fewer
	count := &s.district.Status.Puskesmas
	count.Total, count.Ready, count.Pinned, count.Summary = &total, &ready, &pinned, fmt.Sprintf("%d/%d", ready, total)
	switch {
	case total == 0:
		s.conditions.True(v1alpha1.ConditionPuskesmasReady, v1alpha1.ReasonSucceeded, "no Puskesmas is registered yet in namespace "+s.namespace)
	case ready == total:
		s.conditions.True(v1alpha1.ConditionPuskesmasReady, v1alpha1.ReasonSucceeded, fmt.Sprintf("all %d Puskesmas are ready", total))
	default:
		s.conditions.False(v1alpha1.ConditionPuskesmasReady, v1alpha1.ReasonProgressing, s.unreadyMessage())
	}
}

// unreadyMessage names the first Puskesmas that are not ready, with their
// reason: those that fail first, then those on their way, then those whose turn
// has not come.
func (s *scope) unreadyMessage() string {
	waiting := slices.Clone(s.unready)
	slices.SortStableFunc(waiting, func(a, b *v1alpha1.Puskesmas) int { return cmp.Compare(s.urgency(a), s.urgency(b)) })
	var names []string
	for _, p := range waiting[:min(len(waiting), namedPuskesmas)] {
		names = append(names, fmt.Sprintf("%s (%s)", p.Name, s.unreadyReason(p)))
	}
	message := fmt.Sprintf("%s Puskesmas are ready; waiting for %s", s.district.Status.Puskesmas.Summary, strings.Join(names, ", "))
	if rest := len(waiting) - namedPuskesmas; rest > 0 {
		message += fmt.Sprintf(" and %d more", rest)
	}
	return message + fmt.Sprintf("; see kubectl get puskesmas -n %s", s.namespace)
}

func (s *scope) unreadyReason(p *v1alpha1.Puskesmas) string {
	ready := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	target, _ := s.releases(p)
	switch {
	case p.Spec.State == v1alpha1.StateSuspended:
		return v1alpha1.ReasonSuspended
	case ready == nil:
		return "not yet seen"
	case s.isReady(p) && target != s.release.Name:
		return "its turn comes"
	case ready.Status == metav1.ConditionTrue:
		return "on its way to the release"
	default:
		return ready.Reason
	}
}

func (s *scope) urgency(p *v1alpha1.Puskesmas) int {
	target, _ := s.releases(p)
	switch {
	case s.failureOf(p) != v1alpha1.CauseUnknown:
		return 0
	case target == s.release.Name:
		return 1
	default:
		return 2
	}
}

// failureOf is the cause of a Puskesmas' failure, CauseUnknown if it tells of none.
func (s *scope) failureOf(p *v1alpha1.Puskesmas) v1alpha1.FailureCause {
	ready := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || !s.speaks(p) {
		return v1alpha1.CauseUnknown
	}
	return v1alpha1.CauseOf(ready.Reason)
}

// failure says what a person has to do about the first Puskesmas that fails, or
// that one is waited for which fails for now; nil if none does.
func (s *scope) failure() *status.Stop {
	var passing *status.Stop
	for _, p := range s.unready {
		cause := s.failureOf(p)
		if cause == v1alpha1.CauseUnknown {
			continue
		}
		ready := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
		stop := &status.Stop{
			Stalled: meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionStalled),
			Reason:  failureReasons[cause],
			Message: fmt.Sprintf("%s Puskesmas are ready; Puskesmas %s: %s: %s", s.district.Status.Puskesmas.Summary, p.Name, ready.Reason, ready.Message),
		}
		if ready.Reason == v1alpha1.ReasonDataMissing {
			stop.Reason = ready.Reason
		}
		if stop.Stalled {
			if s.from != "" {
				stop.Message = fmt.Sprintf("the way from %s to %s is held, no other Puskesmas is begun: %s", s.from, s.release.Name, stop.Message)
			}
			return stop
		}
		if passing == nil {
			passing = stop
		}
	}
	return passing
}

// failureReasons are the district's reasons where one of its Puskesmas fails.
var failureReasons = map[v1alpha1.FailureCause]string{
	v1alpha1.CauseInfrastructure: v1alpha1.ReasonInfrastructureFailed,
	v1alpha1.CauseApplication:    v1alpha1.ReasonApplicationFailed,
	v1alpha1.CauseConfiguration:  v1alpha1.ReasonConfigurationFailed,
}
