package main

import (
	"io"
	"time"
)

// rolloutResults are all that was measured of the scenario wave.
type rolloutResults struct {
	About        about
	Provisioning phase
	Upgrade      phase
	// Changed are the objects that the upgrade made, changed or deleted.
	Changed int
	// Failing is there if the release fails somewhere.
	Failing *failing `json:",omitempty"`
	// FirstPlan decides who begins the upgrade, LastPlan finds that it is over.
	FirstPlan, LastPlan planning
}

// phase is the way of the whole wave to one release.
type phase struct {
	Release string
	// Wall is the time from the change of the wave's spec until the wave says
	// that it is over. The audit log is written meanwhile.
	Wall                  time.Duration
	Stages                []stageTook
	Objects               int
	Requests              requests
	Operator              usage
	ServerCPU             time.Duration
	LoadBefore, LoadAfter string
}

// stageTook is what was seen of a stage; times are from the beginning of the phase.
type stageTook struct {
	Name                   string
	Districts, Given, Done int
	Limit, Peak            int
	Begin, End             time.Duration
}

// failing is what became of a release that fails in some districts.
type failing struct {
	// Doomed are the districts in which it fails, Given those that were given it,
	// Failed the doomed among them; RolledBack are Puskesmas.
	Doomed, Given, Failed, RolledBack int
}

// print writes the table.
func (r *rolloutResults) print(w io.Writer) {
	t := printer(w)
	p := t.linef
	t.head(r.About)
	r.printPhase(t, "provisioning", &r.Provisioning)
	r.printPhase(t, "upgrade", &r.Upgrade)
	if f := r.Failing; f != nil {
		p("")
		p("failing release           fails in %d districts; %d were given it, it failed in %d of them and the wave was held; %d Puskesmas put back; all others serve",
			f.Doomed, f.Given, f.Failed, f.RolledBack)
	}
	p("")
	for _, plan := range []struct {
		name string
		planning
	}{{"first decision", r.FirstPlan}, {"last decision", r.LastPlan}} {
		p("%-26ssnapshot %s, plan %s (median), %s at most of %d; starts %d districts", plan.name,
			plan.Snapshot.Round(time.Microsecond), plan.Median.Round(time.Microsecond), plan.Max.Round(time.Microsecond), plans, plan.Starts)
	}
	p("upgrade                   %d objects changed; %.3f writes for each, %.3f of them of objects and the rest bookkeeping", r.Changed, r.perChanged(isWrite),
		r.perChanged(func(name string) bool { return isWrite(name) && isOwn(name) }))
	p("order                     kept: stages, maxConcurrent, pilots, turns of the Puskesmas (from watches without gaps)")
	if r.Failing == nil {
		t.aims([]aim{atMost("upgrade: writes per changed object", 1.1, r.perChanged(isWrite), "")})
	}
}

func (r *rolloutResults) printPhase(t table, name string, phase *phase) {
	p := t.linef
	n := float64(r.About.Districts)
	count := func(keep func(string) bool) float64 { return float64(phase.Requests.sum(keep)) / n }
	p("")
	p("%-26s%s to %s; %d objects; load average %s before, %s after", name, seconds(phase.Wall), phase.Release, phase.Objects, phase.LoadBefore, phase.LoadAfter)
	for _, s := range phase.Stages {
		switch {
		case s.Given == 0:
			p("    %-22snone of %d districts given the release", s.Name, s.Districts)
		case s.Done < s.Districts:
			p("    %-22s%d of %d districts given the release from %s on, %d done; at most %d in flight of %d", s.Name, s.Given, s.Districts, seconds(s.Begin), s.Done, s.Peak, s.Limit)
		default:
			p("    %-22s%d districts done from %s to %s; at most %d in flight of %d", s.Name, s.Done, seconds(s.Begin), seconds(s.End), s.Peak, s.Limit)
		}
	}
	p("  operator                %.2fs CPU, peak %.0f MiB so far; API server and etcd %.2fs CPU", phase.Operator.CPU.Seconds(), phase.Operator.PeakMiB, phase.ServerCPU.Seconds())
	p("  requests per district   %.2f writes of objects, %.2f of bookkeeping, %.2f reads; %d statuses of the wave",
		count(func(name string) bool { return isWrite(name) && isOwn(name) }),
		count(func(name string) bool { return isWrite(name) && !isOwn(name) }),
		count(isRead), phase.Requests["patch waves/status"])
	t.requests(phase.Requests)
}

func (r *rolloutResults) perChanged(keep func(string) bool) float64 {
	return float64(r.Upgrade.Requests.sum(keep)) / float64(max(r.Changed, 1))
}

func (r *rolloutResults) missed() error { return nil }
