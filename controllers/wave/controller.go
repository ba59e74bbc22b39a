// Package wave lets the districts of a wave go to its release, as the planner
// decides; the controller only looks, plans and reports. Its one write is the
// status, and the admissions in it are how a district learns that it may go.
package wave

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pace"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/wave/planner"
)

// Reconciler admits districts to the release of their wave. Deleting a Wave
// leaves every District with the release that it has, and ends what has begun.
type Reconciler struct {
	// Client reads from the cache and writes to the API server.
	Client   client.Client
	Recorder events.EventRecorder
	Statuses *status.Writer
	Clock    clock.PassiveClock
	Pace     pace.Pace
}

// scope is one reconcile's work.
type scope struct {
	// before is the wave as it was read; wave is worked on.
	before, wave *v1alpha1.Wave
	conditions   status.Conditions
	fleet        planner.Fleet
}

// Reconcile looks at one wave and admits the districts whose turn it is.
//
// An admission counts once it is sent. The plan is made from a status that is not
// older than the last one sent, and is refused if it is: so an operator that is
// killed, or a cache that is late, never makes more of them go at once.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	found := &v1alpha1.Wave{}
	if err := r.Client.Get(ctx, req.NamespacedName, found); err != nil {
		if apierrors.IsNotFound(err) {
			r.Statuses.Forget(found, req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.Statuses.Stale(found) {
		return ctrl.Result{RequeueAfter: r.Pace.CatchUp}, nil
	}
	if !found.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	s, err := r.look(ctx, found)
	if err != nil {
		return ctrl.Result{}, err
	}
	decision := planner.Plan(s.wave.Spec, s.wave.Status, s.fleet, r.Clock.Now())
	s.report(decision)
	return r.Statuses.Settle(r.sleep(decision), r.patchStatus(ctx, s))
}

// look takes the snapshot of the fleet.
func (r *Reconciler) look(ctx context.Context, found *v1alpha1.Wave) (*scope, error) {
	s := &scope{before: found, wave: found.DeepCopy()}
	s.conditions = status.Conditions{List: &s.wave.Status.Conditions, Generation: found.Generation}
	var districts v1alpha1.DistrictList
	if err := r.Client.List(ctx, &districts, client.MatchingFields{IndexWave: found.Name}); err != nil {
		return nil, fmt.Errorf("list districts of wave %s: %w", found.Name, err)
	}
	var releases v1alpha1.StackReleaseList
	if err := r.Client.List(ctx, &releases); err != nil {
		return nil, fmt.Errorf("list StackReleases: %w", err)
	}
	s.fleet = planner.FleetOf(found.Name, districts.Items, releases.Items)
	return s, nil
}

func (r *Reconciler) sleep(decision planner.Decision) ctrl.Result {
	if decision.Next.IsZero() {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: min(max(decision.Next.Sub(r.Clock.Now()), r.Pace.WaveShortest), r.Pace.WaveLongest)}
}

// patchStatus sends the status if it differs, and an event if Ready has taken a
// turn.
func (r *Reconciler) patchStatus(ctx context.Context, s *scope) error {
	if err := r.Statuses.Patch(ctx, s.before, s.wave); err != nil {
		return client.IgnoreNotFound(err)
	}
	status.RecordTurn(r.Recorder, s.wave, s.before.Status.Conditions, s.wave.Status.Conditions)
	return nil
}
