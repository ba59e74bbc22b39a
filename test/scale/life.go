package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// life is what becomes of a fleet that is up: step by step on one cluster, with
// an audit log of what the operator asks for. Nothing of it is compared with
// others, so nothing of it is about wall time but what people wait for.
type life struct {
	*bench
	cluster  *cluster
	observer *observer
	log      *auditReader
	operator *runningOperator
	turns    *turns
	// added counts Puskesmas that came after the wave.
	added int
}

// finding is what a step has measured.
type finding interface {
	print(t table)
	aims() []aim
}

type step struct {
	name string
	do   func(*life, context.Context) (finding, error)
}

// steps of a life, in the order in which they have to be: the fleet of the first
// ones is the whole fleet.
func steps() []step {
	return []step{
		{"rest", (*life).atRest},
		{"reapply", (*life).reapply},
		{"drift", (*life).drift},
		{"storm", (*life).driftStorm},
		{"restart", (*life).restart},
		{"kill", (*life).kill},
		{"second-wave", (*life).secondWave},
	}
}

func stepNames() string {
	var names []string
	for _, s := range steps() {
		names = append(names, s.name)
	}
	return strings.Join(names, ",")
}

// lifeResults are the findings by step.
type lifeResults struct {
	About   about
	Objects int
	Asked   requests
	Steps   []lifeStep
	Aims    []aim
}

type lifeStep struct {
	Name    string
	Finding finding
}

func (b *bench) live() (report, error) {
	r := &lifeResults{About: b.about}
	chosen := strings.Split(b.steps, ",")
	for _, name := range chosen {
		if !slices.ContainsFunc(steps(), func(s step) bool { return s.name == name }) {
			return nil, fmt.Errorf("-steps: there is no step %q: name some of %s", name, stepNames())
		}
	}
	say("life: %d districts with %d Puskesmas each", b.districts, b.puskesmas)
	err := b.onCluster("life", true, func(ctx context.Context, c *cluster, o *observer) error {
		l := &life{bench: b, cluster: c, observer: o, log: &auditReader{path: c.auditLog}}
		var err error
		if err := l.begin(ctx); err != nil {
			return err
		}
		if r.Asked, err = l.log.quiet(b, quietAfter); err != nil {
			return err
		}
		if err := b.keep(ctx, c); err != nil {
			return err
		}
		r.Objects = len(b.objects)
		for _, s := range steps() {
			if !slices.Contains(chosen, s.name) {
				continue
			}
			say("life: %s", s.name)
			found, err := s.do(l, ctx)
			if err == nil {
				err = l.operator.died(l.operator.log)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			r.Steps = append(r.Steps, lifeStep{s.name, found})
			r.Aims = append(r.Aims, found.aims()...)
		}
		return nil
	})
	return r, err
}

// begin brings the fleet up.
func (l *life) begin(ctx context.Context) error {
	var args []string
	if l.profiles != "" {
		args = append(args, "--profiler-address="+profilerAddress)
	}
	profiled := l.profile(ctx, l.cluster)
	var err error
	if l.operator, l.turns, err = l.bringUp(ctx, l.cluster, l.observer, args...); err != nil {
		return err
	}
	return profiled()
}

// since returns what was asked for since the last time, once all is quiet, and
// how long that took from a time.
func (l *life) since(begin time.Time) (requests, time.Duration, error) {
	all := requests{}
	last, err := l.log.until(l.bench, quietAfter, func(event *auditEvent) { all[event.name()]++ })
	return all, max(last.Sub(begin), 0), err
}

// forget leaves out what was asked for until now.
func (l *life) forget() error {
	_, err := l.log.next()
	return err
}

// print writes the table.
func (r *lifeResults) print(w io.Writer) {
	t := printer(w)
	t.head(r.About)
	book := r.Asked.sum(func(name string) bool { return isWrite(name) && !isOwn(name) })
	t.linef("")
	t.linef("%-14s%d objects; %.3f writes per object with the bookkeeping (%d statuses, finalizers, events)", "bring-up", r.Objects,
		float64(r.Asked.sum(isWrite))/float64(max(r.Objects, 1)), book)
	t.requests(r.Asked)
	for _, s := range r.Steps {
		t.linef("")
		s.Finding.print(t)
	}
	t.aims(r.Aims)
}

func (r *lifeResults) missed() error { return nil }
