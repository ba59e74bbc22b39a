package main

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"ilp.health/operator/api/v1alpha1"
)

// story tells a witness of nine districts with four Puskesmas each: one district
// is in stage canary, eight are in stage rest, of which two may be in flight.
type story struct {
	*witness
	fleet   wave
	version int
}

func newStory() *story {
	s := &story{fleet: newWave(fleet{districts: 9, puskesmas: 4, desa: desaEach})}
	s.witness = newWitness(s.fleet, []v1alpha1.Stage{{Name: "canary", Count: 1}, {Name: "rest", MaxConcurrent: &aQuarter}})
	s.expect(nextRelease)
	return s
}

// district tells that the n-th district has the release as its target, and is so.
func (s *story) district(n int, is string) {
	d := s.fleet.districts[n-1].DeepCopy()
	s.version++
	d.ResourceVersion, d.Status.Release.Target, d.Status.Release.Current = fmt.Sprint(s.version), nextRelease, nextRelease
	d.Status.Conditions = []metav1.Condition{{Type: is, Status: metav1.ConditionTrue}}
	s.see(watch.Event{Type: watch.Modified, Object: d})
}

// puskesmas tells that a Puskesmas of the first district has it as its target, and is so.
func (s *story) puskesmas(n int, is string) {
	p := s.fleet.puskesmas[n-1].DeepCopy()
	s.version++
	p.ResourceVersion, p.Status.Release.Target, p.Status.Release.Current = fmt.Sprint(s.version), nextRelease, firstRelease
	if is == v1alpha1.ConditionReady {
		p.Status.Release.Current = nextRelease
	}
	p.Status.Conditions = []metav1.Condition{{Type: is, Status: metav1.ConditionTrue}}
	s.see(watch.Event{Type: watch.Modified, Object: p})
}

// registered tells of the Puskesmas of the first district as they are before.
func (s *story) registered() {
	for _, p := range s.fleet.puskesmas[:4] {
		p := p.DeepCopy()
		p.Status.Release.Target, p.Status.Release.Current = firstRelease, firstRelease
		s.see(watch.Event{Type: watch.Added, Object: p})
	}
}

const (
	working = v1alpha1.ConditionReconciling
	ready   = v1alpha1.ConditionReady
	stalled = v1alpha1.ConditionStalled
)

func TestWitness(t *testing.T) {
	for name, test := range map[string]struct {
		tell func(*story)
		// want is a part of what the witness finds, or empty.
		want string
	}{
		"all in order": {func(s *story) {
			s.registered()
			s.district(1, working)
			for n := 1; n <= 4; n++ {
				s.puskesmas(n, working)
				s.puskesmas(n, ready)
			}
			s.district(1, ready)
			s.district(2, working)
			s.district(3, stalled)
			s.district(4, working)
		}, ""},
		"a stage before the one before": {func(s *story) {
			s.district(1, working)
			s.district(2, working)
		}, "contoh-2 of stage rest is given ilp-1.1.0 before contoh-1 of stage canary is done"},
		"too many districts": {func(s *story) {
			s.district(1, ready)
			s.district(2, working)
			s.district(3, working)
			s.district(4, working)
		}, "District contoh-4 makes 3 in flight in stage rest, 2 may be"},
		"another Puskesmas before the pilot": {func(s *story) {
			s.registered()
			s.district(1, working)
			s.puskesmas(2, working)
		}, "contoh-2 is given ilp-1.1.0 before the pilot contoh-1 is done"},
		"too many Puskesmas": {func(s *story) {
			s.registered()
			s.district(1, working)
			s.puskesmas(1, ready)
			s.puskesmas(2, working)
			s.puskesmas(3, working)
		}, "contoh-3 makes 2 in flight, 1 may be"},
		"a Puskesmas before its district": {func(s *story) {
			s.puskesmas(1, ready)
			s.district(1, working)
		}, "contoh-1 is given ilp-1.1.0 before its District contoh-1"},
		"a district that is ready before its Puskesmas": {func(s *story) {
			s.district(1, working)
			s.puskesmas(1, working)
			s.district(1, ready)
			s.puskesmas(1, ready)
		}, "District contoh-1 says that it stands on ilp-1.1.0 before its Puskesmas contoh-1 does"},
		"a gap in what is seen": {func(s *story) {
			s.see(watch.Event{Type: watch.Error, Object: &metav1.Status{Message: "too old resource version"}})
		}, "events were lost"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory()
			test.tell(s)
			s.checkDistricts()
			if err := s.err(); (err == nil) != (test.want == "") || (err != nil && !strings.Contains(err.Error(), test.want)) {
				t.Errorf("the witness finds %v, want %q", err, test.want)
			}
		})
	}
}
