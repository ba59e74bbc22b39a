package simulate

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/upgrade"
	"ilp.health/operator/controllers/wave/planner"
)

var monday = time.Date(2025, 6, 2, 1, 0, 0, 0, time.UTC) // 08:00 in Jakarta

// fleet is one of districts in three time zones that run r1.
func fleet(n int) planner.Fleet {
	f := planner.Fleet{Releases: map[string]upgrade.Release{
		"r1": {Version: semver.MustParse("1.0.0")},
		"r2": {Version: semver.MustParse("1.1.0")},
	}}
	for i := range n {
		f.Districts = append(f.Districts, planner.District{
			Name: fmt.Sprintf("d%02d", i), Code: fmt.Sprintf("%02d.%02d", 11+i/60, 1+i%60),
			TimeZone: []string{"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}[i%3],
			Active:   true, Current: "r1", Target: "r1", Observed: true, Ready: true,
		})
	}
	return f
}

// spec has a first stage that soaks and a second that a person approves.
func spec(first int32, soak int32, atOnce string, budget int32) v1alpha1.WaveSpec {
	return v1alpha1.WaveSpec{Release: "r2", Rollout: v1alpha1.Rollout{
		Stages: []v1alpha1.Stage{
			{Name: "first", Count: first, SoakMinutes: &soak, MaxConcurrent: ptr.To(intstr.Parse(atOnce))},
			{Name: "others", Approval: "Required", MaxConcurrent: ptr.To(intstr.Parse(atOnce))},
		},
		FailureBudget: v1alpha1.FailureBudget{Total: &budget},
	}}
}

func options(fail string, seed uint64) Options {
	return Options{Start: monday, DistrictTime: 20 * time.Minute, Fail: intstr.Parse(fail), Seed: seed}
}

func run(t *testing.T, spec v1alpha1.WaveSpec, fleet planner.Fleet, options Options) Story {
	t.Helper()
	story, err := Run(spec, v1alpha1.WaveStatus{}, fleet, options)
	if err != nil {
		t.Fatal(err)
	}
	return story
}

func (s Story) at(what EventType, stage string) []time.Time {
	var out []time.Time
	for _, e := range s.Events {
		if e.Type == what && e.Stage == stage {
			out = append(out, e.Time)
		}
	}
	return out
}

func TestTimes(t *testing.T) {
	story := run(t, spec(1, 60, "2", 1), fleet(5), options("0", 1))
	type line struct {
		minutes   int
		what      EventType
		stage     string
		districts []string
	}
	var got []line
	for _, e := range story.Events {
		got = append(got, line{int(e.Time.Sub(monday).Minutes()), e.Type, e.Stage, e.Districts})
	}
	want := []line{
		{0, Started, "first", []string{"d00"}},
		{20, Done, "first", []string{"d00"}},
		{20, Completed, "first", nil},
		{80, Approved, "others", nil},
		{80, Started, "others", []string{"d01", "d02"}},
		{100, Done, "others", []string{"d01", "d02"}},
		{100, Started, "others", []string{"d03", "d04"}},
		{120, Done, "others", []string{"d03", "d04"}},
		{120, Completed, "others", nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if end := monday.Add(120 * time.Minute); !story.Last.Complete() || !story.End.Equal(end) {
		t.Errorf("complete %v at %s, want at %s", story.Last.Complete(), story.End, end)
	}
	if got, want := story.Times["d03"], (Times{monday.Add(100 * time.Minute), monday.Add(120 * time.Minute)}); got != want {
		t.Errorf("d03 has %v, want %v", got, want)
	}
}

func TestWindow(t *testing.T) {
	s := spec(2, 0, "100%", 1)
	s.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{Cron: "0 21 * * 5", Minutes: 60}
	story := run(t, s, fleet(9), options("0", 1))
	if !story.Last.Complete() {
		t.Fatalf("not complete: %+v", story.Last)
	}
	for _, d := range fleet(9).Districts {
		zone, err := time.LoadLocation(d.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		if start := story.Times[d.Name].Start.In(zone); start.Weekday() != time.Friday || start.Hour() != 21 {
			t.Errorf("%s starts at %s, want on a Friday between 21:00 and 22:00 local time", d.Name, start)
		}
	}
}

func TestWindowThatNeverOpens(t *testing.T) {
	s := spec(1, 0, "1", 1)
	s.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{Cron: "0 21 30 2 *", Minutes: 60}
	story := run(t, s, fleet(2), options("0", 1))
	if len(story.Events) > 0 || story.Last.Problem == nil || story.Last.Problem.Reason != v1alpha1.ReasonWindowInvalid {
		t.Errorf("want nothing to happen for want of a window, got %v and %+v", story.Events, story.Last.Problem)
	}
	s.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{Cron: "* * * * *"}
	if _, err := Run(s, v1alpha1.WaveStatus{}, fleet(2), options("0", 1)); err == nil {
		t.Error("a window of no minutes is accepted")
	}
}

// TestInFlight continues what a cluster has begun.
func TestInFlight(t *testing.T) {
	f := fleet(3)
	f.Districts[0].Target, f.Districts[0].Ready = "r2", false
	f.Districts[1].Pin = "r9"
	status := v1alpha1.WaveStatus{Memory: v1alpha1.WaveMemory{
		Release: "r2",
		Started: []v1alpha1.StartedDistrict{{Name: "d00", Since: metav1.NewTime(monday.Add(-15 * time.Minute))}},
	}}
	story, err := Run(spec(1, 0, "1", 1), status, f, options("0", 1))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := story.Times["d00"], (Times{monday.Add(-15 * time.Minute), monday.Add(5 * time.Minute)}); got != want {
		t.Errorf("d00 has %v, want %v", got, want)
	}
	if _, changed := story.Times["d01"]; changed || !story.Last.Complete() {
		t.Errorf("the pinned district must not change, and the others must be done: %+v", story.Last)
	}
	if starts := story.at(Started, "first"); len(starts) > 0 {
		t.Errorf("first was on its way and starts again: %v", starts)
	}
}

// TestTimeout has districts that take longer than they may: they fail, hold the
// next stage, and are done in the end.
func TestTimeout(t *testing.T) {
	s := spec(1, 0, "1", 1)
	s.Rollout.DistrictTimeoutMinutes = 10
	story := run(t, s, fleet(2), options("0", 1))
	failed, done := story.at(Failed, "first"), story.at(Done, "first")
	if len(failed) != 1 || len(done) != 1 || failed[0].Sub(monday) != 10*time.Minute || done[0].Sub(monday) != 20*time.Minute {
		t.Errorf("failed at %v, done at %v, want 10 and 20 minutes after %s", failed, done, monday)
	}
	if !story.Last.Complete() {
		t.Errorf("not complete: %+v", story.Last)
	}
}

func TestFailures(t *testing.T) {
	for _, test := range []struct {
		fail   string
		budget int32
		failed int
		held   string // the reason, of the wave or of the first that is left
	}{
		{"0%", 0, 0, ""},
		{"3%", 0, 1, v1alpha1.ReasonBudgetSpent},           // rounded up
		{"1", 1, 1, v1alpha1.ReasonApplicationFailed},      // within the budget, but not complete
		{"100%", 1, 2, v1alpha1.ReasonBudgetSpent},         // two at once
		{"100%", 514, 4, v1alpha1.ReasonApplicationFailed}, // the first stage never completes
	} {
		t.Run(test.fail, func(t *testing.T) {
			story := run(t, spec(4, 0, "2", test.budget), fleet(12), options(test.fail, 1))
			if got := story.Last.Counts[planner.Failed]; got != test.failed {
				t.Errorf("%d failed, want %d", got, test.failed)
			}
			held := ""
			if story.Last.Problem != nil {
				held = story.Last.Problem.Reason
			}
			if i := slices.IndexFunc(story.Last.Members, func(m planner.Member) bool { return m.State == planner.Failed }); held == "" && i >= 0 {
				held = story.Last.Members[i].Reason
			}
			if held != test.held || story.Last.Complete() != (test.held == "") {
				t.Errorf("held by %q, want %q", held, test.held)
			}
		})
	}
	if _, err := Run(spec(1, 0, "1", 1), v1alpha1.WaveStatus{}, fleet(1), options("some", 1)); err == nil {
		t.Error("--fail some is accepted")
	}
}

// TestRandom plays many waves: the same input tells the same story, nobody
// starts twice or before the soak is over, and the worst case is never exceeded.
func TestRandom(t *testing.T) {
	var held, complete, stories int
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable on purpose
		soak := random.Int32N(3) * 30
		s := spec(1+random.Int32N(5), soak, []string{"1", "2", "3", "50%", "100%"}[random.IntN(5)], random.Int32N(4))
		if random.IntN(2) == 0 {
			s.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{Cron: "0 21 * * *", Minutes: 240}
		}
		f := fleet(6 + random.IntN(20))
		o := options(fmt.Sprintf("%d%%", random.IntN(4)*random.IntN(34)), seed)

		story := run(t, s, f, o)
		if again := run(t, s, f, o); !reflect.DeepEqual(story, again) {
			t.Fatalf("seed %d tells two stories", seed)
		}
		stories++
		started := map[string]bool{}
		for _, e := range story.Events {
			for _, name := range e.Districts {
				if e.Type == Started && started[name] {
					t.Errorf("seed %d: %s starts twice", seed, name)
				}
				started[name] = started[name] || e.Type == Started
			}
		}
		if others := story.at(Started, "others"); len(others) > 0 {
			if over := story.at(Completed, "first")[0].Add(time.Duration(soak) * time.Minute); others[0].Before(over) {
				t.Errorf("seed %d: others starts at %s, before first has soaked until %s", seed, others[0], over)
			}
		}
		worst := Worst(s, planner.Plan(s, v1alpha1.WaveStatus{}, f, monday))
		failed := story.Last.Counts[planner.Failed]
		if failed > worst.Districts {
			t.Errorf("seed %d: %d failed, more than the worst case of %d", seed, failed, worst.Districts)
		}
		switch {
		case failed == 0 && !story.Last.Complete():
			t.Errorf("seed %d: nobody failed, and yet it holds: %+v", seed, story.Last)
		case failed == 0:
			complete++
		default:
			held++
		}
	}
	if held < stories/10 || complete < stories/10 {
		t.Errorf("of %d waves %d were held and %d complete: too few of one sort to prove anything", stories, held, complete)
	}
	t.Logf("%d waves: %d held, %d complete", stories, held, complete)
}

func TestWorst(t *testing.T) {
	for name, test := range map[string]struct {
		budget int32
		change func(planner.Fleet)
		want   WorstCase
	}{
		"all in flight fail":               {0, nil, WorstCase{"first", 3, 4}},
		"places are filled until it holds": {2, nil, WorstCase{"others", 5, 8}},
		"no more than there are":           {514, nil, WorstCase{"others", 8, 8}},
		"who is done is safe": {514, func(f planner.Fleet) {
			for i := range f.Districts {
				f.Districts[i].Target, f.Districts[i].Current = "r2", "r2"
			}
		}, WorstCase{}},
		"held already": {0, func(f planner.Fleet) {
			f.Districts[0].Target, f.Districts[0].Ready, f.Districts[0].Stalled = "r2", false, true
		}, WorstCase{"first", 1, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := spec(4, 0, "3", test.budget), fleet(12)
			if test.change != nil {
				test.change(f)
			}
			if got := Worst(s, planner.Plan(s, v1alpha1.WaveStatus{}, f, monday)); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
