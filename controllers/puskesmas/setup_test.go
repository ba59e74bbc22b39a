package puskesmas

import (
	"slices"
	"testing"

	"ilp.health/operator/api/v1alpha1"
)

func TestNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		pin  v1alpha1.ObjectName
		now  v1alpha1.PuskesmasReleaseStatus
		want []string
	}{
		"new":                {want: []string{""}},
		"new with a pin":     {pin: "a", want: []string{"", "a"}},
		"at rest":            {now: v1alpha1.PuskesmasReleaseStatus{Current: "a", Target: "a", Schema: "a"}, want: []string{"a"}},
		"on its way":         {now: v1alpha1.PuskesmasReleaseStatus{Current: "a", Target: "b", Schema: "b"}, want: []string{"a", "b"}},
		"held by a pin":      {pin: "c", now: v1alpha1.PuskesmasReleaseStatus{Current: "a", Target: "b", Schema: "b"}, want: []string{"a", "b", "c"}},
		"gone back on a pin": {pin: "a", now: v1alpha1.PuskesmasReleaseStatus{Current: "a", Target: "a", Schema: "b"}, want: []string{"a", "b"}},
	} {
		p := &v1alpha1.Puskesmas{Spec: v1alpha1.PuskesmasSpec{Release: c.pin}, Status: v1alpha1.PuskesmasStatus{Release: c.now}}
		if got := needs(p); !slices.Equal(got, c.want) {
			t.Errorf("%s: it needs %v, want %v", name, got, c.want)
		}
	}
}
