package district

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/pace"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/status"
)

// release is an entry of the catalogue with PostgreSQL of a major version.
func release(version, postgres string) *v1alpha1.StackRelease {
	return &v1alpha1.StackRelease{
		ObjectMeta: metav1.ObjectMeta{Name: "ilp-" + version},
		Spec: v1alpha1.StackReleaseSpec{
			Version:  v1alpha1.SemanticVersion(version),
			Database: v1alpha1.DatabaseRelease{Image: v1alpha1.ImageReference("localhost/postgresql:" + postgres)},
		},
	}
}

// resolved runs the phase for a district with a record in a cluster with objects.
func resolved(t *testing.T, d *v1alpha1.District, recorded *record.Record, objects ...client.Object) (*scope, error) {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	safe := release("1.5.0", "15.14")
	safe.Spec.SchemaRollback = v1alpha1.SchemaRollbackSafe
	far := release("3.0.0", "15.14")
	far.Spec.UpgradeFrom = ">=2.0.0"
	after := release("1.6.0", "15.14")
	after.Spec.UpgradeFrom = ">=1.5.0"
	objects = append(objects, release("1.0.0", "15"), safe, after, far, release("2.0.0", "16"), release("0.9.0", "15"))
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	r := &Reconciler{Client: c, Applier: apply.New(c, c, c, clock.RealClock{}, pace.Default())}
	d.Spec.Code = "61.05"
	s := newScope(d)
	s.record = recorded
	return s, r.resolveRelease(t.Context(), s)
}

// postgres is the district's PostgreSQL, as the cache shows it.
func postgres() client.Object {
	cluster := live.Prototype(cnpg.Clusters)
	cluster.SetNamespace("ilp-6105")
	cluster.SetName("database")
	return cluster
}

func admitting(code, from, to string) *v1alpha1.Wave {
	return &v1alpha1.Wave{
		ObjectMeta: metav1.ObjectMeta{Name: "w"},
		Status: v1alpha1.WaveStatus{Admitted: []v1alpha1.Admission{
			{Code: "61.01", To: "ilp-3.0.0"}, {Code: code, From: v1alpha1.ObjectName(from), To: v1alpha1.ObjectName(to)},
		}},
	}
}

// TestResolveRelease: what is read, and what becomes of it. The table itself is
// package resolve's.
func TestResolveRelease(t *testing.T) {
	pinned := func(release string) *v1alpha1.District {
		return &v1alpha1.District{Spec: v1alpha1.DistrictSpec{Release: v1alpha1.ObjectName(release)}}
	}
	inWave := func() *v1alpha1.District {
		return &v1alpha1.District{Spec: v1alpha1.DistrictSpec{WaveRef: v1alpha1.WaveReference{Name: "w"}}}
	}
	inherited := inWave()
	inherited.Status.Release = v1alpha1.DistrictReleaseStatus{Current: "ilp-1.0.0", Target: "ilp-1.5.0"}
	onTheWay := &record.Record{Target: "ilp-1.5.0", Running: "ilp-1.0.0", Postgres: "15"}
	stands := &record.Record{Target: "ilp-1.5.0", Running: "ilp-1.5.0", Postgres: "15"}
	for _, c := range []struct {
		name     string
		district *v1alpha1.District
		record   *record.Record
		objects  []client.Object
		// release that it is brought to, from where, and whether nobody is let go.
		release, from string
		frozen        bool
		// held and ends are parts of the message that is told at the end, or that ends
		// the reconcile; stalled tells whether a person is needed.
		held, ends string
		stalled    bool
	}{
		{name: "a pin", district: pinned("ilp-1.5.0"), record: &record.Record{Target: "ilp-1.0.0"}, release: "ilp-1.5.0"},
		{name: "a pin on the way", district: pinned("ilp-1.5.0"), record: onTheWay, release: "ilp-1.5.0", from: "ilp-1.0.0"},
		{
			name: "a pin that cannot be reached", district: pinned("ilp-3.0.0"), record: stands, release: "ilp-1.5.0", frozen: true,
			held: "spec.release: ilp-3.0.0 can only be reached from >=2.0.0", stalled: true,
		},
		{
			name: "nor on the way", district: pinned("ilp-3.0.0"), record: onTheWay, release: "ilp-1.5.0", from: "ilp-1.0.0", frozen: true,
			held: "Everything stays on ilp-1.5.0", stalled: true,
		},
		{
			name: "a pin that opens at the end of the way", district: pinned("ilp-1.6.0"), record: onTheWay, release: "ilp-1.5.0", from: "ilp-1.0.0",
			held: "The way to ilp-1.5.0 goes on",
		},
		{
			name: "another major version of PostgreSQL", district: pinned("ilp-2.0.0"), record: stands, release: "ilp-1.5.0", frozen: true,
			held: "a major version never changes by itself", stalled: true,
		},
		{
			name: "a release made again with another PostgreSQL", district: pinned("ilp-1.5.0"), record: &record.Record{Target: "ilp-1.5.0", Postgres: "14"},
			ends: "was made by PostgreSQL 14", stalled: true,
		},
		{
			name: "a pin to nowhere of one that runs", district: pinned("nowhere"), record: stands, release: "ilp-1.5.0", frozen: true,
			held: `StackRelease "nowhere" does not exist`, stalled: true,
		},
		{name: "a pin to nowhere of a new one", district: pinned("nowhere"), ends: `spec.release: StackRelease "nowhere" does not exist`, stalled: true},
		{name: "an earlier release", district: pinned("ilp-0.9.0"), record: &record.Record{Target: "ilp-1.0.0"}, release: "ilp-1.0.0", frozen: true, held: "is earlier than", stalled: true},
		{name: "what runs is gone from the catalogue", district: &v1alpha1.District{}, record: &record.Record{Target: "gone"}, ends: "runs StackRelease gone, which does not exist", stalled: true},
		{
			name: "a wave that admits", district: inWave(), record: &record.Record{Target: "ilp-1.0.0", Running: "ilp-1.0.0"},
			objects: []client.Object{admitting("61.05", "ilp-1.0.0", "ilp-1.5.0")}, release: "ilp-1.5.0", from: "ilp-1.0.0",
		},
		{name: "a wave that admitted from elsewhere", district: inWave(), record: stands, objects: []client.Object{admitting("61.05", "ilp-1.0.0", "ilp-1.6.0")}, release: "ilp-1.5.0"},
		{
			name: "a wave that admits where there is no way", district: inWave(), record: stands, objects: []client.Object{admitting("61.05", "ilp-1.5.0", "ilp-3.0.0")},
			release: "ilp-1.5.0", frozen: true, held: "Wave w admits this district to ilp-3.0.0: ", stalled: true,
		},
		{name: "a new one waits for its wave", district: inWave(), objects: []client.Object{admitting("61.09", "", "ilp-1.5.0")}, ends: "waiting for Wave w to admit"},
		{name: "a new one whose wave is missing", district: inWave(), ends: `Wave "w", which does not exist`, stalled: true},
		{name: "one that runs goes on without its wave", district: inWave(), record: onTheWay, release: "ilp-1.5.0", from: "ilp-1.0.0", held: `Wave "w", which does not exist`, stalled: true},
		{name: "what an older operator's status says", district: inherited.DeepCopy(), objects: []client.Object{admitting("61.05", "ilp-1.5.0", "ilp-1.6.0")}, release: "ilp-1.5.0", from: "ilp-1.0.0"},
		{
			name: "PostgreSQL of which nothing says the release", district: inWave(), objects: []client.Object{postgres(), admitting("61.05", "", "ilp-1.5.0")},
			ends: "set spec.release to the one that runs", stalled: true,
		},
		{name: "a pin says it", district: pinned("ilp-1.0.0"), objects: []client.Object{postgres()}, release: "ilp-1.0.0"},
		{
			name: "data of which nothing says the release", district: inWave(), record: &record.Record{SystemID: "7441"}, objects: []client.Object{admitting("61.05", "", "ilp-1.5.0")},
			ends: "set spec.release to the one that runs", stalled: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := resolved(t, c.district, c.record, c.objects...)
			stop, _ := err.(*status.Stop) //nolint:errorlint // the phase returns it as it is
			if c.ends != "" {
				if stop == nil || !strings.Contains(stop.Message, c.ends) || stop.Stalled != c.stalled {
					t.Fatalf("it ends with %+v, want %q", err, c.ends)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.release.Name != c.release || s.from != c.from || s.frozen != c.frozen {
				t.Errorf("to %s from %q (frozen %v), want %s from %q (%v)", s.release.Name, s.from, s.frozen, c.release, c.from, c.frozen)
			}
			if (s.held == nil) != (c.held == "") || (s.held != nil && (!strings.Contains(s.held.Message, c.held) || s.held.Stalled != c.stalled)) {
				t.Errorf("held by %+v, want %q", s.held, c.held)
			}
		})
	}
}

// TestAsked: a wave tells by it who has seen its admission and does not begin.
func TestAsked(t *testing.T) {
	stands := &record.Record{Target: "ilp-1.5.0", Running: "ilp-1.5.0", Postgres: "15"}
	for name, test := range map[string]struct {
		record *record.Record
		to     string
		want   string
	}{
		"new, and admitted":       {nil, "ilp-1.5.0", "ilp-1.5.0"},
		"new, and to nowhere":     {nil, "nowhere", "nowhere"},
		"admitted from a release": {stands, "ilp-1.6.0", "ilp-1.6.0"},
		"where there is no way":   {stands, "ilp-3.0.0", "ilp-3.0.0"},
		"where it is":             {stands, "ilp-1.5.0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := &v1alpha1.District{Spec: v1alpha1.DistrictSpec{WaveRef: v1alpha1.WaveReference{Name: "w"}}}
			d.Status.Release.Asked = "what was asked before"
			from := ""
			if test.record != nil {
				from = test.record.Target
			}
			s, _ := resolved(t, d, test.record, admitting("61.05", from, test.to))
			if got := s.district.Status.Release.Asked; got != test.want {
				t.Errorf("asked for %q, want %q", got, test.want)
			}
		})
	}
}

// TestTowards: what is written down before the first change.
func TestTowards(t *testing.T) {
	old, next := release("1.0.0", "15"), release("1.5.0", "15.14")
	for _, c := range []struct {
		name      string
		record    *record.Record
		exists    bool
		status    v1alpha1.DistrictReleaseStatus
		dashboard *v1alpha1.StackRelease
		want      record.Record
	}{
		{"new", nil, false, v1alpha1.DistrictReleaseStatus{}, next, record.Record{Target: "ilp-1.5.0", Postgres: "15"}},
		{"nothing came of what a status says", nil, false, v1alpha1.DistrictReleaseStatus{Target: "ilp-1.0.0"}, next, record.Record{Target: "ilp-1.5.0", Postgres: "15"}},
		{
			"an upgrade", &record.Record{Target: "ilp-1.0.0", Running: "ilp-1.0.0", SystemID: "7441"}, false,
			v1alpha1.DistrictReleaseStatus{},
			old,
			record.Record{Target: "ilp-1.5.0", Running: "ilp-1.0.0", Dashboard: "ilp-1.0.0", Postgres: "15", SystemID: "7441"},
		},
		{
			"the dashboard's turn", &record.Record{Target: "ilp-1.5.0", Running: "ilp-1.0.0", Dashboard: "ilp-1.0.0"}, false,
			v1alpha1.DistrictReleaseStatus{},
			next,
			record.Record{Target: "ilp-1.5.0", Running: "ilp-1.0.0", Postgres: "15"},
		},
		{
			"of one that was never ready", &record.Record{Target: "ilp-1.0.0"}, false,
			v1alpha1.DistrictReleaseStatus{},
			next,
			record.Record{Target: "ilp-1.5.0", Running: "ilp-1.0.0", Postgres: "15"},
		},
		{
			"from an older operator", &record.Record{SystemID: "7441"}, true,
			v1alpha1.DistrictReleaseStatus{Current: "ilp-1.0.0", Target: "ilp-1.5.0"},
			next,
			record.Record{Target: "ilp-1.5.0", Running: "ilp-1.0.0", Postgres: "15", SystemID: "7441"},
		},
		{
			"of one that was never ready there", nil, true,
			v1alpha1.DistrictReleaseStatus{Target: "ilp-1.0.0"},
			next,
			record.Record{Target: "ilp-1.5.0", Running: "ilp-1.0.0", Postgres: "15"},
		},
		{
			"nothing", &record.Record{Target: "ilp-1.5.0", Running: "ilp-1.5.0", Postgres: "15"}, false,
			v1alpha1.DistrictReleaseStatus{Current: "ilp-1.5.0"},
			next,
			record.Record{Target: "ilp-1.5.0", Running: "ilp-1.5.0", Postgres: "15"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScope(&v1alpha1.District{Status: v1alpha1.DistrictStatus{Release: c.status}})
			s.record, s.exists, s.release, s.dashboard = c.record, c.exists, next, c.dashboard
			if got := s.towards(); !got.Equal(&c.want) {
				t.Errorf("%+v, want %+v", *got, c.want)
			}
		})
	}
}

// TestHandledRetry: an old retry comes again neither with a lost status nor from
// an older operator.
func TestHandledRetry(t *testing.T) {
	for _, c := range []struct {
		name, status string
		record       *record.Record
		exists       bool
		want         string
	}{
		{name: "new"},
		{name: "the record counts", status: "old", record: &record.Record{Target: "r", Retried: "now"}, want: "now"},
		{name: "the status of an older operator", status: "now", record: &record.Record{SystemID: "7441"}, exists: true, want: "now"},
		{name: "nothing tells, and something runs", exists: true, want: "asked"},
		{name: "asked for the first time", record: &record.Record{Target: "r"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScope(&v1alpha1.District{Status: v1alpha1.DistrictStatus{LastHandledRetry: c.status}})
			s.record, s.exists, s.retried = c.record, c.exists, "asked"
			if got := s.handledRetry(); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
