package main

import (
	"context"
	"time"
)

// resting is what the operator does while nothing changes.
type resting struct {
	For      time.Duration
	Requests requests
	CPU      time.Duration
}

func (l *life) atRest(context.Context) (finding, error) {
	pid := l.operator.command.Process.Pid
	before, err := usageOf(pid)
	if err != nil {
		return nil, err
	}
	if err := l.forget(); err != nil {
		return nil, err
	}
	if err := l.sleep(l.rest); err != nil {
		return nil, err
	}
	asked, err := l.log.next()
	if err != nil {
		return nil, err
	}
	after, err := usageOf(pid)
	return &resting{l.rest, asked, after.CPU - before.CPU}, err
}

func (r *resting) print(t table) {
	t.linef("%-14s%d requests, %d of them writes, in %s; CPU %.1f ms/s", "rest", r.Requests.sum(isBusy), r.Requests.sum(isWrite), r.For, 1000*r.CPU.Seconds()/r.For.Seconds())
	t.requests(r.Requests)
}

func (r *resting) aims() []aim {
	return []aim{atMost("rest: requests", 0, float64(r.Requests.sum(isBusy)), "")}
}
