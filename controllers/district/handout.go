package district

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
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
	r.countPuskesmas(s)
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

// handRelease writes the release to the Puskesmas whose turn it is, unless Git
// pins them, and counts. One that cannot be written does not stop the others,
// and one that turns out to be pinned gives its place to the next.
func (r *Reconciler) handRelease(ctx context.Context, s *scope) error {
	errs := r.askPinned(ctx, s)
	for again := true; again; {
		again = false
		for _, p := range r.nextPuskesmas(s) {
			pinned, err := r.handTo(ctx, s, p)
			again = again || (pinned && err == nil)
			errs = append(errs, err)
		}
	}
	var pinned int32
	for i := range s.puskesmas {
		if r.isPinned(s, &s.puskesmas[i]) {
			pinned++
		}
	}
	s.district.Status.Puskesmas.Pinned = &pinned
	// Who has just been given another release is not ready on it.
	r.countPuskesmas(s)
	return errors.Join(errs...)
}

// nextPuskesmas are those whose turn it is.
func (r *Reconciler) nextPuskesmas(s *scope) []*v1alpha1.Puskesmas {
	var candidates []*v1alpha1.Puskesmas
	var facilities []facility
	for i := range s.puskesmas {
		if p := &s.puskesmas[i]; !r.isPinned(s, p) {
			candidates = append(candidates, p)
			facilities = append(facilities, r.facility(s, p))
		}
	}
	var next []*v1alpha1.Puskesmas
	for _, i := range turns(facilities, s.limit()) {
		next = append(next, candidates[i])
	}
	return next
}

// handTo writes the release to one Puskesmas by server-side apply, without
// force: whoever has set the field otherwise keeps it.
func (r *Reconciler) handTo(ctx context.Context, s *scope, p *v1alpha1.Puskesmas) (pinned bool, err error) {
	if last, ok := r.given.Load(p.UID); ok && last == asked(s, p) {
		return false, nil // the cache does not show it yet
	}
	pinned, err = r.give(ctx, s, p)
	if err == nil && !pinned {
		r.given.Store(p.UID, asked(s, p))
	}
	return pinned, err
}

// askPinned finds out, without changing anything, whose pin is gone. Whoever
// gives up a field need not change it, so each change of a pinned Puskesmas is a
// reason to ask.
func (r *Reconciler) askPinned(ctx context.Context, s *scope) []error {
	var errs []error
	for i := range s.puskesmas {
		p := &s.puskesmas[i]
		if last, ok := r.pins.Load(p.UID); ok && last.(question).asked == asked(s, p) && last.(question).version != p.ResourceVersion {
			_, err := r.give(ctx, s, p, client.DryRunAll)
			errs = append(errs, err)
		}
	}
	return errs
}

// give writes the release, or with dry run only asks, and remembers a pin.
func (r *Reconciler) give(ctx context.Context, s *scope, p *v1alpha1.Puskesmas, options ...client.ApplyOption) (pinned bool, err error) {
	if string(p.Spec.Release) != s.release.Name && pin.Applied(p, p.Spec.Release) {
		r.pins.Store(p.UID, question{asked(s, p), p.ResourceVersion})
		return true, nil
	}
	patch := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"release": s.release.Name}}}
	patch.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Puskesmas"))
	patch.SetNamespace(p.Namespace)
	patch.SetName(p.Name)
	patch.SetUID(p.UID)
	err = r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(patch), append(options, client.FieldOwner(v1alpha1.ManagerDistrict))...)
	switch {
	case pin.Refused(err) && p.Spec.Release != "":
		r.pins.Store(p.UID, question{asked(s, p), p.ResourceVersion})
		return true, nil
	case err != nil:
		return false, fmt.Errorf("hand release %s to Puskesmas %s: %w", s.release.Name, p.Name, err)
	}
	r.pins.Delete(p.UID)
	return false, nil
}

// question is what a Puskesmas was asked to take that holds a release of its own,
// and its version then.
type question struct{ asked, version string }

func isReady(p *v1alpha1.Puskesmas) bool {
	return p.Status.ObservedGeneration == p.Generation && meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionReady)
}

// asked is what a Puskesmas has been asked to take, and need not be asked again.
func asked(s *scope, p *v1alpha1.Puskesmas) string {
	return fmt.Sprintf("%d %s", p.Generation, s.release.Name)
}

// isPinned reports whether a Puskesmas is known to hold a release of its own.
func (r *Reconciler) isPinned(s *scope, p *v1alpha1.Puskesmas) bool {
	last, ok := r.pins.Load(p.UID)
	return ok && last.(question).asked == asked(s, p)
}

// stands reports whether a Puskesmas is ready on the district's release, or on
// the one that it is pinned to, or asleep as a person wants it to be.
func (r *Reconciler) stands(s *scope, p *v1alpha1.Puskesmas) bool {
	return isReady(p) && (s.release == nil || p.Status.Release.Current == s.release.Name || r.isPinned(s, p) ||
		p.Spec.State == v1alpha1.StateHibernated)
}

// countPuskesmas counts who stands.
func (r *Reconciler) countPuskesmas(s *scope) {
	s.unready = nil
	var ready int32
	for i := range s.puskesmas {
		if p := &s.puskesmas[i]; r.stands(s, p) {
			ready++
		} else {
			s.unready = append(s.unready, p)
		}
	}
	total := int32(len(s.puskesmas)) //nolint:gosec // the API server holds far fewer
	count := &s.district.Status.Puskesmas
	count.Total, count.Ready, count.Summary = &total, &ready, fmt.Sprintf("%d/%d", ready, total)
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
	switch {
	case p.Spec.State == v1alpha1.StateSuspended:
		return v1alpha1.ReasonSuspended
	case isReady(p) && s.release != nil && string(p.Spec.Release) != s.release.Name:
		return "its turn comes"
	case isReady(p):
		return "on its way to the release"
	case ready == nil:
		return "not yet seen"
	default:
		return ready.Reason
	}
}

func (s *scope) urgency(p *v1alpha1.Puskesmas) int {
	switch {
	case failureOf(p) != v1alpha1.CauseUnknown:
		return 0
	case s.release != nil && string(p.Spec.Release) == s.release.Name:
		return 1
	default:
		return 2
	}
}

// failureOf is the cause of a Puskesmas' failure, CauseUnknown if it tells of none.
func failureOf(p *v1alpha1.Puskesmas) v1alpha1.FailureCause {
	ready := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || p.Status.ObservedGeneration != p.Generation {
		return v1alpha1.CauseUnknown
	}
	return v1alpha1.CauseOf(ready.Reason)
}

// failure says what a person has to do about the first Puskesmas that fails, or
// that one is waited for which fails for now; nil if none does.
func (s *scope) failure() error {
	var passing *status.Stop
	for _, p := range s.unready {
		cause := failureOf(p)
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
			if s.from != nil {
				stop.Message = fmt.Sprintf("the way from %s to %s is held, no other Puskesmas is begun: %s", s.from.Name, s.release.Name, stop.Message)
			}
			return stop
		}
		if passing == nil {
			passing = stop
		}
	}
	if passing != nil {
		return passing
	}
	return nil
}

// failureReasons are the district's reasons where one of its Puskesmas fails.
var failureReasons = map[v1alpha1.FailureCause]string{
	v1alpha1.CauseInfrastructure: v1alpha1.ReasonInfrastructureFailed,
	v1alpha1.CauseApplication:    v1alpha1.ReasonApplicationFailed,
	v1alpha1.CauseConfiguration:  v1alpha1.ReasonConfigurationFailed,
}
