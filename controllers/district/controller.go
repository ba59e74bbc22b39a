// Package district brings up the stack of one kabupaten or kota: its isolation,
// its PostgreSQL, its dashboard, and lets its Puskesmas go to its release.
package district

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
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
	"ilp.health/operator/controllers/wilayah"
)

// Reconciler brings up districts.
type Reconciler struct {
	// Client reads from the cache and writes to the API server.
	Client client.Client
	// APIReader reads from the API server: foreign namespaces, pods, what is to
	// be deleted.
	APIReader client.Reader
	Recorder  events.EventRecorder

	Applier  *apply.Applier
	Renderer *render.Renderer
	Stages   *stage.Runner
	Statuses *status.Writer
	Records  *record.Store
	// Registry has the ConfigMaps of the registry of places; see wilayah.NewCache.
	Registry cache.Cache
	// Identity is the service account that the operator runs as; the isolation
	// of each district grants it its rights there.
	Identity Identity
	Clock    clock.PassiveClock
	Pace     pace.Pace

	owned *watch.Owned
	book  wilayah.Book
}

// Identity is a service account.
type Identity struct{ Namespace, ServiceAccount string }

// DefaultIdentity is the service account of config/default.
var DefaultIdentity = Identity{Namespace: "ilp-system", ServiceAccount: "ilp-operator"}

// phases are what a reconcile does, in their order. A phase that returns an
// error ends it; a *status.Stop among them is not a failure but a wait.
var phases = []func(*Reconciler, context.Context, *scope) error{
	(*Reconciler).checkCode,
	(*Reconciler).checkNamespace,
	(*Reconciler).verifyWilayah,
	(*Reconciler).readRecords,
	(*Reconciler).resolveRelease,
	(*Reconciler).listPuskesmas,
	(*Reconciler).orderDashboard,
	(*Reconciler).render,
	(*Reconciler).handleRetry,
	(*Reconciler).isolate,
	(*Reconciler).recordRelease,
	(*Reconciler).findDatabase,
	(*Reconciler).checkStorage,
	(*Reconciler).bringUpDatabase,
	(*Reconciler).followVolumes,
	(*Reconciler).admit,
	(*Reconciler).bringUpDashboard,
	(*Reconciler).prune,
	(*Reconciler).judge,
}

// Reconcile brings one district closer to its spec.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	district := &v1alpha1.District{}
	if err := r.Client.Get(ctx, req.NamespacedName, district); err != nil {
		if apierrors.IsNotFound(err) {
			r.Statuses.Forget(district, req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.Statuses.Stale(district) {
		return ctrl.Result{RequeueAfter: r.Pace.CatchUp}, nil
	}
	s := newScope(district.DeepCopy())

	if !district.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, s)
	}
	if controllerutil.AddFinalizer(s.district, v1alpha1.Finalizer) {
		if err := r.Statuses.Finalizer(ctx, district, s.district); err != nil {
			return r.Statuses.Settle(ctrl.Result{}, err)
		}
		s = newScope(s.district)
	}

	result, err := r.runPhases(ctx, s)
	if errors.Is(err, apply.ErrMoved) {
		return ctrl.Result{RequeueAfter: r.Pace.CatchUp}, nil // as soon as the cache shows it
	}
	if wait := r.Statuses.KeepBack(s.before, s.district, s.district.Status.Conditions); err == nil && wait > 0 && !s.opensGate() && !s.admits && !s.moves() {
		return status.Soonest(result, wait), nil
	}
	return r.Statuses.Settle(result, err, r.patchStatus(ctx, s))
}

// runPhases runs the phases in their order until one ends the reconcile. Why the
// district does not go where it is asked to is told at the end, whatever else is.
func (r *Reconciler) runPhases(ctx context.Context, s *scope) (ctrl.Result, error) {
	if s.district.Spec.State == v1alpha1.StateSuspended {
		s.conditions.Suspended("spec.state is Suspended: nothing is changed or checked until it is Active")
		return ctrl.Result{}, nil
	}
	s.reportBackup()
	for _, phase := range phases {
		if err := phase(r, ctx, s); err != nil {
			return s.conditions.Report(status.WithHeld(s.narrate(err), s.held))
		}
	}
	return ctrl.Result{}, nil
}

// judge sets Ready from the district's components and all its Puskesmas.
func (r *Reconciler) judge(ctx context.Context, s *scope) error {
	if s.hibernated() {
		if s.storage != nil {
			return s.storage
		}
		s.held = nil
		s.conditions.Ready(v1alpha1.ReasonHibernated, "PostgreSQL and all workloads are stopped as asked; data is kept")
		return nil
	}
	if wait := s.waits(); wait != nil {
		return wait
	}
	if err := r.recordRunning(ctx, s); err != nil {
		return err
	}
	switch {
	case s.held != nil && s.from != "":
		// The release that it was on its way to is reached: that may open the way.
		s.held.RetryAfter = time.Second
		return s.held
	case s.held != nil:
		return s.held
	case s.storage != nil:
		return s.storage
	}
	s.conditions.Ready(v1alpha1.ReasonSucceeded, fmt.Sprintf("database, dashboard and %s Puskesmas serve release %s", s.district.Status.Puskesmas.Summary, s.release.Name))
	return nil
}

// waits says what the district waits for until it is of the release as a whole.
func (s *scope) waits() *status.Stop {
	switch {
	case !s.conditions.IsTrue(v1alpha1.ConditionPuskesmasReady):
		if failure := s.failure(); failure != nil {
			return failure
		}
		if s.storage != nil && s.storage.Stalled {
			return s.storage
		}
		return &status.Stop{Reason: v1alpha1.ReasonProgressing, Message: s.unreadyMessage()}
	case s.dashboard != s.release:
		// The dashboard's turn has come with this reconcile's count.
		return &status.Stop{Reason: v1alpha1.ReasonProgressing, Message: "all Puskesmas stand, the dashboard follows", RetryAfter: time.Second}
	}
	return nil
}

// reportBackup says that data has no copy outside the cluster.
func (s *scope) reportBackup() {
	s.conditions.False(v1alpha1.ConditionBackupReady, v1alpha1.ReasonNotConfigured, s.backupMessage()+": data has no copy outside the cluster")
}

func (s *scope) backupMessage() string {
	if s.district.Spec.Database.Backup.Destination != "" {
		return "spec.database.backup is accepted but this version of the operator makes no backups yet"
	}
	return "spec.database.backup is not set"
}

// moves reports whether a district that runs has taken another release as its
// target, which its wave and people want to see at once.
func (s *scope) moves() bool {
	before := s.before.Status.Release.Target
	return before != "" && before != s.district.Status.Release.Target
}

// opensGate reports whether Puskesmas that waited for their district can go on.
func (s *scope) opensGate() bool {
	for _, gate := range []string{v1alpha1.ConditionIsolationReady, v1alpha1.ConditionDatabaseReady} {
		if s.conditions.IsTrue(gate) && !meta.IsStatusConditionTrue(s.before.Status.Conditions, gate) {
			return true
		}
	}
	return false
}

// patchStatus sends the status once, and an event if Ready has taken a turn.
func (r *Reconciler) patchStatus(ctx context.Context, s *scope) error {
	s.district.Status.ObservedGeneration = s.district.Generation
	if err := r.Statuses.Patch(ctx, s.before, s.district); err != nil {
		return client.IgnoreNotFound(err)
	}
	status.RecordTurn(r.Recorder, s.district, s.before.Status.Conditions, s.district.Status.Conditions)
	return nil
}
