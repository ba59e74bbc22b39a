package planner

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/upgrade"
)

var update = flag.Bool("update", false, "write the golden files anew")

// step is something that happens to a wave before its plan is made again.
type step struct {
	says string
	do   func(*sim)
}

func after(d time.Duration) step {
	return step{fmt.Sprintf("%s later", d), func(s *sim) { s.now = s.now.Add(d) }}
}

func finished(names ...string) step {
	return step{strings.Join(names, ", ") + " done", func(s *sim) { s.finish(names...) }}
}

func wave(stages ...v1alpha1.Stage) v1alpha1.WaveSpec {
	return v1alpha1.WaveSpec{Rollout: v1alpha1.Rollout{Stages: stages}}
}

func districts(n int) []*simulated {
	var out []*simulated
	for i := range n {
		out = append(out, newDistrict(i))
	}
	return out
}

// TestGolden plays waves step by step. Each file reads as the story of one.
func TestGolden(t *testing.T) {
	unregistered := func() v1alpha1.WaveSpec {
		return wave(stageOf("canary", byName("elsewhere")), stageOf("others"))
	}
	window := wave(stageOf("all", atOnce("100%")))
	window.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{Cron: "0 21 * * 5", Minutes: 60}
	never := wave(stageOf("all"))
	never.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{Cron: "0 21 30 2 *", Minutes: 60}
	strict := wave(stageOf("all", atOnce("2")))
	strict.Rollout.FailureBudget.Total = ptr.To[int32](0)
	byCause := wave(stageOf("all", atOnce("4")))
	byCause.Rollout.FailureBudget = v1alpha1.FailureBudget{Total: ptr.To[int32](5), Application: ptr.To[int32](0)}

	elsewhere := map[string]bool{"downgrade": true, "late-districts": true, "called-back": true, "too-late": true, "refuses": true} // they begin
	for name, story := range map[string]struct {
		spec      v1alpha1.WaveSpec
		districts int
		steps     []step
	}{
		"no-rollout": {v1alpha1.WaveSpec{}, 3, []step{finished("d00"), finished("d01"), finished("d02")}},
		"stages": {wave(stageOf("canary", count(1), soak(60)), stageOf("others", atOnce("50%"), approval)), 5, []step{
			finished("d00"), after(59 * time.Minute), after(time.Minute),
			{"a person approves others", func(s *sim) { s.spec.ApprovedStages = []v1alpha1.ObjectName{"others"} }},
			finished("d01", "d02"), finished("d03", "d04"),
		}},
		"soak-broken": {wave(stageOf("canary", count(1), soak(60)), stageOf("others")), 2, []step{
			finished("d00"), after(30 * time.Minute),
			{"d00 is not ready any more", func(s *sim) { s.districts["d00"].Ready = false }},
			after(10 * time.Minute), finished("d00"), after(59 * time.Minute), after(time.Minute),
			{"d00 is not ready any more, but has soaked; d02 registers", func(s *sim) {
				s.districts["d00"].Ready = false
				s.districts["d02"] = newDistrict(2)
			}},
			finished("d01"), finished("d00"),
		}},
		"clock-back": {wave(stageOf("canary", count(1), soak(60)), stageOf("others")), 2, []step{
			{"the clock is three hours ahead", func(s *sim) { s.now = s.now.Add(3 * time.Hour) }},
			finished("d00"), after(30 * time.Minute),
			{"the clock is put back by three hours: the soak begins again", func(s *sim) { s.now = s.now.Add(-3 * time.Hour) }},
			after(59 * time.Minute), after(time.Minute),
			{"the clock is put back by an hour: nothing starts again", func(s *sim) { s.now = s.now.Add(-time.Hour) }},
		}},
		"failure-budget": {strict, 4, []step{
			{"d00 is stalled", func(s *sim) { s.stall("d00") }},
			finished("d01"),
			{"the budget is raised", func(s *sim) { s.spec.Rollout.FailureBudget.Total = ptr.To[int32](1) }},
			after(119 * time.Minute), after(time.Minute), finished("d00"),
			finished("d02", "d03"),
		}},
		"failure-budget-by-cause": {byCause, 6, []step{
			{"d00 lacks a node", func(s *sim) { s.fail("d00", v1alpha1.CauseInfrastructure) }},
			{"d01 has a wrong spec", func(s *sim) { s.fail("d01", v1alpha1.CauseConfiguration) }},
			{"the software of d02 crashes", func(s *sim) { s.fail("d02", v1alpha1.CauseApplication) }},
			finished("d02"),
			{"d03 takes too long, nobody knows why", func(s *sim) { s.now = s.now.Add(2 * time.Hour) }},
		}},
		"window": {window, 3, []step{
			{"Friday 20:59 in Jayapura", func(s *sim) { s.now = time.Date(2025, 6, 6, 11, 59, 0, 0, time.UTC) }},
			after(time.Minute), after(time.Hour), after(59 * time.Minute), finished("d02"), after(time.Minute),
		}},
		"window-never": {never, 1, nil},
		"pin": {wave(stageOf("canary", count(1)), stageOf("others")), 3, []step{
			{"Git pins d01 to what it runs", func(s *sim) { s.pin("d01", oldRelease) }},
			finished("d00"), finished("d02"),
			{"Git pins d01 to the release of the wave", func(s *sim) { s.pin("d01", newRelease) }},
			finished("d01"),
			{"Git lets go of d01, and pins d02 to what it ran before", func(s *sim) { s.pin("d01", ""); s.pin("d02", oldRelease) }},
			{"Git lets go of d02", func(s *sim) { s.pin("d02", "") }},
			{"d02 has looked", func(*sim) {}},
		}},
		"late-districts": {wave(stageOf("all", atOnce("2"))), 4, []step{
			{"the operator is killed before d00 and d01 look where they may go", func(s *sim) { s.asleep = true; s.keep(s.plan()) }},
			{"d01 looks, and is done", func(s *sim) { s.look("d01"); s.finish("d01") }},
			{"the wave names r3", func(s *sim) { s.nameRelease("r3", "1.2.0") }},
			{"d00 takes the admission of before, which its cache still shows", func(s *sim) { s.districts["d00"].act(s.last, s.releases) }},
			{"both look, and are done", func(s *sim) { s.look("d00", "d02"); s.finish("d00", "d02") }},
		}},
		"called-back": {wave(stageOf("all", atOnce("1"))), 3, []step{
			{"the operator is killed before d00 looks where it may go", func(s *sim) { s.asleep = true; s.keep(s.plan()) }},
			{"the wave is suspended", func(s *sim) { s.spec.State = v1alpha1.WaveStateSuspended }},
			{"the wave is active, d00 is suspended: it keeps its place until nobody can have missed that it was called back", func(s *sim) {
				s.spec.State, s.districts["d00"].Active = v1alpha1.WaveStateActive, false
			}},
			after(4 * time.Minute), after(time.Minute),
			{"d00 is active, and waits for d01", func(s *sim) { s.districts["d00"].Active = true }},
		}},
		"too-late": {strict, 3, []step{
			{"nobody looks for two hours: both of those who may go have failed, and still may", func(s *sim) {
				s.asleep = true
				s.keep(s.plan())
				s.now = s.now.Add(2 * time.Hour)
			}},
			{"both look", func(s *sim) { s.look("d00", "d01") }},
			finished("d00", "d01"),
		}},
		"refuses": {strict, 3, []step{
			{"d00 has a patch that does not apply, and does not begin", func(s *sim) {
				s.asleep, s.districts["d00"].broken = true, true
				s.keep(s.plan())
				s.look("d00", "d01")
			}},
			{"the wave names r3, which d00 has not looked at", func(s *sim) { s.nameRelease("r3", "1.2.0") }},
			{"d00 looks", func(s *sim) { s.look("d00") }},
			{"the patch is mended, and d00 goes", func(s *sim) { s.districts["d00"].mend(); s.look("d00") }},
		}},
		"status-lost": {wave(stageOf("canary", count(1), soak(60)), stageOf("others", atOnce("2"))), 5, []step{
			finished("d00"), after(time.Hour), finished("d01"),
			{"every status is lost in the middle of it", func(s *sim) {
				s.status = v1alpha1.WaveStatus{}
				for _, d := range s.districts {
					d.lose()
				}
			}},
			{"all have been looked at", func(*sim) {}},
			after(time.Hour), finished("d02", "d03"),
		}},
		"newcomers": {wave(stageOf("canary", byName("d00")), stageOf("others", atOnce("2"))), 1, []step{
			{"three register, and nobody has looked at them", func(s *sim) {
				s.finish("d00")
				for n := 1; n <= 3; n++ {
					d := newcomer(n)
					s.districts[d.Name] = d
				}
			}},
			{"all have been looked at", func(*sim) {}},
			{"d03 turns out to have a code that is taken", func(s *sim) {
				d := s.districts["d03"]
				d.Stalled, d.Unfit, d.Cause, d.Message = true, true, v1alpha1.CauseConfiguration, "DuplicateCode: the code is taken"
			}},
			finished("d01", "d02"),
		}},
		"suspended": {wave(stageOf("all", atOnce("1"))), 2, []step{
			{"suspended", func(s *sim) { s.spec.State = v1alpha1.WaveStateSuspended }},
			finished("d00"),
			{"active", func(s *sim) { s.spec.State = v1alpha1.WaveStateActive }},
		}},
		"release-changes": {wave(stageOf("all", atOnce("1"))), 4, []step{
			finished("d00"),
			{"the wave names r3 while d01 is on its way to r2", func(s *sim) { s.nameRelease("r3", "1.2.0") }},
			finished("d01"),
			{"d00 stalls on r3", func(s *sim) { s.stall("d00") }},
			{"the wave names r4, which repairs it", func(s *sim) { s.nameRelease("r4", "1.3.0") }},
			finished("d00"),
		}},
		"downgrade": {wave(stageOf("all", atOnce("100%"))), 3, []step{
			{"d00 runs 2.0.0, d01 is on its way to it, d02 too but that release can be rolled back", func(s *sim) {
				s.releases["r9"] = upgrade.Release{Name: "r9", Version: semver.MustParse("2.0.0")}
				s.releases["r9-safe"] = upgrade.Release{Name: "r9-safe", Version: s.releases["r9"].Version, RollbackSafe: true}
				for name, target := range map[string]string{"d00": "r9", "d01": "r9", "d02": "r9-safe"} {
					d := s.districts[name]
					d.record.Target, d.Target, d.Ready = target, target, false
				}
				s.finish("d00")
			}},
			{"Git pins d00", func(s *sim) { s.districts["d00"].Pin = "r9" }},
		}},
		"late-registration": {wave(stageOf("canary", count(1), soak(60)), stageOf("others")), 2, []step{
			finished("d00"), after(time.Hour),
			{"a district with a lower code registers", func(s *sim) {
				d := newDistrict(7)
				d.Code = "11.00"
				s.districts["d07"] = d
			}},
		}},
		"stage-of-nobody":  {unregistered(), 2, nil},
		"stage-leaves-out": {wave(stageOf("one", count(1)), stageOf("two", count(1))), 3, nil},
		"stage-takes-all":  {wave(stageOf("one"), stageOf("two")), 1, nil},
		"release-unknown": {wave(stageOf("all")), 1, []step{
			{"the release is created", func(s *sim) { s.releases[newRelease] = s.releases[oldRelease] }},
		}},
		"nobody-registered": {wave(stageOf("canary", count(1)), stageOf("others")), 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(story.spec, districts(story.districts)...)
			if name == "release-unknown" {
				delete(s.releases, newRelease)
			}
			var b strings.Builder
			tell := func(what string) {
				fmt.Fprintf(&b, "%s: %s\n    %s", s.now.Format("Mon 15:04"), what, s.reconcile())
			}
			if !elsewhere[name] {
				tell("begin")
			}
			for _, step := range story.steps {
				step.do(s)
				tell(step.says)
			}
			compare(t, filepath.Join("testdata", name+".txt"), b.String())
		})
	}
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s tells another story; look at it and write it anew with -update. Got:\n%s", path, got)
	}
}

// BenchmarkPlan plans for the whole country.
func BenchmarkPlan(b *testing.B) {
	spec := wave(stageOf("first", count(15), soak(60)), stageOf("second", count(100), atOnce("10%")), stageOf("others", atOnce("5%")))
	spec.Rollout.MaintenanceWindow = v1alpha1.MaintenanceWindow{Cron: "0 21 * * *", Minutes: 480}
	s := newSim(spec, districts(514)...)
	for name, release := range s.releases {
		release.Database = "localhost/ilp/postgresql:15-" + name
		s.releases[name] = release
	}
	fleet := s.fleet()
	b.ReportAllocs()
	for b.Loop() {
		Plan(s.spec, s.status, fleet, s.now)
	}
}
