// Package puskesmas brings up the database, schema and RME of one facility.
package puskesmas

import (
	"context"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/pace"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/stage"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/watch"
)

// Reconciler brings up facilities.
type Reconciler struct {
	// Client reads from the cache and writes to the API server.
	Client client.Client
	// APIReader reads from the API server: Secrets, pods, what is to be deleted.
	APIReader client.Reader
	Recorder  events.EventRecorder

	Applier  *apply.Applier
	Renderer *render.Renderer
	Stages   *stage.Runner
	Statuses *status.Writer
	Records  *record.Store
	Clock    clock.PassiveClock
	Pace     pace.Pace

	owned *watch.Owned
	// schemaJobs remembers the name of the schema Job that was made last, by the
	// Puskesmas' key.
	schemaJobs sync.Map
}

// phases are what a reconcile does, in their order. A phase that returns an
// error ends it; a *status.Stop among them is not a failure but a wait.
var phases = []func(*Reconciler, context.Context, *scope) error{
	(*Reconciler).findDistrict,
	(*Reconciler).checkCode,
	(*Reconciler).readRecord,
	(*Reconciler).resolveRelease,
	(*Reconciler).giveUpRelease,
	(*Reconciler).checkProgram,
	(*Reconciler).choosePath,
	(*Reconciler).readSatuSehat,
	(*Reconciler).reportStaffing,
	(*Reconciler).render,
	(*Reconciler).awaitDatabase,
	(*Reconciler).checkData,
	(*Reconciler).recordTarget,
	(*Reconciler).retryFailed,
	(*Reconciler).bringUp,
	(*Reconciler).prune,
	(*Reconciler).recordArrival,
}

// Reconcile brings one facility closer to its spec.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	puskesmas := &v1alpha1.Puskesmas{}
	if err := r.Client.Get(ctx, req.NamespacedName, puskesmas); err != nil {
		if apierrors.IsNotFound(err) {
			r.schemaJobs.Delete(req.NamespacedName)
			return ctrl.Result{}, r.leave(ctx, req.NamespacedName)
		}
		return ctrl.Result{}, err
	}
	if r.Statuses.Stale(puskesmas) {
		return ctrl.Result{RequeueAfter: r.Pace.CatchUp}, nil
	}
	s := newScope(puskesmas.DeepCopy())

	if !puskesmas.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, s)
	}
	if s.holdOn() {
		if err := r.Statuses.Finalizer(ctx, puskesmas, s.puskesmas); err != nil {
			return r.Statuses.Settle(ctrl.Result{}, err)
		}
		s = newScope(s.puskesmas)
	}

	result, err := r.runPhases(ctx, s)
	if errors.Is(err, apply.ErrMoved) {
		return ctrl.Result{RequeueAfter: r.Pace.CatchUp}, nil // as soon as the cache shows it
	}
	if wait := r.Statuses.KeepBack(s.before, s.puskesmas, s.puskesmas.Status.Conditions); err == nil && wait > 0 {
		return status.Soonest(result, wait), nil
	}
	if len(s.made) > 0 && len(s.puskesmas.Status.Inventory) == 0 {
		result = status.Soonest(result, r.Pace.CatchUp) // all is adopted, and the finalizer goes
	}
	return r.Statuses.Settle(result, err, r.patchStatus(ctx, s))
}

// runPhases runs the phases in their order until one ends the reconcile.
func (r *Reconciler) runPhases(ctx context.Context, s *scope) (ctrl.Result, error) {
	if s.puskesmas.Spec.State == v1alpha1.StateSuspended {
		s.conditions.Suspended("spec.state is Suspended: nothing is changed or checked until it is Active")
		return ctrl.Result{}, nil
	}
	for _, phase := range phases {
		if err := phase(r, ctx, s); err != nil {
			return s.conditions.Report(status.WithHeld(err, s.held))
		}
	}
	return s.finish(), nil
}

// finish reports that everything asked for stands.
func (s *scope) finish() ctrl.Result {
	if s.hibernated() {
		s.conditions.Ready(v1alpha1.ReasonHibernated, "the RME is stopped as asked; its data is kept")
		return ctrl.Result{}
	}
	s.puskesmas.Status.Release.Current = s.release.Name
	s.conditions.Ready(v1alpha1.ReasonSucceeded, fmt.Sprintf("the RME serves release %s", s.release.Name))
	return ctrl.Result{RequeueAfter: s.recheckAfter}
}

// patchStatus sends the status once, and an event if Ready has taken a turn.
func (r *Reconciler) patchStatus(ctx context.Context, s *scope) error {
	s.puskesmas.Status.ObservedGeneration = s.puskesmas.Generation
	if err := r.Statuses.Patch(ctx, s.before, s.puskesmas); err != nil {
		return client.IgnoreNotFound(err)
	}
	status.RecordTurn(r.Recorder, s.puskesmas, s.before.Status.Conditions, s.puskesmas.Status.Conditions)
	return nil
}

// holdOn adds or removes the finalizer, and reports whether that changed anything.
// Only a consent has to be carried out: without one Kubernetes deletes what runs,
// by its owner, and data stays. What a version before 0.2.0 made has no owner yet.
func (s *scope) holdOn() bool {
	switch {
	case s.puskesmas.Spec.Consent.Action == v1alpha1.ConsentDelete:
		return controllerutil.AddFinalizer(s.puskesmas, v1alpha1.Finalizer)
	case len(s.made) > 0:
		return false
	default:
		return controllerutil.RemoveFinalizer(s.puskesmas, v1alpha1.Finalizer)
	}
}
