package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// secondWave is what new districts take on a cluster that has many, and what
// becomes of those.
type secondWave struct {
	Districts, Objects int
	Wall               time.Duration
	Requests           requests
	// Elsewhere are writes to what was there before.
	Elsewhere requests
}

func (l *life) secondWave(ctx context.Context) (finding, error) {
	if err := l.forget(); err != nil {
		return nil, err
	}
	more := newWave(fleet{first: l.districts, districts: max(l.districts/3, 1), puskesmas: l.puskesmas, desa: desaEach})
	r := &secondWave{Districts: len(more.districts), Requests: requests{}, Elsewhere: requests{}}
	before, _ := l.observer.count()
	begin := time.Now()
	if err := more.apply(ctx, l.cluster); err != nil {
		return nil, err
	}
	all := len(l.wave.resources()) + l.added + len(more.resources())
	ready, err := l.turns.all(ctx, all, func() error { return l.operator.died(l.operator.log) })
	if err != nil {
		return nil, err
	}
	after, _ := l.observer.count()
	r.Wall, r.Objects = ready.Sub(begin), after-before
	_, err = l.log.until(l.bench, quietAfter, func(event *auditEvent) {
		r.Requests[event.name()]++
		if isWrite(event.name()) && !isCounting(event) && !more.has(event) {
			r.Elsewhere[event.name()]++
		}
	})
	return r, err
}

// isCounting tells what must be written when there are more of anything, or when
// another operator leads: releases count who runs them, and the lease has events.
func isCounting(event *auditEvent) bool {
	return event.ObjectRef.Resource == "stackreleases" || (event.ObjectRef.Resource == "events" && event.ObjectRef.Namespace == operatorNamespace)
}

// has tells whether a request is about something of the wave. Events of
// Districts begin with their names.
func (w wave) has(event *auditEvent) bool {
	for _, namespace := range w.namespaces {
		if event.ObjectRef.Namespace == namespace.Name || event.ObjectRef.Name == namespace.Name {
			return true
		}
	}
	return slices.ContainsFunc(w.resources()[:len(w.districts)], func(d client.Object) bool {
		return event.ObjectRef.Name == d.GetName() || strings.HasPrefix(event.ObjectRef.Name, d.GetName()+".")
	})
}

func (r *secondWave) print(t table) {
	n := float64(max(r.Objects, 1))
	t.linef("%-14s%d districts more: Ready after %s, %.2f ms for each of %d objects; %.3f writes for each; %d writes elsewhere", "second wave",
		r.Districts, seconds(r.Wall), 1000*r.Wall.Seconds()/n, r.Objects, float64(r.Requests.sum(isWrite))/n, r.Elsewhere.sum(isWrite))
	t.requests(r.Elsewhere)
}

func (r *secondWave) aims() []aim {
	return []aim{atMost("second wave: writes elsewhere", 0, float64(r.Elsewhere.sum(isWrite)), "")}
}
