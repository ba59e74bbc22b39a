// Package district brings up the stack of one kabupaten or kota: its isolation,
// its PostgreSQL, its dashboard, and hands the release on to its Puskesmas.
package district

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/stage"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/watch"
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
	// Registry has the ConfigMaps of the registry of places; see NewRegistryCache.
	Registry cache.Cache
	// Identity is the service account that the operator runs as; the isolation
	// of each district grants it its rights there.
	Identity Identity
	// Now is the clock.
	Now func() time.Time

	owned    *watch.Owned
	registry registry
	// pins remembers which Puskesmas hold a release of their own, so that they
	// are not asked again until they or the release change.
	pins sync.Map
	// given remembers what each Puskesmas was handed last, as it was before that.
	given sync.Map
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
	(*Reconciler).resolveRelease,
	(*Reconciler).checkPath,
	(*Reconciler).listPuskesmas,
	(*Reconciler).orderDashboard,
	(*Reconciler).render,
	(*Reconciler).handleRetry,
	(*Reconciler).isolate,
	(*Reconciler).findDatabase,
	(*Reconciler).checkStorage,
	(*Reconciler).bringUpDatabase,
	(*Reconciler).followVolumes,
	(*Reconciler).handRelease,
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
		return ctrl.Result{RequeueAfter: status.CatchUp}, nil
	}
	s := newScope(district.DeepCopy())

	if !district.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, s)
	}
	if controllerutil.AddFinalizer(s.district, v1alpha1.Finalizer) {
		if err := r.Statuses.Finalizer(ctx, district, s.district); err != nil {
			return status.Settle(ctrl.Result{}, err)
		}
		s = newScope(s.district)
	}

	result, err := r.runPhases(ctx, s)
	if errors.Is(err, apply.ErrMoved) {
		return ctrl.Result{RequeueAfter: status.CatchUp}, nil // as soon as the cache shows it
	}
	if wait := r.Statuses.KeepBack(s.before, s.district, s.district.Status.Conditions); err == nil && wait > 0 && !s.opensGate() {
		return status.Soonest(result, wait), nil
	}
	return status.Settle(result, err, r.patchStatus(ctx, s))
}

// runPhases runs the phases in their order until one ends the reconcile.
func (r *Reconciler) runPhases(ctx context.Context, s *scope) (ctrl.Result, error) {
	if s.district.Spec.State == v1alpha1.StateSuspended {
		s.conditions.Suspended("spec.state is Suspended: nothing is changed or checked until it is Active")
		return ctrl.Result{}, nil
	}
	s.reportBackup()
	for _, phase := range phases {
		if err := phase(r, ctx, s); err != nil {
			return s.conditions.Report(s.narrate(err))
		}
	}
	return ctrl.Result{}, nil
}

// judge says whether the whole district stands: what is its own, and every one
// of its Puskesmas.
func (r *Reconciler) judge(_ context.Context, s *scope) error {
	switch {
	case s.hibernated() && s.storage != nil:
		return s.storage
	case s.hibernated():
		s.conditions.Ready(v1alpha1.ReasonHibernated, "PostgreSQL and all workloads are stopped as asked; data is kept")
		return nil
	case s.held != nil:
		return s.held
	case !s.conditions.IsTrue(v1alpha1.ConditionPuskesmasReady):
		if err := s.failure(); err != nil {
			return err
		}
		if s.storage != nil && s.storage.Stalled {
			return s.storage
		}
		return status.Waiting(0, v1alpha1.ReasonProgressing, "%s", s.unreadyMessage())
	case s.dashboard != s.release:
		// The dashboard's turn has come with this reconcile's count.
		return status.Waiting(time.Second, v1alpha1.ReasonProgressing, "all Puskesmas stand, the dashboard follows")
	}
	s.district.Status.Release.Current = s.release.Name
	if s.storage != nil {
		return s.storage
	}
	s.conditions.Ready(v1alpha1.ReasonSucceeded, fmt.Sprintf("database, dashboard and %s Puskesmas serve release %s", s.district.Status.Puskesmas.Summary, s.release.Name))
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
