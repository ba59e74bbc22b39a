package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"ilp.health/operator/test/scale/internal/stats"
)

// print writes the table.
func (r *comparison) print(w io.Writer) {
	p := printer(w)
	p.head(r.About)
	p.linef("%d objects, the same of everybody (digest %.12s); %d rounds; times until everything exists and, where there are any, every status says Ready", r.Objects, r.Digest, r.rounds())
	p.linef("")
	p.linef("%-15s%8s%19s%19s%15s%10s%19s%10s%9s%8s", "", "wall", "÷ bare (95%)", "÷ bare+crs (95%)", "CPU/object", "bench", "allocated", "÷ bare", "requests", "peak")
	p.linef("%-15s%8s%19s%19s%15s%10s%19s%10s%9s%8s", "", "median", "", "", "server client", "CPU", "a object", "", "/object", "MiB")
	for _, who := range r.names {
		walls := r.of(who, wall)
		if len(walls) == 0 {
			p.linef("%-15s%8s", who, "-")
			continue
		}
		server := stats.Median(r.of(who, func(o *outcome) float64 { return (o.API + o.Etcd).Seconds() }))
		client := stats.Median(r.of(who, func(o *outcome) float64 { return o.Client.CPU.Seconds() }))
		p.linef("%-15s%7.2fs%19s%19s%15s%9.2fs%15.0f KiB%10s%9.3f%8.0f", who, stats.Median(walls),
			estimate(r.ratio(who, limitApply, wall)), estimate(r.ratio(who, limitResources, wall)),
			fmt.Sprintf("%.2f %.2fms", 1000*r.perObject(server), 1000*r.perObject(client)), stats.Median(r.of(who, benchCPU)),
			r.perObject(stats.Median(r.of(who, allocated)))/1024, median(r.ratio(who, limitApply, allocated)),
			r.perObject(stats.Median(r.of(who, asked))), stats.Median(r.of(who, peak)))
	}
	p.linef("")
	for _, who := range r.names {
		if who != theOperator {
			if e := r.ratio(theOperator, who, wall); e.N > 0 {
				p.linef("operator ÷ %-15s wall %s, CPU of all but the bench %s, allocations %s", who, estimate(e), estimate(r.ratio(theOperator, who, allCPU)), estimate(r.ratio(theOperator, who, allocated)))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.LeftOut)) {
		p.linef("%-15s left out: %s", name, r.LeftOut[name])
	}
	for _, t := range r.Turns {
		if t.Failure != "" {
			p.linef("%-15s round %d failed: %s", t.Who, t.Round, t.Failure)
		}
	}
	p.linef("")
	p.linef("the operator asked for (audit log; with its start and until it was quiet)")
	p.requests(r.Asked)
	p.aims(r.Aims)
}

func (r *comparison) rounds() int {
	n := 0
	for _, t := range r.Turns {
		n = max(n, t.Round)
	}
	return n
}

func estimate(e stats.Estimate) string {
	if e.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f (%.2f-%.2f)", e.Median, e.Low, e.High)
}

func median(e stats.Estimate) string {
	if e.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", e.Median)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

func milliseconds(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }
