package puskesmas

import (
	"slices"
	"testing"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/upgrade"
)

// TestMove: what serves and what the schema may be of, for every way from one
// target to another.
func TestMove(t *testing.T) {
	const forward, back = upgrade.Forward, upgrade.Back
	onTheWay := &record.Record{Target: "2", Running: "1", Schema: []string{"1", "2"}}
	for name, c := range map[string]struct {
		from      *record.Record
		to        string
		direction upgrade.Direction
		seen      seen
		want      record.Record
	}{
		"new":                             {nil, "1", forward, seen{}, record.Record{Target: "1", Schema: []string{"1"}}},
		"nowhere":                         {onTheWay, "2", forward, seen{schema: []string{"2"}}, *onTheWay},
		"from its first release":          {&record.Record{Target: "1", Schema: []string{"1"}}, "2", forward, seen{schema: []string{"1"}}, *onTheWay},
		"from one that never stood":       {&record.Record{Target: "1", Schema: []string{"1"}}, "2", forward, seen{}, record.Record{Target: "2", Schema: []string{"1", "2"}}},
		"from rest":                       {&record.Record{Target: "2", Running: "2", Schema: []string{"2"}}, "3", forward, seen{schema: []string{"2"}}, record.Record{Target: "3", Running: "2", Schema: []string{"2", "3"}}},
		"from rest, its Job gone":         {&record.Record{Target: "2", Running: "2", Schema: []string{"2"}}, "3", forward, seen{}, record.Record{Target: "3", Running: "2", Schema: []string{"2", "3"}}},
		"on before the schema is ready":   {onTheWay, "3", forward, seen{schema: []string{"1"}}, record.Record{Target: "3", Running: "1", Schema: []string{"1", "2", "3"}}},
		"on when the schema is ready":     {onTheWay, "3", forward, seen{schema: []string{"2"}}, record.Record{Target: "3", Running: "2", Schema: []string{"2", "3"}}},
		"on when it makes its schema":     {onTheWay, "3", forward, seen{rme: "2"}, record.Record{Target: "3", Running: "1", Schema: []string{"1", "2", "3"}}},
		"on when it made its schema":      {onTheWay, "3", forward, seen{rme: "2", ready: true}, record.Record{Target: "3", Running: "2", Schema: []string{"2", "3"}}},
		"on from one that is put back":    {&record.Record{Target: "2", Running: "1", Schema: []string{"1", "2"}, RolledBack: &record.RolledBack{Release: "2"}}, "3", forward, seen{schema: []string{"2"}}, record.Record{Target: "3", Running: "1", Schema: []string{"2", "3"}}},
		"back before the schema is ready": {onTheWay, "1", back, seen{schema: []string{"1"}}, record.Record{Target: "1", Running: "1", Schema: []string{"1", "2"}}},
		"back when the schema is ready":   {onTheWay, "1", back, seen{schema: []string{"2"}}, record.Record{Target: "1", Running: "2", Schema: []string{"2"}}},
		"back from one that is put back":  {&record.Record{Target: "2", Running: "1", Schema: []string{"1", "2"}, RolledBack: &record.RolledBack{Release: "2"}}, "1", back, seen{schema: []string{"2"}}, record.Record{Target: "1", Running: "1", Schema: []string{"2"}}},
		"on again after the way back":     {&record.Record{Target: "1", Running: "1", Schema: []string{"2"}}, "3", forward, seen{schema: []string{"2"}}, record.Record{Target: "3", Running: "1", Schema: []string{"2", "3"}}},
		"to an end that it comes from":    {&record.Record{Target: "1", Running: "1", Schema: []string{"1", "2"}}, "2", forward, seen{}, *onTheWay},
		"keeping the rest": {
			&record.Record{SystemID: "7", Target: "1", Schema: []string{"1"}, Retried: "x", Profile: "custom", Objects: map[string]string{"Secret/a": ""}}, "2", forward,
			seen{schema: []string{"1"}},
			record.Record{SystemID: "7", Target: "2", Running: "1", Schema: []string{"1", "2"}, Retried: "x", Profile: "custom", Objects: map[string]string{"Secret/a": ""}},
		},
	} {
		before := c.from.Copy()
		if got := move(c.from, c.to, c.direction, c.seen); !got.Equal(&c.want) {
			t.Errorf("%s: it is %+v, want %+v", name, *got, c.want)
		}
		if c.from != nil && !c.from.Equal(before) {
			t.Errorf("%s: it changes what it is given", name)
		}
	}
}

func TestArrived(t *testing.T) {
	for name, c := range map[string]struct {
		from    record.Record
		settled bool
		want    record.Record
	}{
		"its first release":           {record.Record{Target: "1", Schema: []string{"1"}}, true, record.Record{Target: "1", Schema: []string{"1"}}},
		"the next":                    {record.Record{Target: "2", Running: "1", Schema: []string{"1", "2"}}, true, record.Record{Target: "2", Running: "2", Schema: []string{"2"}}},
		"after one that never stood":  {record.Record{Target: "2", Schema: []string{"1", "2"}}, true, record.Record{Target: "2", Running: "2", Schema: []string{"2"}}},
		"back":                        {record.Record{Target: "1", Running: "2", Schema: []string{"2"}}, true, record.Record{Target: "1", Running: "1", Schema: []string{"2"}}},
		"back, the schema on its way": {record.Record{Target: "1", Running: "1", Schema: []string{"1", "2"}}, false, record.Record{Target: "1", Running: "1", Schema: []string{"1", "2"}}},
		"one that failed before":      {record.Record{Target: "2", Running: "1", Schema: []string{"1", "2"}, RolledBack: &record.RolledBack{Release: "2", Spec: "a"}}, true, record.Record{Target: "2", Running: "2", Schema: []string{"2"}}},
		"at rest":                     {record.Record{Target: "2", Running: "2", Schema: []string{"2"}}, true, record.Record{Target: "2", Running: "2", Schema: []string{"2"}}},
	} {
		if got := arrived(&c.from, c.settled); !got.Equal(&c.want) {
			t.Errorf("%s: it is %+v, want %+v", name, *got, c.want)
		}
	}
}

func TestChoose(t *testing.T) {
	onTheWay := record.Record{Target: "2", Running: "1", Schema: []string{"1", "2"}}
	wayBack := record.Record{Target: "1", Running: "2", Schema: []string{"1", "3"}}
	for name, c := range map[string]struct {
		record      record.Record
		seen        seen
		rolledBack  bool
		schema, rme string
	}{
		"new":                            {record.Record{Target: "1", Schema: []string{"1"}}, seen{}, false, "1", "1"},
		"at rest":                        {record.Record{Target: "2", Running: "2", Schema: []string{"2"}}, seen{schema: []string{"2"}, rme: "2", ready: true}, false, "2", "2"},
		"at rest, its Job runs again":    {record.Record{Target: "2", Running: "2", Schema: []string{"2"}}, seen{rme: "2"}, false, "2", "2"},
		"before the schema is ready":     {onTheWay, seen{schema: []string{"1"}, rme: "1", ready: true}, false, "2", "1"},
		"when the schema is ready":       {onTheWay, seen{schema: []string{"2"}, rme: "1", ready: true}, false, "2", "2"},
		"rolled out, its Job runs again": {onTheWay, seen{rme: "2"}, false, "2", "2"},
		"failed":                         {onTheWay, seen{schema: []string{"2"}, rme: "2"}, true, "2", "1"},
		"back, the schema on its way":    {wayBack, seen{}, false, "3", "2"},
		"back, the schema where it went": {wayBack, seen{schema: []string{"3"}}, false, "3", "1"},
		"back to what serves":            {record.Record{Target: "1", Running: "1", Schema: []string{"1", "2"}}, seen{}, false, "2", "1"},
		"nothing has ever served":        {record.Record{Target: "2", Schema: []string{"1", "2"}}, seen{}, false, "2", "2"},
	} {
		schema, rme := choose(&c.record, c.seen, c.rolledBack)
		if schema != c.schema || rme != c.rme {
			t.Errorf("%s: schema %s, RME %s; want %s, %s", name, schema, rme, c.schema, c.rme)
		}
	}
}

// TestInherited: every state in which an operator before 0.2.0 leaves a facility.
func TestInherited(t *testing.T) {
	isBack := func(from, to string) bool { return from == "1.3" && to == "1.0" }
	for name, c := range map[string]struct {
		was    v1alpha1.PuskesmasReleaseStatus
		target string
		ends   []string
	}{
		"at rest":                          {v1alpha1.PuskesmasReleaseStatus{Current: "1.0", Target: "1.0", Schema: "1.0"}, "1.0", []string{"1.0"}},
		"without a schema":                 {v1alpha1.PuskesmasReleaseStatus{Current: "1.0", Target: "1.0"}, "1.0", []string{"1.0"}},
		"on its first way":                 {v1alpha1.PuskesmasReleaseStatus{Target: "1.0", Schema: "1.0"}, "1.0", []string{"1.0"}},
		"on its way":                       {v1alpha1.PuskesmasReleaseStatus{Current: "1.0", Target: "1.3", Schema: "1.3"}, "1.3", []string{"1.0", "1.3"}},
		"asked, and nothing begun":         {v1alpha1.PuskesmasReleaseStatus{Current: "1.0", Target: "1.3", Schema: "1.0"}, "1.0", []string{"1.0"}},
		"on its way, asked what it cannot": {v1alpha1.PuskesmasReleaseStatus{Current: "1.0", Target: "3.0", Schema: "1.3"}, "1.3", []string{"1.0", "1.3"}},
		"gone back":                        {v1alpha1.PuskesmasReleaseStatus{Current: "1.0", Target: "1.0", Schema: "1.3"}, "1.0", []string{"1.0", "1.3"}},
		"on its way back":                  {v1alpha1.PuskesmasReleaseStatus{Current: "1.3", Target: "1.0", Schema: "1.3"}, "1.0", []string{"1.3"}},
		"known by what served alone":       {v1alpha1.PuskesmasReleaseStatus{Current: "1.0"}, "1.0", []string{"1.0"}},
	} {
		got := inherited(nil, c.was, isBack)
		if got.Target != c.target || got.Running != c.was.Current || !slices.Equal(got.Schema, c.ends) {
			t.Errorf("%s: it is %+v, want target %s, ends %v", name, *got, c.target, c.ends)
		}
	}
}

// TestAskedAnew: no value that was handled asks again, not even when the other one goes.
func TestAskedAnew(t *testing.T) {
	for _, c := range []struct {
		asked   retries
		handled string
		want    bool
	}{
		{nil, "", false},
		{nil, "a", false},
		{retries{"a"}, "", true},
		{retries{"a"}, "a", false},
		{retries{"a"}, "a b", false},
		{retries{"b"}, "a b", false},
		{retries{"a", "c"}, "a b", true},
		{retries{"a"}, "ab", true},
		{retries{"with a space", "b"}, "with a space b", false},
	} {
		if got := c.asked.askedAnew(c.handled); got != c.want {
			t.Errorf("%q after %q asks anew: %v", c.asked, c.handled, got)
		}
	}
}
