package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// report is what a scenario has measured.
type report interface {
	// print writes the table.
	print(w io.Writer)
	// missed says what is not as it must be; a gate fails by it.
	missed() error
}

// scenarios are what the program can measure.
var scenarios = map[string]func(*bench) (report, error){
	"compare": (*bench).compare,
	"desa":    (*bench).desa,
	"gate":    (*bench).gate,
	"life":    (*bench).live,
	"slow":    (*bench).slow,
	"wave":    (*bench).rollOut,
}

func scenarioNames() string { return strings.Join(slices.Sorted(maps.Keys(scenarios)), ", ") }

// bringUpModel has the operator bring the wave up in the first place, counts
// what it asks for by the audit log, and keeps what it has made.
func (b *bench) bringUpModel() (requests, error) {
	say("the objects: %d districts with %d Puskesmas each", b.districts, b.puskesmas)
	var asked requests
	err := b.onCluster("model", true, func(ctx context.Context, c *cluster, o *observer) error {
		log := &auditReader{path: c.auditLog}
		if _, _, err := b.bringUp(ctx, c, o); err != nil {
			return err
		}
		var err error
		if asked, err = log.quiet(b, quietAfter); err != nil {
			return err
		}
		return b.keep(ctx, c)
	})
	return asked, err
}

// bringUp starts the operator and waits until the whole wave is Ready.
func (b *bench) bringUp(ctx context.Context, c *cluster, o *observer, args ...string) (*runningOperator, *turns, error) {
	running, err := b.startOn(ctx, c, args...)
	if err != nil {
		return running, nil, err
	}
	turns, err := watchReady(ctx, c)
	if err == nil {
		err = b.wave.apply(ctx, c)
	}
	if err == nil {
		_, err = b.awaitReady(ctx, turns, running, o)
	}
	if err == nil {
		err = b.awaitSimulator(o)
	}
	return running, turns, err
}

// keep reads the objects, for others to make the same.
func (b *bench) keep(ctx context.Context, c *cluster) error {
	var err error
	if b.objects, err = capture(ctx, c); err != nil {
		return fmt.Errorf("read what the operator has made: %w", err)
	}
	if b.contents, err = c.contents(ctx); err != nil {
		return err
	}
	b.captured, err = b.wave.captureResources(ctx, c)
	return err
}
