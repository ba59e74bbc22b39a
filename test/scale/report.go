package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// round is a pair that was measured one right after the other.
type round struct {
	Operator, Bare converged
}

// results are all that was measured.
type results struct {
	Machine            string
	Objects, Resources int
	Counting           converged
	Wave, Rest         requests
	RestCPU            time.Duration
	Restart            requests
	RestartUsage       usage
	Drift              []time.Duration
	DriftRequests      requests
	CrashServed        time.Duration
	CrashReady         time.Duration
	Rounds             []round
	Kubectl            converged
}

// print writes the table.
func (r *results) print(w io.Writer) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	p("")
	p("%d objects for %d Districts and Puskesmas; %s; workloads are simulated: their statuses are written at once", r.Objects, r.Resources, r.Machine)
	p("")
	r.printRounds(p)
	own := r.Wave.sum(func(name string) bool { return isWrite(name) && isOwn(name) })
	book := r.Wave.sum(func(name string) bool { return isWrite(name) && !isOwn(name) })
	reads := r.Wave.sum(func(name string) bool { return !isWrite(name) && !isLease(name) })
	p("")
	p("requests per object       %.3f for the objects, %.3f with the bookkeeping (%d statuses, finalizers, releases, events)", r.per(own), r.per(own+book), book)
	p("                          and %d reads, most of them when it starts", reads)
	printRequests(p, r.Wave)
	p("")
	p("at rest                   %d requests a minute, %d writes; CPU %.1f ms/s", r.Rest.sum(isBusy), r.Rest.sum(isWrite), perSecond(r))
	printRequests(p, r.Rest)
	p("restart                   %d writes, %d reads; %s CPU, peak %.0f MiB", r.Restart.sum(isWrite), r.Restart.sum(isRead), r.RestartUsage.CPU.Round(time.Millisecond), r.RestartUsage.PeakMiB)
	printRequests(p, r.Restart)
	p("crash                     a new Puskesmas is served %s after the next operator's start and Ready after %s; the dead one's lease included", seconds(r.CrashServed), seconds(r.CrashReady))
	if len(r.Drift) > 0 {
		sorted := slices.Sorted(slices.Values(r.Drift))
		n := float64(len(sorted))
		p("drift                     put right in %s (median), %s at most; %.2f writes of objects and %.2f others for each of %d",
			milliseconds(sorted[len(sorted)/2]), milliseconds(sorted[len(sorted)-1]),
			float64(r.DriftRequests.sum(func(name string) bool { return isWrite(name) && isOwn(name) }))/n,
			float64(r.DriftRequests.sum(func(name string) bool { return isWrite(name) && !isOwn(name) }))/n, len(sorted))
		printRequests(p, r.DriftRequests)
	}
}

func (r *results) printRounds(p func(string, ...any)) {
	if len(r.Rounds) == 0 {
		return
	}
	p("%-26s%10s%10s%8s%14s%14s%12s%12s", "until all objects exist", "operator", "bare", "ratio", "until Ready", "server CPU", "CPU/object", "peak")
	var ratios, ready, server []float64
	for n, pair := range r.Rounds {
		ratio := pair.Operator.Exist.Seconds() / pair.Bare.Exist.Seconds()
		ratios = append(ratios, ratio)
		ready = append(ready, pair.Operator.Ready.Seconds()/pair.Bare.Exist.Seconds())
		server = append(server, pair.Operator.ServerCPU.Seconds()/pair.Bare.ServerCPU.Seconds())
		p("%-26s%10s%10s%8.2f%14s%14s%12s%12s", fmt.Sprintf("round %d", n+1), seconds(pair.Operator.Exist), seconds(pair.Bare.Exist), ratio, seconds(pair.Operator.Ready),
			fmt.Sprintf("%.1f/%.1fs", pair.Operator.ServerCPU.Seconds(), pair.Bare.ServerCPU.Seconds()),
			fmt.Sprintf("%.2f/%.2fms", perObject(pair.Operator), perObject(pair.Bare)),
			fmt.Sprintf("%.0f/%.0fMiB", pair.Operator.Operator.PeakMiB, pair.Bare.Operator.PeakMiB))
	}
	p("median (min-max)          exist %s, Ready %s, CPU of API server and etcd %s times the bare client's", spread(ratios), spread(ready), spread(server))
	if r.Kubectl.Objects > 0 {
		bare := make([]float64, len(r.Rounds))
		for i, pair := range r.Rounds {
			bare[i] = pair.Bare.Exist.Seconds()
		}
		slices.Sort(bare)
		p("kubectl apply -k          %10s%10s%8.2f   %d processes, one round; against the bare client's median; %.2f ms CPU/object, peak %.0f MiB each",
			seconds(r.Kubectl.Exist), "", r.Kubectl.Exist.Seconds()/bare[len(bare)/2], kubectlProcesses, perObject(r.Kubectl), r.Kubectl.Operator.PeakMiB)
	}
}

func (r *results) per(n int) float64 { return float64(n) / float64(max(r.Objects, 1)) }

// isBusy leaves out what keeps informers and leadership alive.
func isBusy(name string) bool { return !isLease(name) && !strings.HasPrefix(name, "watch ") }

func isRead(name string) bool { return isBusy(name) && !isWrite(name) }

func perSecond(r *results) float64 {
	return float64(r.RestCPU.Microseconds()) / 1000 / 60
}

func perObject(c converged) float64 {
	return float64(c.Operator.CPU.Microseconds()) / 1000 / float64(max(c.Objects, 1))
}

func spread(values []float64) string {
	slices.Sort(values)
	return fmt.Sprintf("%.2f (%.2f-%.2f)", values[len(values)/2], values[0], values[len(values)-1])
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

func milliseconds(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }

// printRequests lists requests, most frequent first; watches and leases are left out.
func printRequests(p func(string, ...any), r requests) {
	names := slices.SortedFunc(maps.Keys(r), func(a, b string) int { return cmp.Or(cmp.Compare(r[b], r[a]), cmp.Compare(a, b)) })
	var line strings.Builder
	for _, name := range names {
		if !isBusy(name) {
			continue
		}
		entry := fmt.Sprintf("%d %s", r[name], name)
		if line.Len()+len(entry) > 110 {
			p("    %s", line.String())
			line.Reset()
		}
		if line.Len() > 0 {
			line.WriteString(", ")
		}
		line.WriteString(entry)
	}
	if line.Len() > 0 {
		p("    %s", line.String())
	}
}
