package district

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/intstr"

	"ilp.health/operator/api/v1alpha1"
)

// defaultMaxConcurrent is how many Puskesmas are changed at once where the
// district does not say.
var defaultMaxConcurrent = intstr.FromString("25%")

// facility is a Puskesmas as its turn depends on it.
type facility struct {
	// pilot goes before all that are not.
	pilot bool
	// fresh runs no release yet: nobody works with it.
	fresh bool
	// asleep is suspended or hibernated by a person.
	asleep bool
	// given has been handed the release; stands runs it and is ready.
	given, stands bool
	// stalled has been given the release and needs a person.
	stalled bool
}

// turns finds who is handed the release now, by their place in the list, which
// is in the order of the upgrade. Fresh facilities are always among them: there
// is nothing to lose. Of the others not more than limit are on their way at
// once, pilots come to their end first, and none is begun while one has failed.
func turns(facilities []facility, limit int) (now []int) {
	busy, failed, pilots := 0, false, false
	for _, f := range facilities {
		switch {
		case f.fresh || f.stands:
		case f.given:
			busy++
			failed = failed || f.stalled
		}
		pilots = pilots || (f.pilot && !f.stands && !f.fresh && !f.asleep)
	}
	for i, f := range facilities {
		switch {
		case f.given:
		case f.fresh:
			now = append(now, i)
		case f.asleep || failed || busy >= limit || (pilots && !f.pilot):
		default:
			now = append(now, i)
			busy++
		}
	}
	return now
}

// limit is how many Puskesmas are changed at once.
func (s *scope) limit() int {
	most := s.district.Spec.Upgrade.MaxConcurrent
	if most == nil {
		most = &defaultMaxConcurrent
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(most, len(s.puskesmas), false)
	if err != nil {
		return 1 // the API server lets nothing else through
	}
	return max(n, 1)
}

// facility looks at a Puskesmas that is not pinned.
func (r *Reconciler) facility(s *scope, p *v1alpha1.Puskesmas) facility {
	given := string(p.Spec.Release) == s.release.Name
	return facility{
		pilot:  rank(*p) == 0,
		fresh:  p.Status.Release.Current == "",
		asleep: p.Spec.State == v1alpha1.StateSuspended || p.Spec.State == v1alpha1.StateHibernated,
		given:  given,
		stands: r.stands(s, p),
		stalled: given && p.Status.ObservedGeneration == p.Generation &&
			meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionStalled),
	}
}
