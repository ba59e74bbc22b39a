package district

import "k8s.io/apimachinery/pkg/util/intstr"

// defaultMaxConcurrent is how many Puskesmas are changed at once where the
// district does not say.
var defaultMaxConcurrent = intstr.FromString("25%")

// facility is a Puskesmas as its turn depends on it.
type facility struct {
	// pilot goes before all that are not.
	pilot bool
	// fresh runs no release yet: nobody works with it, and it takes the release by
	// itself.
	fresh bool
	// asleep is suspended or hibernated by a person.
	asleep bool
	// given is brought to the release; stands runs it and is ready.
	given, stands bool
	// admitted may go to the release and has not written that down yet.
	admitted bool
	// elsewhere is on its way to another release.
	elsewhere bool
	// stalled has been given or admitted to the release and needs a person.
	stalled bool
}

// turns finds who is admitted to the release now, by their place in the list,
// which is in the order of the upgrade. Who was admitted before stays so until it
// goes. Not more than limit are on their way at once, to whichever release;
// pilots come to their end first, and none is begun while one has failed. Who
// fails on its way elsewhere may turn to the release, which may be its repair.
func turns(facilities []facility, limit int) (now []int) {
	busy, failed, pilots := 0, false, false
	for _, f := range facilities {
		switch {
		case f.fresh || f.stands:
		case f.given || (f.admitted && !f.asleep):
			busy++
			failed = failed || f.stalled
		case f.elsewhere && !f.asleep:
			busy++
		}
		pilots = pilots || (f.pilot && !f.stands && !f.fresh && !f.asleep)
	}
	for i, f := range facilities {
		switch {
		case f.given || f.fresh || f.asleep:
		case failed && (!f.admitted || !f.stalled):
		case f.admitted:
			now = append(now, i)
		case f.elsewhere:
			now = append(now, i) // before pilots too: it holds a place that they may need
		case pilots && !f.pilot:
		case busy < limit:
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
