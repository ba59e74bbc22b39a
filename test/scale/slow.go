package main

import (
	"context"
	"io"
	"time"
)

// slowness is what it takes to bring up a fleet whose workloads take minutes, as
// real ones do.
type slowness struct {
	About   about
	Delay   time.Duration
	Objects int
	// Wall is until all is Ready; the workloads themselves need Delay several
	// times, one after the other.
	Wall     time.Duration
	Requests requests
	// Statuses are how many each District and Puskesmas was given.
	Statuses float64
	Usage    usage
}

func (b *bench) slow() (report, error) {
	say("slow: each workload takes %s", b.delay)
	r := &slowness{About: b.about, Delay: b.delay}
	err := b.onCluster("slow", true, func(ctx context.Context, c *cluster, o *observer) error {
		o.simulator.slowDown(b.delay)
		log := &auditReader{path: c.auditLog}
		begin := time.Now()
		running, _, err := b.bringUp(ctx, c, o)
		if err != nil {
			return err
		}
		r.Wall = time.Since(begin)
		if r.Requests, err = log.quiet(b, quietAfter); err != nil {
			return err
		}
		r.Objects, _ = o.count()
		r.Statuses = float64(r.Requests["patch districts/status"]+r.Requests["patch puskesmas/status"]) / float64(len(b.wave.resources()))
		r.Usage, err = usageOf(running.command.Process.Pid)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (r *slowness) print(w io.Writer) {
	t := printer(w)
	t.head(r.About)
	t.linef("")
	t.linef("%-14severy workload takes %s: all Ready after %s; %d objects; %.3f writes and %.3f reads for each; %.2f statuses for each District and Puskesmas; %s CPU, peak %.0f MiB",
		"slow", r.Delay, seconds(r.Wall), r.Objects, r.per(isWrite), r.per(isRead), r.Statuses, seconds(r.Usage.CPU), r.Usage.PeakMiB)
	t.requests(r.Requests)
}

func (r *slowness) per(keep func(string) bool) float64 {
	return float64(r.Requests.sum(keep)) / float64(max(r.Objects, 1))
}

func (r *slowness) missed() error { return nil }
