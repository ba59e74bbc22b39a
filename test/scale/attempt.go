package main

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"ilp.health/operator/test/testenv"
)

// contestant is one that brings the objects of the wave up.
type contestant struct {
	name, what string
	// bring prepares, calls start, and returns when its work is done.
	bring func(context.Context, *attempt) error
	// then looks at what it has made, after all is measured.
	then func(context.Context, *attempt) error
	// installs are CRDs that it needs.
	installs func(*bench) ([]testenv.Option, error)
	// program is what it runs, if that is not the bench itself.
	program func(*bench) string
}

// outcome is what bringing the objects up took.
type outcome struct {
	// Exist is the time until the last object appeared; Done until the last
	// status was seen as well, for those who write statuses.
	Exist, Done time.Duration
	Objects     int
	// Client is what the contestant's own processes consumed.
	Client usage
	consumed
	Load string
}

// cpu is that of all who took part but the bench.
func (o *outcome) cpu() time.Duration { return o.API + o.Etcd + o.Client.CPU }

// attempt is a contestant's turn on a fresh API server.
type attempt struct {
	*bench
	cluster  *cluster
	observer *observer

	began   time.Time
	before  reading
	running map[int]usage
	outcome outcome
}

// serves counts a process that runs on as the contestant's.
func (a *attempt) serves(pid int) { a.running[pid] = usage{} }

// spent counts a process that has ended as the contestant's.
func (a *attempt) spent(u usage) {
	a.outcome.Client.CPU += u.CPU
	a.outcome.Client.PeakMiB = max(a.outcome.Client.PeakMiB, u.PeakMiB)
}

// start begins to measure.
func (a *attempt) start(ctx context.Context) (err error) {
	a.outcome.Load = loadAverage()
	for pid := range a.running {
		if a.running[pid], err = usageOf(pid); err != nil {
			return err
		}
	}
	a.before, err = a.cluster.read(ctx)
	a.began = time.Now()
	return err
}

// end waits until everything is there and measures.
func (a *attempt) end(ctx context.Context) error {
	if err := a.awaitObjects(a.observer); err != nil {
		return err
	}
	if err := a.awaitSimulator(a.observer); err != nil {
		return err
	}
	after, err := a.cluster.read(ctx)
	if err != nil {
		return err
	}
	a.outcome.consumed = after.since(a.before)
	for pid, before := range a.running {
		u, err := usageOf(pid)
		if err != nil {
			return fmt.Errorf("it has ended: %w", err)
		}
		a.spent(usage{CPU: u.CPU - before.CPU, PeakMiB: u.PeakMiB})
	}
	n, last := a.observer.count()
	a.outcome.Objects, a.outcome.Exist = n, last.Sub(a.began)
	a.outcome.Done = max(a.outcome.Done, a.outcome.Exist)
	return a.verify(ctx)
}

// verify compares what there is with what the operator made in the first place.
func (a *attempt) verify(ctx context.Context) error {
	if a.contents == nil {
		return nil
	}
	got, err := a.cluster.contents(ctx)
	if err != nil {
		return err
	}
	return got.equal(a.contents)
}

// attempt gives a contestant its turn.
func (b *bench) attempt(n int, who contestant) (outcome, error) {
	say("round %d: %s", n, who.what)
	var options []testenv.Option
	if who.installs != nil {
		var err error
		if options, err = who.installs(b); err != nil {
			return outcome{}, err
		}
	}
	a := &attempt{bench: b, running: map[int]usage{}}
	err := b.onCluster(fmt.Sprintf("%s-%d", who.name, n), false, func(ctx context.Context, c *cluster, o *observer) error {
		a.cluster, a.observer = c, o
		if err := who.bring(ctx, a); err != nil {
			return err
		}
		if err := a.end(ctx); err != nil || who.then == nil {
			return err
		}
		return who.then(ctx, a)
	}, options...)
	return a.outcome, err
}

// runningOperator is an operator with what it is started with.
type runningOperator struct {
	*operator
	kubeconfig, log string
}

// startOn starts the operator on a cluster and waits until it works. It ends
// with the cluster.
func (b *bench) startOn(ctx context.Context, c *cluster, args ...string) (*runningOperator, error) {
	kubeconfig, err := c.kubeconfig(ctx, operatorAccount)
	if err != nil {
		return nil, err
	}
	running := &runningOperator{kubeconfig: kubeconfig, log: filepath.Join(c.folder, "operator.log")}
	if running.operator, err = startOperator(ctx, b.operator, kubeconfig, running.log, args...); err != nil {
		return nil, err
	}
	c.Cleanup(func() { running.stop(syscall.SIGTERM) })
	return running, b.awaitLeader(ctx, c)
}

// bringByOperator applies the wave and waits until all of it is Ready.
func bringByOperator(ctx context.Context, a *attempt) error {
	running, err := a.startOn(ctx, a.cluster)
	if err != nil {
		return err
	}
	a.serves(running.command.Process.Pid)
	turns, err := watchReady(ctx, a.cluster)
	if err != nil {
		return err
	}
	if err := a.start(ctx); err != nil {
		return err
	}
	if err := a.wave.apply(ctx, a.cluster); err != nil {
		return err
	}
	ready, err := a.awaitReady(ctx, turns, running, a.observer)
	a.outcome.Done = ready.Sub(a.began)
	return err
}

// awaitReady waits until the whole wave is Ready.
func (b *bench) awaitReady(ctx context.Context, turns *turns, running *runningOperator, o *observer) (time.Time, error) {
	return turns.all(ctx, len(b.wave.districts)+len(b.wave.puskesmas), func() error {
		if err := running.died(running.log); err != nil {
			return err
		}
		return o.simulator.err()
	})
}

// awaitObjects waits until the observer has seen as many as there ought to be.
func (b *bench) awaitObjects(o *observer) error {
	for {
		if n, _ := o.count(); n >= len(b.objects) {
			return nil
		}
		if err := o.simulator.err(); err != nil {
			return err
		}
		if err := b.sleep(20 * time.Millisecond); err != nil {
			return err
		}
	}
}

// awaitSimulator waits until every status is written, so that what the API
// server did for them is counted alike for all.
func (b *bench) awaitSimulator(o *observer) error {
	// The observer's watches may be a moment behind.
	if err := b.sleep(500 * time.Millisecond); err != nil {
		return err
	}
	for !o.simulator.idle() {
		if err := b.sleep(20 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
