package record

import "testing"

// TestWithoutReleases: what does not speak of releases stays, and the record that
// it is made from as it is.
func TestWithoutReleases(t *testing.T) {
	r := &Record{
		SystemID: "7441", Target: "b", Running: "a", Dashboard: "a", Schema: []string{"a", "b"}, RolledBack: &RolledBack{Release: "b"},
		Retried: "today", Postgres: "15", Profile: "custom", Program: "simpus", Objects: map[string]string{"a": "1"},
	}
	want := &Record{SystemID: "7441", Retried: "today", Postgres: "15", Profile: "custom", Program: "simpus", Objects: map[string]string{"a": "1"}}
	if got := r.WithoutReleases(); !got.Equal(want) || r.Target != "b" || len(r.Schema) != 2 {
		t.Errorf("left is %+v of %+v", got, r)
	}
	if (*Record)(nil).WithoutReleases() != nil {
		t.Error("no record becomes one")
	}
}
