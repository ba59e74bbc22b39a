package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// stormInFlight are as many as hit the API server at once.
const stormInFlight = 16

// storm is what many drifts at once take.
type storm struct {
	Drifts int
	// Touching is how long it took to do, Wall until the last repair.
	Touching, Wall time.Duration
	Requests       requests
	PeakMiB        float64
}

func (l *life) driftStorm(ctx context.Context) (finding, error) {
	if err := l.forget(); err != nil {
		return nil, err
	}
	all := l.disturbances(l.storm)
	begin := time.Now()
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(stormInFlight)
	for _, d := range all {
		group.Go(func() error {
			return d.touch(groupContext, l.cluster.dynamic.Resource(d.key.GroupVersionResource).Namespace(d.key.Namespace))
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	r := &storm{Drifts: len(all), Touching: time.Since(begin)}
	var err error
	if r.Requests, r.Wall, err = l.since(begin); err != nil {
		return nil, err
	}
	got, err := l.cluster.contents(ctx)
	if err != nil {
		return nil, err
	}
	if err := got.equal(l.contents); err != nil {
		return nil, fmt.Errorf("not put right, and the operator is quiet: %w", err)
	}
	u, err := usageOf(l.operator.command.Process.Pid)
	r.PeakMiB = u.PeakMiB
	return r, err
}

func (r *storm) print(t table) {
	n := float64(max(r.Drifts, 1))
	t.linef("%-14s%d drifts within %s, the last put right after %s; %.2f writes of objects and %.2f others for each; peak so far %.0f MiB", "storm", r.Drifts, seconds(r.Touching), seconds(r.Wall),
		float64(r.Requests.sum(func(name string) bool { return isWrite(name) && isOwn(name) }))/n,
		float64(r.Requests.sum(func(name string) bool { return isWrite(name) && !isOwn(name) }))/n, r.PeakMiB)
	t.requests(r.Requests)
}

func (r *storm) aims() []aim {
	return []aim{atMost("storm: writes of objects per drift", 1.1, float64(r.Requests.sum(func(name string) bool { return isWrite(name) && isOwn(name) }))/float64(max(r.Drifts, 1)), "")}
}
