package district

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
)

// member is a Puskesmas with a status that says it is ready on a release.
func member(name, current string) v1alpha1.Puskesmas {
	p := v1alpha1.Puskesmas{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.PuskesmasSpec{Code: "P" + name}}
	if current != "" {
		p.Status.Release = v1alpha1.PuskesmasReleaseStatus{Current: current, Target: current}
		p.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSucceeded}}
	}
	return p
}

// TestAdmitted: who may go, and what becomes of the entries that are there.
func TestAdmitted(t *testing.T) {
	const a, b, c = "ilp-1.0.0", "ilp-1.5.0", "ilp-3.0.0"
	before, now := metav1.NewTime(time.Unix(1, 0)), metav1.NewTime(time.Unix(2, 0))
	entry := func(name, from, to string, at metav1.Time) v1alpha1.Admission {
		return v1alpha1.Admission{Code: "P" + name, From: v1alpha1.ObjectName(from), To: v1alpha1.ObjectName(to), At: at}
	}
	pinned := member("one", a)
	pinned.Spec.Release = a
	stale := member("one", a)
	lost := member("one", "")
	double := member("one", "")
	double.UID = "younger"
	double.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonDuplicateCode},
		{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonDuplicateCode},
	}
	for _, tt := range []struct {
		name      string
		puskesmas []v1alpha1.Puskesmas
		records   map[string]*record.Record
		status    []v1alpha1.Admission
		frozen    bool
		want      []v1alpha1.Admission
		lets      bool
	}{
		{name: "the first", puskesmas: []v1alpha1.Puskesmas{member("one", a), member("two", a)}, want: []v1alpha1.Admission{entry("one", a, b, now)}, lets: true},
		{
			name: "it is not said twice", puskesmas: []v1alpha1.Puskesmas{member("one", a), member("two", a)}, status: []v1alpha1.Admission{entry("one", a, b, before)},
			want: []v1alpha1.Admission{entry("one", a, b, before)},
		},
		{name: "not to a pinned one", puskesmas: []v1alpha1.Puskesmas{pinned, member("two", a)}, want: []v1alpha1.Admission{entry("two", a, b, now)}, lets: true},
		{name: "new ones need none", puskesmas: []v1alpha1.Puskesmas{member("one", "")}},
		{
			name: "the record counts", puskesmas: []v1alpha1.Puskesmas{stale, member("two", a)}, records: map[string]*record.Record{"pone": {Target: b, Running: a}},
			status: []v1alpha1.Admission{entry("one", a, b, before)},
		},
		{
			name: "a lost status admits nobody else", puskesmas: []v1alpha1.Puskesmas{lost, member("two", "")},
			records: map[string]*record.Record{"pone": {Target: b, Running: a}, "ptwo": {Target: a, Running: a}},
		},
		{
			name: "to another release, from where it is", puskesmas: []v1alpha1.Puskesmas{member("one", a)}, status: []v1alpha1.Admission{entry("one", a, c, before)},
			want: []v1alpha1.Admission{entry("one", a, b, now)}, lets: true,
		},
		{
			name: "nobody to what cannot be reached", puskesmas: []v1alpha1.Puskesmas{member("one", a), member("two", a)}, status: []v1alpha1.Admission{entry("one", a, b, before)},
			frozen: true, lets: true,
		},
		{
			name: "the older one of two with a code", puskesmas: []v1alpha1.Puskesmas{member("one", a), double, member("two", a)},
			records: map[string]*record.Record{"pone": {Target: a, Running: a}}, want: []v1alpha1.Admission{entry("one", a, b, now)}, lets: true,
		},
		{
			name: "nobody waits for the younger one", puskesmas: []v1alpha1.Puskesmas{member("one", b), double, member("two", a)},
			records: map[string]*record.Record{"pone": {Target: b, Running: b}}, want: []v1alpha1.Admission{entry("two", a, b, now)}, lets: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one := intstr.FromInt32(1)
			d := &v1alpha1.District{Spec: v1alpha1.DistrictSpec{Upgrade: v1alpha1.UpgradeSpec{MaxConcurrent: &one}}}
			d.Status.Admitted = tt.status
			s := newScope(d)
			s.puskesmas, s.records, s.release, s.frozen = tt.puskesmas, tt.records, release("1.5.0", "15"), tt.frozen
			got := s.admitted(now)
			if !slices.Equal(got, tt.want) || s.lets(tt.status, got) != tt.lets {
				t.Errorf("%+v (urgent %v), want %+v (%v)", got, s.lets(tt.status, got), tt.want, tt.lets)
			}
		})
	}
}
