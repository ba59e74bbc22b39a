package resolve

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/upgrade"
)

// entries of the catalogue. A name is a version; "+16" has another PostgreSQL.
var entries = func() map[string]upgrade.Release {
	out := map[string]upgrade.Release{}
	for _, e := range []struct{ version, from, rollback, postgres string }{
		{"1.0.0", "", "Unsafe", "15.14"},
		{"1.1.0", ">=1.0.0 <1.1.0", "Safe", "15.14"},
		{"1.2.0", ">=1.0.0 <1.2.0", "Unsafe", "15.15"},
		{"1.5.0", ">=1.1.0 <1.5.0", "Safe", "15.15"},
		{"2.0.0", ">=1.2.0 <2.0.0", "Unsafe", "15.15"},
		{"3.0.0", ">=2.0.0 <3.0.0", "Safe", "15.15"},
		{"1.1.0+16", "", "Safe", "16.4"},
		{"2.0.0+16", "", "Safe", "16.4"},
	} {
		out[e.version] = upgrade.ReleaseOf(&v1alpha1.StackRelease{
			ObjectMeta: metav1.ObjectMeta{Name: e.version},
			Spec: v1alpha1.StackReleaseSpec{
				Version: v1alpha1.SemanticVersion(e.version), UpgradeFrom: e.from, SchemaRollback: v1alpha1.SchemaRollback(e.rollback),
				Database: v1alpha1.DatabaseRelease{Image: v1alpha1.ImageReference("postgresql:" + e.postgres)},
			},
		})
	}
	return out
}()

func catalogue(name string) (upgrade.Release, bool) {
	found, ok := entries[name]
	return found, ok
}

func admission(from, to string) *v1alpha1.Admission {
	return &v1alpha1.Admission{Code: "61.05", From: v1alpha1.ObjectName(from), To: v1alpha1.ObjectName(to)}
}

func TestRelease(t *testing.T) {
	onWay := &record.Record{Running: "1.0.0", Target: "1.1.0"}
	for name, c := range map[string]struct {
		stack Stack
		want  Decision
		// because is in the refusal.
		because string
	}{
		"pinned and new": {Stack{Pin: "1.1.0", Waits: true}, Decision{Release: "1.1.0", Row: Pinned}, ""},
		"pinned to another than it runs": {
			Stack{Pin: "1.1.0", Exists: true, Record: &record.Record{Target: "1.0.0"}},
			Decision{Release: "1.1.0", Row: Pinned},
			"",
		},
		"a pin comes before an admission": {
			Stack{Pin: "1.1.0", Record: &record.Record{Target: "1.1.0"}, Admission: admission("1.1.0", "1.2.0")},
			Decision{Release: "1.1.0", Row: Pinned},
			"",
		},
		"a pin tells of what runs where nothing else does": {Stack{Pin: "1.1.0", Exists: true}, Decision{Release: "1.1.0", Row: Pinned}, ""},
		"pinned while only the status says what runs": {
			Stack{Pin: "1.0.0", Exists: true, Current: "1.2.0", Target: "1.2.0"},
			Decision{Release: "1.2.0", Row: Pinned, Asked: "1.0.0", Held: &upgrade.Refusal{Reason: v1alpha1.ReasonDowngrade}},
			"no earlier software runs on its schema",
		},
		"pinned to nothing there is": {
			Stack{Pin: "9.9.9", Exists: true, Record: onWay},
			Decision{Release: "1.1.0", Row: Pinned, Asked: "9.9.9", Held: &upgrade.Refusal{Reason: v1alpha1.ReasonReleaseNotFound}},
			`StackRelease "9.9.9" does not exist`,
		},
		"new, and pinned to nothing there is": {
			Stack{Pin: "9.9.9"},
			Decision{Row: Pinned, Asked: "9.9.9", Held: &upgrade.Refusal{Reason: v1alpha1.ReasonReleaseNotFound}},
			"",
		},
		"pinned to another major of PostgreSQL": {
			Stack{Pin: "2.0.0+16", Exists: true, Record: &record.Record{Target: "2.0.0"}},
			Decision{Release: "2.0.0", Row: Pinned, Asked: "2.0.0+16", Held: &upgrade.Refusal{Reason: v1alpha1.ReasonUpgradePath}},
			"a major version never changes by itself",
		},

		"handed out by an operator before 0.2.0": {Stack{Exists: true, Current: "1.0.0", Target: "1.1.0"}, Decision{Release: "1.1.0", Row: Inherited}, ""},
		"inherited though an admission is for it": {
			Stack{Exists: true, Current: "1.0.0", Target: "1.0.0", Admission: admission("1.0.0", "1.1.0")},
			Decision{Release: "1.0.0", Row: Inherited},
			"",
		},
		"inherited beside a record of data alone": {
			Stack{Exists: true, Current: "1.0.0", Record: &record.Record{SystemID: "7441"}}, Decision{Release: "1.0.0", Row: Inherited}, "",
		},
		"a status of what was taken down says nothing": {Stack{Current: "1.0.0", Target: "1.0.0", Offered: "1.2.0"}, Decision{Release: "1.2.0", Row: New}, ""},

		"it runs and nothing says what": {Stack{Exists: true, Offered: "1.2.0"}, Decision{Row: Unknown}, ""},
		"it runs, nothing says what, and a wave has let it in": {
			Stack{Exists: true, Waits: true, Admission: admission("", "1.1.0")}, Decision{Row: Unknown}, "",
		},

		"let in": {Stack{Waits: true, Admission: admission("", "1.1.0")}, Decision{Release: "1.1.0", Row: Admitted}, ""},
		"admitted from where it is": {
			Stack{Exists: true, Record: &record.Record{Target: "1.0.0"}, Admission: admission("1.0.0", "1.1.0")},
			Decision{Release: "1.1.0", Row: Admitted},
			"",
		},
		"admitted while it is on its way": {
			Stack{Exists: true, Record: onWay, Admission: admission("1.1.0", "1.2.0")},
			Decision{Release: "1.2.0", Row: Admitted},
			"",
		},
		"admitted from where it was before": {
			Stack{Exists: true, Record: onWay, Admission: admission("1.0.0", "1.2.0")},
			Decision{Release: "1.1.0", Row: Begun},
			"",
		},
		"let in for a second time": {
			Stack{Exists: true, Record: onWay, Admission: admission("", "1.2.0")}, Decision{Release: "1.1.0", Row: Begun}, "",
		},
		"admitted to what it cannot reach": {
			Stack{Exists: true, Record: &record.Record{Target: "1.0.0"}, Admission: admission("1.0.0", "2.0.0")},
			Decision{Release: "1.0.0", Row: Admitted, Asked: "2.0.0", Held: &upgrade.Refusal{Reason: v1alpha1.ReasonUpgradePath}},
			"name a release in between first",
		},
		"admitted to what is reached only from where it is going": {
			Stack{Exists: true, Record: &record.Record{Running: "1.2.0", Target: "2.0.0", Schema: []string{"1.2.0", "2.0.0"}}, Admission: admission("2.0.0", "3.0.0")},
			Decision{Release: "2.0.0", Row: Admitted, Asked: "3.0.0", Held: &upgrade.Refusal{Reason: v1alpha1.ReasonUpgradePath}},
			"2.0.0 is not reached yet on the way from 1.2.0",
		},
		"admitted back": {
			Stack{Exists: true, Record: &record.Record{Target: "1.1.0"}, Admission: admission("1.1.0", "1.0.0")},
			Decision{Release: "1.0.0", Row: Admitted, Direction: upgrade.Back},
			"",
		},
		"what runs has left the catalogue": {
			Stack{Exists: true, Record: &record.Record{Target: "0.9.0"}, Admission: admission("0.9.0", "1.1.0")},
			Decision{Release: "0.9.0", Row: Admitted, Asked: "1.1.0", Held: &upgrade.Refusal{Reason: v1alpha1.ReasonUpgradePath}},
			"0.9.0 runs and does not exist any more",
		},

		"begun, whatever the status says": {
			Stack{Exists: true, Record: onWay, Current: "1.2.0", Target: "1.2.0", Waits: true, Offered: "1.2.0"},
			Decision{Release: "1.1.0", Row: Begun},
			"",
		},
		"begun, and nothing made yet":    {Stack{Record: &record.Record{Target: "1.1.0"}, Waits: true}, Decision{Release: "1.1.0", Row: Begun}, ""},
		"begun, and its release deleted": {Stack{Exists: true, Record: &record.Record{Target: "0.9.0"}}, Decision{Release: "0.9.0", Row: Begun}, ""},
		"begun, and back": {
			Stack{Exists: true, Record: &record.Record{Running: "1.1.0", Target: "1.0.0", Schema: []string{"1.1.0"}}},
			Decision{Release: "1.0.0", Row: Begun, Direction: upgrade.Back},
			"",
		},
		"begun, back, and asked for what it cannot reach": {
			Stack{Pin: "3.0.0", Exists: true, Record: &record.Record{Running: "1.1.0", Target: "1.0.0", Schema: []string{"1.1.0"}}},
			Decision{Release: "1.0.0", Row: Pinned, Direction: upgrade.Back, Asked: "3.0.0", Held: &upgrade.Refusal{Reason: v1alpha1.ReasonUpgradePath}},
			"",
		},
		"it runs":         {Stack{Exists: true, Record: &record.Record{Running: "1.0.0"}, Waits: true}, Decision{Release: "1.0.0", Row: Running}, ""},
		"new in a wave":   {Stack{Waits: true, Offered: "1.2.0"}, Decision{Row: Waiting}, ""},
		"new in no wave":  {Stack{Offered: "1.2.0"}, Decision{Release: "1.2.0", Row: New}, ""},
		"nothing offered": {Stack{}, Decision{Row: New}, ""},
		"offered what is not there": {
			Stack{Offered: "9.9.9"}, Decision{Row: New, Asked: "9.9.9", Held: &upgrade.Refusal{Reason: v1alpha1.ReasonReleaseNotFound}}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Release(c.stack, catalogue)
			if (got.Held == nil) != (c.want.Held == nil) {
				t.Fatalf("held: %+v, want %+v", got.Held, c.want.Held)
			}
			if got.Held != nil {
				if got.Held.Reason != c.want.Held.Reason || !strings.Contains(got.Held.Message, c.because) {
					t.Errorf("held for %s: %s", got.Held.Reason, got.Held.Message)
				}
				got.Held = c.want.Held
			}
			if got != c.want {
				t.Errorf("decides %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		stack Stack
		want  []string
	}{
		"new":                  {Stack{Current: "1.0.0"}, nil},
		"it stands":            {Stack{Record: &record.Record{Running: "1.1.0", Target: "1.1.0"}}, []string{"1.1.0"}},
		"on its way":           {Stack{Record: &record.Record{Running: "1.0.0", Target: "1.1.0"}}, []string{"1.0.0", "1.1.0"}},
		"a schema's":           {Stack{Record: &record.Record{Running: "1.0.0", Target: "1.1.0", Schema: []string{"1.0.0"}}}, []string{"1.0.0"}},
		"of a status":          {Stack{Exists: true, Current: "1.0.0", Target: "1.1.0"}, []string{"1.0.0", "1.1.0"}},
		"a record outranks it": {Stack{Exists: true, Current: "1.0.0", Record: &record.Record{Target: "1.1.0"}}, []string{"1.1.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.stack.Ends(); !slices.Equal(got, c.want) {
				t.Errorf("it may be of %v, want %v", got, c.want)
			}
		})
	}
}
