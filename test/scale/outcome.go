package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"ilp.health/operator/api/v1alpha1"
)

// isHeld tells that the budget is spent and nobody is under way any more.
func isHeld(w *v1alpha1.Wave) bool {
	stalled := meta.FindStatusCondition(w.Status.Conditions, v1alpha1.ConditionStalled)
	return stalled != nil && stalled.Reason == v1alpha1.ReasonBudgetSpent && ptr.Deref(w.Status.Progress.InFlight, 0) == 0
}

// allStand looks at every resource once more when the wave says that it is done,
// and makes sure that no pods were rolled more often than once on the way.
func (r *rollout) allStand(ctx context.Context, _ map[string]bool) error {
	if often := r.observer.changedOften(2); len(often) > 0 {
		return fmt.Errorf("%d Deployments were changed more than once, such as %s", len(often), often[0])
	}
	return r.lookAtAll(ctx, func(string) string { return nextRelease }, func(p *v1alpha1.Puskesmas) error { return stands(p, nextRelease) })
}

// onlyTheDoomedFailed makes sure that the release hurt nobody but those districts
// which were given it and in which it fails; that everybody else serves; and
// that an RME that failed is put back.
func (r *rollout) onlyTheDoomedFailed(ctx context.Context, doomed map[string]bool) error {
	r.results.Failing = &failing{Doomed: len(doomed)}
	for _, d := range r.witness.districts {
		if d.given() {
			r.results.Failing.Given++
		}
	}
	runs := func(name string) string {
		switch d := r.witness.districts[name]; {
		case !d.given():
			return firstRelease
		case doomed[d.namespace]:
			r.results.Failing.Failed++
			return ""
		default:
			return nextRelease
		}
	}
	return r.lookAtAll(ctx, runs, func(p *v1alpha1.Puskesmas) error {
		if back := p.Status.Release.RolledBack; back.Name == nextRelease && doomed[p.Namespace] {
			r.results.Failing.RolledBack++
			if !meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionRMEReady) {
				return fmt.Errorf("the RME of Puskesmas %s/%s is put back and does not serve", p.Namespace, p.Name)
			}
			return nil
		}
		return stands(p, p.Status.Release.Target)
	})
}

func stands(p *v1alpha1.Puskesmas, release string) error {
	if isReady(p.Status.Conditions) && p.Status.ObservedGeneration == p.Generation && p.Status.Release.Current == release {
		return nil
	}
	return fmt.Errorf("Puskesmas %s/%s is not ready on release %s", p.Namespace, p.Name, release) //nolint:staticcheck // the name of a kind
}

// lookAtAll reads every District and Puskesmas. A District of which nothing is
// expected must be Stalled.
func (r *rollout) lookAtAll(ctx context.Context, runs func(district string) string, check func(*v1alpha1.Puskesmas) error) error {
	var districts v1alpha1.DistrictList
	var puskesmas v1alpha1.PuskesmasList
	if err := errors.Join(r.cluster.Client.List(ctx, &districts), r.cluster.Client.List(ctx, &puskesmas)); err != nil {
		return err
	}
	var errs []error
	for i := range districts.Items {
		d := &districts.Items[i]
		switch release := runs(d.Name); {
		case release == "" && !meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionStalled):
			errs = append(errs, fmt.Errorf("District %s is not Stalled although %s fails there", d.Name, nextRelease)) //nolint:staticcheck // the name of a kind
		case release != "" && (!isReady(d.Status.Conditions) || d.Status.Release.Current != release):
			errs = append(errs, fmt.Errorf("District %s is not ready on release %s", d.Name, release)) //nolint:staticcheck // the name of a kind
		}
	}
	for i := range puskesmas.Items {
		errs = append(errs, check(&puskesmas.Items[i]))
	}
	return errors.Join(errs...)
}

// latest is the wave as it was last seen, and when.
func (w *witness) latest() (*v1alpha1.Wave, time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wave, w.waveAt
}

// err says what was seen out of order.
func (w *witness) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.broken) == 0 {
		return nil
	}
	return fmt.Errorf("the order is broken:\n%s", strings.Join(w.broken, "\n"))
}

// took is what was seen of the stages since a time.
func (w *witness) took(begin time.Time) []stageTook {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []stageTook
	for _, s := range w.stages {
		t := stageTook{Name: s.name, Districts: len(s.districts), Limit: s.limit, Peak: s.peak}
		for _, d := range s.districts {
			if d.given() && (t.Given == 0 || d.givenAt.Sub(begin) < t.Begin) {
				t.Begin = d.givenAt.Sub(begin)
			}
			if d.given() {
				t.Given++
			}
			if d.done() {
				t.Done++
				t.End = max(t.End, d.doneAt.Sub(begin))
			}
		}
		out = append(out, t)
	}
	return out
}
