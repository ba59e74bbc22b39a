package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// restarted is what the next operator does when one has ended.
type restarted struct {
	how string
	// Led is from the end of the one until the next leads: a lease has to run out
	// if the one was killed. Verified is from then until the next has looked at
	// everything and asks for nothing more.
	Led, Verified time.Duration
	// Served and Ready are what a new Puskesmas waited since the next one leads,
	// if there was one.
	Served, Ready time.Duration `json:",omitempty"`
	Requests      requests
	// Elsewhere are writes to what was there before.
	Elsewhere requests
	Usage     usage
}

// restart ends the operator as an update of its Deployment would.
func (l *life) restart(ctx context.Context) (finding, error) {
	return l.replace(ctx, "restart", syscall.SIGTERM, nil)
}

// kill ends it with kill -9 and has a new Puskesmas wait for the next one.
func (l *life) kill(ctx context.Context) (finding, error) {
	l.added++
	return l.replace(ctx, "kill -9", syscall.SIGKILL, newPuskesmas(string(l.wave.districts[0].Spec.Code), l.puskesmas+l.added, desaEach))
}

func (l *life) replace(ctx context.Context, how string, signal syscall.Signal, added *v1alpha1.Puskesmas) (finding, error) {
	r := &restarted{how: how, Requests: requests{}, Elsewhere: requests{}}
	before, err := l.cluster.lease(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.forget(); err != nil {
		return nil, err
	}
	l.operator.stop(signal)
	ended := time.Now()
	if l.operator.operator, err = startOperator(ctx, l.bench.operator, l.operator.kubeconfig, l.operator.log); err != nil {
		return nil, err
	}
	l.cluster.Cleanup(l.operator.end)
	if added != nil {
		if err := l.cluster.Client.Create(ctx, added); err != nil {
			return nil, err
		}
	}
	leads, err := l.awaitNextLeader(ctx, before)
	if err != nil {
		return nil, err
	}
	r.Led = leads.Sub(ended)
	if added != nil {
		if err := l.awaitServed(ctx, added); err != nil {
			return nil, err
		}
		r.Served = time.Since(leads)
		if err := l.turns.one(ctx, added.UID); err != nil {
			return nil, err
		}
		r.Ready = time.Since(leads)
	}
	last, err := l.log.until(l.bench, quietAfter, func(event *auditEvent) {
		r.Requests[event.name()]++
		if isWrite(event.name()) && !isCounting(event) && (added == nil || !touches(event, added, l.wave.districts[0].Name)) {
			r.Elsewhere[event.name()]++
		}
	})
	if err != nil {
		return nil, err
	}
	r.Verified = max(last.Sub(leads), 0)
	r.Usage, err = usageOf(l.operator.command.Process.Pid)
	return r, err
}

// touches tells whether a request is about a Puskesmas or its District.
func touches(event *auditEvent, added *v1alpha1.Puskesmas, district string) bool {
	return event.ObjectRef.Namespace == added.Namespace || event.ObjectRef.Name == added.Namespace || event.ObjectRef.Name == district
}

// awaitNextLeader returns since when another leads.
func (l *life) awaitNextLeader(ctx context.Context, before coordinationv1.LeaseSpec) (time.Time, error) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		now, err := l.cluster.lease(ctx)
		if err != nil {
			return time.Time{}, err
		}
		if leads(now) && *now.HolderIdentity != *before.HolderIdentity {
			return now.AcquireTime.Time, nil
		}
		if err := errors.Join(l.operator.died(l.operator.log), l.sleep(20*time.Millisecond)); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, errors.New("nobody leads a minute after the operator's end")
}

// awaitServed waits until the operator has said anything of a Puskesmas.
func (l *life) awaitServed(ctx context.Context, p *v1alpha1.Puskesmas) error {
	for {
		if err := l.cluster.Client.Get(ctx, client.ObjectKeyFromObject(p), p); err != nil {
			return fmt.Errorf("await the new Puskesmas: %w", err)
		}
		if len(p.Status.Conditions) > 0 {
			return nil
		}
		if err := l.sleep(20 * time.Millisecond); err != nil {
			return err
		}
	}
}

func (r *restarted) print(t table) {
	t.linef("%-14sthe next operator leads after %s and has verified everything %s later; %d writes elsewhere, %d reads; %s CPU, peak %.0f MiB", r.how,
		seconds(r.Led), seconds(r.Verified), r.Elsewhere.sum(isWrite), r.Requests.sum(isRead), seconds(r.Usage.CPU), r.Usage.PeakMiB)
	if r.Ready > 0 {
		t.linef("%-14sa new Puskesmas is served %s after that one leads, and Ready after %s", "", seconds(r.Served), seconds(r.Ready))
	}
	t.requests(r.Requests)
}

func (r *restarted) aims() []aim {
	out := []aim{
		atMost(r.how+": writes elsewhere", 0, float64(r.Elsewhere.sum(isWrite)), ""),
		below(r.how+": until everything is verified", 60, r.Verified.Seconds(), " s"),
	}
	if r.Ready > 0 {
		out = append(out, atMost(r.how+": a new Puskesmas is served", 5, r.Served.Seconds(), " s"))
	}
	return out
}
