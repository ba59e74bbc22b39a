package main

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"time"
)

// converged is what a wave took.
type converged struct {
	// Exist is the time until the last object appeared, Ready until the last
	// District and Puskesmas were.
	Exist, Ready time.Duration
	Objects      int
	Operator     usage
	// ServerCPU is what etcd and kube-apiserver consumed meanwhile.
	ServerCPU time.Duration
}

// runningOperator is an operator with what it is started with.
type runningOperator struct {
	*operator
	kubeconfig, log string
}

// bringUp starts the operator, applies the wave and waits until all is Ready.
func (b *bench) bringUp(ctx context.Context, c *cluster, o *observer, args ...string) (runningOperator, converged, error) {
	var out converged
	kubeconfig, err := c.kubeconfig(ctx, operatorAccount)
	if err != nil {
		return runningOperator{}, out, err
	}
	running := runningOperator{kubeconfig: kubeconfig, log: filepath.Join(c.folder, "operator.log")}
	running.operator, err = startOperator(ctx, b.operator, kubeconfig, running.log, args...)
	if err != nil {
		return running, out, err
	}
	turns, err := watchReady(ctx, c)
	if err == nil {
		err = b.awaitLeader(ctx, c)
	}
	if err != nil {
		return running, out, err
	}
	server := serverCPU()
	begin := time.Now()
	if err := b.wave.apply(ctx, c); err != nil {
		return running, out, err
	}
	ready, err := turns.all(ctx, len(b.wave.districts)+len(b.wave.puskesmas), func() error {
		if err := running.died(running.log); err != nil {
			return err
		}
		return o.simulator.err()
	})
	if err != nil {
		return running, out, err
	}
	if err := b.awaitSimulator(o); err != nil {
		return running, out, err
	}
	out.ServerCPU = serverCPU() - server
	var last time.Time
	out.Objects, last = o.count()
	out.Exist, out.Ready = last.Sub(begin), ready.Sub(begin)
	out.Operator, err = usageOf(running.command.Process.Pid)
	return running, out, err
}

// operatorRound times the operator.
func (b *bench) operatorRound(n int, r *round) error {
	say("round %d: operator", n)
	return b.onCluster(fmt.Sprintf("operator-%d", n), false, func(ctx context.Context, c *cluster, o *observer) error {
		running, took, err := b.bringUp(ctx, c, o)
		if running.operator != nil {
			defer running.stop(syscall.SIGTERM)
		}
		r.Operator = took
		if err == nil && took.Objects != len(b.objects) {
			err = fmt.Errorf("there are %d objects, in the counting round there were %d", took.Objects, len(b.objects))
		}
		return err
	})
}

// bareRound times the bare client with the objects of the counting round.
func (b *bench) bareRound(n int, r *round) error {
	say("round %d: bare client", n)
	return b.onCluster(fmt.Sprintf("bare-%d", n), false, func(ctx context.Context, c *cluster, o *observer) error {
		kubeconfig, err := c.kubeconfig(ctx, bareAccount)
		if err != nil {
			return err
		}
		server := serverCPU()
		result, used, err := startBareClient(ctx, kubeconfig, b.objectsFile)
		if err != nil {
			return err
		}
		if err := b.awaitObjects(o); err != nil {
			return err
		}
		if err := b.awaitSimulator(o); err != nil {
			return err
		}
		r.Bare.ServerCPU = serverCPU() - server
		_, last := o.count()
		r.Bare.Exist, r.Bare.Operator, r.Bare.Objects = last.Sub(result.Start), used, len(b.objects)
		return b.verify(o)
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

// verify compares the names of what is there with those of the counting round.
func (b *bench) verify(o *observer) error {
	want := map[key]bool{}
	for _, object := range b.objects {
		want[object.Key] = true
	}
	for _, k := range o.objects() {
		if !want[k] {
			return fmt.Errorf("%s is not among the objects of the counting round", k)
		}
	}
	return nil
}
