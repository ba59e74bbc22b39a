// Command scale measures the operator: beside a bare client that sends the same
// objects, beside the tools that people might use instead, and alone over the
// life of a fleet. `make bench` runs it.
//
// Only etcd and kube-apiserver run, fresh for every turn. There are no nodes: the
// statuses of Clusters, Databases, DatabaseRoles, Jobs and Deployments are written
// by a simulator as soon as the objects appear, whoever has made them. So times
// are those of control planes, not of pods.
//
// The scenarios, by -scenario:
//
//	compare  everybody brings the same objects up, in rounds; see contestants.go
//	life     rest, drift, restarts and more waves of one fleet; see life.go
//	wave     an upgrade of everything by a Wave, which must keep its order
//	slow     workloads that take minutes
//	desa     Puskesmas with as many desa as there may be
//	gate     requests and allocations of a small fleet, which fail if there are
//	         more than gate.go says
//
// A host's speed wanders, so seconds are compared within a round only, as medians
// with 95% intervals. Requests, and the bytes that the API server allocates, don't
// wander: the gate holds them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// options are the flags.
type options struct {
	districts, puskesmas, rounds, drifts, storm                  int
	rest, delay                                                  time.Duration
	scenario, contestants, steps, fail, json, operator, profiles string
	seed                                                         uint64
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == bareClientCommand {
		if err := runBareClient(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, "bare client:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.StringVar(&o.scenario, "scenario", "compare", "what to measure: one of "+scenarioNames())
	flag.StringVar(&o.contestants, "contestants", contestantNames(), "who is compared")
	flag.IntVar(&o.districts, "districts", 15, "districts of the wave")
	flag.IntVar(&o.puskesmas, "puskesmas", 20, "Puskesmas of each district")
	flag.IntVar(&o.rounds, "rounds", 7, "rounds of a comparison, in each of which everybody has a turn")
	flag.StringVar(&o.steps, "steps", stepNames(), "steps of the scenario life")
	flag.IntVar(&o.drifts, "drifts", 20, "objects that are deleted or edited by hand, one at a time")
	flag.IntVar(&o.storm, "storm", 1000, "objects that are deleted or edited all at once")
	flag.DurationVar(&o.delay, "delay", time.Minute, "how long each workload takes in the scenario slow")
	flag.DurationVar(&o.rest, "rest", time.Minute, "how long the operator is watched at rest")
	flag.StringVar(&o.fail, "fail", "0%", "districts, as a number or a percentage, in which the next release of the wave fails")
	flag.Uint64Var(&o.seed, "seed", 1, "decides which districts those are")
	flag.StringVar(&o.json, "json", "", "file to write the results to")
	flag.StringVar(&o.operator, "operator", "", "operator to measure (default: built from this source)")
	flag.StringVar(&o.profiles, "profiles", "", "folder for the operator's CPU and heap profile during the counting round or the upgrade")
	timeout := flag.Duration("timeout", 2*time.Hour, "when to give up")
	flag.Parse()

	// The libraries' own logs would only hide the table.
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, fmt.Errorf("not done after %s: see -timeout", *timeout))
	err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		if cause := context.Cause(ctx); cause != nil {
			fmt.Fprintln(os.Stderr, "bench:", cause)
		}
	}
	stop()
	cancel()
	if err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	work, err := os.MkdirTemp("", "ilp-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := &bench{options: o, folder: work, wave: newWave(fleet{districts: o.districts, puskesmas: o.puskesmas, desa: desaEach})}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	measure, known := scenarios[o.scenario]
	if !known {
		return fmt.Errorf("-scenario %q: name one of %s", o.scenario, scenarioNames())
	}
	measured, err := measure(b)
	if measured == nil {
		return err
	}
	// What was measured before something went wrong is worth having.
	measured.print(os.Stdout)
	return errors.Join(err, write(o.json, measured), measured.missed())
}

// write writes the results to a file, if one is named.
func write(file string, measured report) error {
	if file == "" {
		return nil
	}
	content, err := json.MarshalIndent(measured, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // results are for everybody
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o644) //nolint:gosec // results are for everybody
}

// say tells what goes on.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
