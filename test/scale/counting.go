package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// quietAfter is how long the operator must ask for nothing to be called quiet.
// It is above the time after which it looks again at what was not ready.
const quietAfter = 20 * time.Second

// countingRound brings up a wave with an audit log and measures on that cluster
// all that is not a matter of wall time.
func (b *bench) countingRound() error {
	say("counting round: %d districts with %d Puskesmas each", b.districts, b.puskesmas)
	return b.onCluster("counting", true, func(ctx context.Context, c *cluster, o *observer) error {
		log := &auditReader{path: c.auditLog}
		var args []string
		if b.profiles != "" {
			args = append(args, "--profiler-address="+profilerAddress)
		}
		profiled := b.profile(ctx, c)
		running, took, err := b.bringUp(ctx, c, o, args...)
		defer func() {
			if running.operator != nil {
				running.stop(syscall.SIGTERM)
			}
		}()
		if err != nil {
			return err
		}
		if err := profiled(); err != nil {
			return err
		}
		steps := []func() error{
			func() (err error) { b.results.Wave, err = log.quiet(b, quietAfter); return err },
			func() (err error) { b.objects, err = capture(ctx, c, o.objects()); return err },
			func() error { return b.atRest(log, running) },
			func() error { return b.restart(ctx, log, &running) },
			func() error { return b.drift(ctx, c, log) },
			func() error { return b.crash(ctx, c, &running) },
		}
		b.results.Counting = took
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
			if err := running.died(running.log); err != nil {
				return err
			}
		}
		b.results.Objects, b.results.Resources = len(b.objects), len(b.wave.districts)+len(b.wave.puskesmas)
		return nil
	})
}

// atRest counts what the operator asks for while nothing changes.
func (b *bench) atRest(log *auditReader, running runningOperator) error {
	say("at rest: watching for %s", b.rest)
	before, err := usageOf(running.command.Process.Pid)
	if err != nil {
		return err
	}
	if _, err := log.next(); err != nil {
		return err
	}
	if err := b.sleep(b.rest); err != nil {
		return err
	}
	if b.results.Rest, err = log.next(); err != nil {
		return err
	}
	after, err := usageOf(running.command.Process.Pid)
	b.results.RestCPU = after.CPU - before.CPU
	return err
}

// restart ends the operator as an update of its Deployment would, and counts
// what the next one asks for until it is quiet.
func (b *bench) restart(ctx context.Context, log *auditReader, running *runningOperator) error {
	say("restart: waiting until the operator is quiet")
	running.stop(syscall.SIGTERM)
	if _, err := log.next(); err != nil {
		return err
	}
	next, err := startOperator(ctx, b.operator, running.kubeconfig, running.log)
	if err != nil {
		return err
	}
	running.operator = next
	if b.results.Restart, err = log.quiet(b, quietAfter); err != nil {
		return err
	}
	b.results.RestartUsage, err = usageOf(next.command.Process.Pid)
	return err
}

// crash kills the operator, starts another and has a new Puskesmas wait for it.
// The dead one's lease has to run out first.
func (b *bench) crash(ctx context.Context, c *cluster, running *runningOperator) error {
	say("crash: a new Puskesmas waits for the next operator")
	turns, err := watchReady(ctx, c)
	if err != nil {
		return err
	}
	running.stop(syscall.SIGKILL)
	added := newPuskesmas(string(b.wave.districts[0].Spec.Code), b.puskesmas+1)
	if err := c.Client.Create(ctx, added); err != nil {
		return err
	}
	begin := time.Now()
	next, err := startOperator(ctx, b.operator, running.kubeconfig, running.log)
	if err != nil {
		return err
	}
	running.operator = next
	if err := b.awaitStatus(ctx, c, added); err != nil {
		return err
	}
	b.results.CrashServed = time.Since(begin)
	err = turns.one(ctx, added.UID)
	b.results.CrashReady = time.Since(begin)
	return err
}

// awaitStatus waits until the operator has said anything of a Puskesmas.
func (b *bench) awaitStatus(ctx context.Context, c *cluster, p *v1alpha1.Puskesmas) error {
	for {
		if err := c.Client.Get(ctx, client.ObjectKeyFromObject(p), p); err != nil {
			return fmt.Errorf("await the new Puskesmas: %w", err)
		}
		if len(p.Status.Conditions) > 0 {
			return nil
		}
		if err := b.sleep(20 * time.Millisecond); err != nil {
			return err
		}
	}
}
