package main

import (
	"context"
	"time"
)

// reapplied is what it takes when a GitOps tool applies everything again, as it
// does every few minutes, and nothing has changed.
type reapplied struct {
	Resources int
	// Wall is that of the applying.
	Wall     time.Duration
	Operator requests
	Server   consumed
}

func (l *life) reapply(ctx context.Context) (finding, error) {
	if err := l.forget(); err != nil {
		return nil, err
	}
	before, err := l.cluster.read(ctx)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := l.wave.apply(ctx, l.cluster); err != nil {
		return nil, err
	}
	r := &reapplied{Resources: len(l.wave.resources()), Wall: time.Since(begin)}
	after, err := l.cluster.read(ctx)
	if err != nil {
		return nil, err
	}
	r.Server = after.since(before)
	r.Operator, _, err = l.since(begin)
	return r, err
}

func (r *reapplied) print(t table) {
	n := float64(r.Resources)
	t.linef("%-14severy District and Puskesmas (%d) applied again: %d writes and %d reads of the operator; %s; %.1f ms CPU of API server and etcd and %.0f KiB allocated for each",
		"reapply", r.Resources, r.Operator.sum(isWrite), r.Operator.sum(isRead), seconds(r.Wall), 1000*(r.Server.API+r.Server.Etcd).Seconds()/n, r.Server.Allocated/n/1024)
	t.requests(r.Operator)
}

func (r *reapplied) aims() []aim {
	return []aim{atMost("reapply: the operator's requests", 0, float64(r.Operator.sum(isBusy)), "")}
}
