package district

import (
	"cmp"
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/resolve"
)

// maxAdmitted is the limit of status.admitted.
const maxAdmitted = 256

// admit lets the Puskesmas go whose turn it is: each finds itself in
// status.admitted and writes the release down as its target. New ones take
// status.release.target by themselves.
func (r *Reconciler) admit(_ context.Context, s *scope) error {
	before := s.district.Status.Admitted
	after := s.admitted(metav1.NewTime(r.Clock.Now()))
	s.admits = s.admits || s.lets(before, after)
	s.district.Status.Admitted = after
	return nil
}

// withdraw takes back what lets Puskesmas go to another release than the
// district's, or to any while that one cannot be reached.
func (s *scope) withdraw() {
	before := s.district.Status.Admitted
	s.district.Status.Admitted = slices.DeleteFunc(slices.Clone(before), func(e v1alpha1.Admission) bool {
		return s.frozen || string(e.To) != s.release.Name
	})
	s.admits = s.lets(before, s.district.Status.Admitted)
}

// admitted are the Puskesmas whose turn it is, sorted by code.
func (s *scope) admitted(now metav1.Time) []v1alpha1.Admission {
	if s.frozen {
		return nil
	}
	var candidates []*v1alpha1.Puskesmas
	var facilities []facility
	for i := range s.puskesmas {
		if p := &s.puskesmas[i]; !s.isPinned(p) {
			candidates = append(candidates, p)
			facilities = append(facilities, s.facility(p))
		}
	}
	var admitted []v1alpha1.Admission
	for _, i := range turns(facilities, s.limit()) {
		entry := s.admissionOf(candidates[i])
		entry.At = now
		if known := resolve.FindAdmission(s.district.Status.Admitted, entry); known != nil {
			entry.At = known.At
		}
		if resolve.FindAdmission(admitted, entry) == nil && len(admitted) < maxAdmitted {
			admitted = append(admitted, entry)
		}
	}
	slices.SortFunc(admitted, func(a, b v1alpha1.Admission) int { return cmp.Compare(a.Code, b.Code) })
	return admitted
}

// admissionOf lets a Puskesmas go from where it is to the district's release.
func (s *scope) admissionOf(p *v1alpha1.Puskesmas) v1alpha1.Admission {
	target, _ := s.releases(p)
	return v1alpha1.Admission{Code: p.Spec.Code, From: v1alpha1.ObjectName(target), To: v1alpha1.ObjectName(s.release.Name)}
}

// lets reports whether somebody may go who might not before, or the other way
// round. Of who has gone the entry is only tidied away.
func (s *scope) lets(before, after []v1alpha1.Admission) bool {
	if slices.ContainsFunc(after, func(e v1alpha1.Admission) bool { return resolve.FindAdmission(before, e) == nil }) {
		return true
	}
	return slices.ContainsFunc(before, func(e v1alpha1.Admission) bool {
		return resolve.FindAdmission(after, e) == nil && slices.ContainsFunc(s.puskesmas, func(p v1alpha1.Puskesmas) bool {
			target, _ := s.releases(&p)
			return p.Spec.Code == e.Code && target == string(e.From)
		})
	})
}

// facility looks at a Puskesmas that is not pinned to another release. A pin to
// this one needs no admission.
func (s *scope) facility(p *v1alpha1.Puskesmas) facility {
	release := s.release.Name
	target, served := s.releases(p)
	f := facility{
		pilot:  rank(*p) == 0,
		asleep: p.Spec.State == v1alpha1.StateSuspended || p.Spec.State == v1alpha1.StateHibernated,
		given:  target == release || pin.Of(p, p.Spec.Release) == release,
		stands: s.stands(p),
	}
	f.fresh = target == "" || (f.given && served == "")
	f.admitted = !f.given && resolve.FindAdmission(s.district.Status.Admitted, s.admissionOf(p)) != nil
	f.elsewhere = !f.given && served != "" && served != target && !s.isReady(p)
	f.stalled = s.speaks(p) && meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionStalled) &&
		(f.given || (f.admitted && s.failureOf(p) == v1alpha1.CauseConfiguration))
	return f
}
