// Package wave brings the districts of a wave to its release, as the planner
// decides; the controller only looks, executes and reports.
package wave

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/wave/planner"
)

// longestSleep bounds how long a changed clock goes unnoticed.
const longestSleep = time.Hour

// Reconciler brings districts to the release of their wave. Deleting a Wave
// leaves every District with the release that it has.
type Reconciler struct {
	// Client reads from the cache and writes to the API server.
	Client   client.Client
	Recorder events.EventRecorder
	Statuses *status.Writer
	// Now is the clock.
	Now func() time.Time

	// free remembers which districts were asked and are not pinned, so that they
	// are not asked again until they or the release change.
	free sync.Map
	// pins remembers the state in which pinned districts were last asked.
	pins sync.Map
}

// scope is one reconcile's work.
type scope struct {
	// before is the wave as it was read or last sent; wave is worked on.
	before, wave *v1alpha1.Wave
	conditions   status.Conditions
	districts    map[string]*v1alpha1.District
	fleet        planner.Fleet
}

// Reconcile looks at one wave and starts the districts whose turn it is.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	found := &v1alpha1.Wave{}
	if err := r.Client.Get(ctx, req.NamespacedName, found); err != nil {
		if apierrors.IsNotFound(err) {
			r.Statuses.Forget(found, req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.Statuses.Stale(found) {
		return ctrl.Result{RequeueAfter: status.CatchUp}, nil
	}
	if !found.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	s, err := r.look(ctx, found)
	if err != nil {
		return ctrl.Result{}, err
	}
	decision, err := r.execute(ctx, s)
	s.report(decision)
	if err != nil && !status.OnlyConflicts(err) {
		s.conditions.Reconciling(v1alpha1.ReasonApplyFailed, err.Error())
	}
	return status.Settle(r.sleep(decision), err, r.patchStatus(ctx, s))
}

// look takes the snapshot of the fleet.
func (r *Reconciler) look(ctx context.Context, found *v1alpha1.Wave) (*scope, error) {
	s := &scope{before: found, wave: found.DeepCopy(), districts: map[string]*v1alpha1.District{}}
	s.conditions = status.Conditions{List: &s.wave.Status.Conditions, Generation: found.Generation}
	var districts v1alpha1.DistrictList
	if err := r.Client.List(ctx, &districts, client.MatchingFields{IndexWave: found.Name}); err != nil {
		return nil, fmt.Errorf("list districts of wave %s: %w", found.Name, err)
	}
	var releases v1alpha1.StackReleaseList
	if err := r.Client.List(ctx, &releases); err != nil {
		return nil, fmt.Errorf("list StackReleases: %w", err)
	}
	for i := range districts.Items {
		s.districts[districts.Items[i].Name] = &districts.Items[i]
	}
	s.fleet = planner.FleetOf(found.Name, districts.Items, releases.Items)
	return s, nil
}

// execute plans and gives the release to those whose turn it is. Who starts is
// remembered before it is started, so that an operator that is killed, or a
// cache that is late, never makes more of them go at once. A district that
// turns out to be pinned frees its place, so there is another plan.
func (r *Reconciler) execute(ctx context.Context, s *scope) (planner.Decision, error) {
	for {
		decision := planner.Plan(s.wave.Spec, s.wave.Status.Memory, s.fleet, r.Now())
		s.wave.Status.Memory = decision.Memory
		pinned, err := r.ask(ctx, s, decision.Ask)
		s.remember(pinned)
		if err != nil {
			return decision, err
		}
		unpinned, err := r.unpinned(ctx, s, decision.Memory.Pinned)
		s.forget(unpinned)
		switch {
		case err != nil:
			return decision, err
		case len(pinned)+len(unpinned) > 0:
			continue
		case len(decision.Start) == 0:
			return decision, nil
		}
		s.report(decision)
		if err := r.Statuses.Patch(ctx, s.before, s.wave); err != nil {
			return decision, err
		}
		s.rebase()
		pinned, err = r.start(ctx, s, decision.Start)
		s.remember(pinned)
		if err != nil || len(pinned) == 0 {
			return decision, err
		}
	}
}

// ask finds out, without changing anything, who is pinned.
func (r *Reconciler) ask(ctx context.Context, s *scope, names []string) (pinned []string, err error) {
	var errs []error
	for _, name := range names {
		d := s.districts[name]
		asked := fmt.Sprintf("%d %s", d.Generation, s.wave.Spec.Release)
		if last, ok := r.free.Load(d.UID); ok && last == asked {
			continue
		}
		isPinned, err := r.give(ctx, d, string(s.wave.Spec.Release), client.DryRunAll)
		switch {
		case err != nil:
			errs = append(errs, err)
		case isPinned:
			pinned = append(pinned, name)
		default:
			r.free.Store(d.UID, asked)
		}
	}
	return pinned, errors.Join(errs...)
}

// unpinned finds out whose pin is gone. Whoever gives up a field need not change
// it, so each change of a pinned district is a reason to ask.
func (r *Reconciler) unpinned(ctx context.Context, s *scope, pins []v1alpha1.PinnedDistrict) (names []string, err error) {
	var errs []error
	for _, known := range pins {
		d := s.districts[string(known.Name)]
		asked := fmt.Sprintf("%s %s", d.ResourceVersion, s.wave.Spec.Release)
		if last, ok := r.pins.Load(d.UID); ok && last == asked {
			continue
		}
		isPinned, err := r.give(ctx, d, string(s.wave.Spec.Release), client.DryRunAll)
		switch {
		case err != nil:
			errs = append(errs, err)
		case isPinned:
			r.pins.Store(d.UID, asked)
		default:
			names = append(names, d.Name)
		}
	}
	return names, errors.Join(errs...)
}

// start gives the release to districts. One that cannot be written does not
// stop the others; one that has just changed is asked again when the cache shows it.
func (r *Reconciler) start(ctx context.Context, s *scope, names []string) (pinned []string, err error) {
	var changed error
	var errs []error
	for _, name := range names {
		isPinned, err := r.give(ctx, s.districts[name], string(s.wave.Spec.Release))
		switch {
		case isPinned:
			pinned = append(pinned, name)
		case apierrors.IsConflict(err):
			changed = err
		case err != nil:
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return pinned, changed
	}
	return pinned, errors.Join(errs...)
}

// give writes the release to one District by server-side apply, without force:
// whoever has set the field otherwise keeps it. It is refused if the District
// has changed since the plan was made.
func (r *Reconciler) give(ctx context.Context, d *v1alpha1.District, release string, options ...client.ApplyOption) (pinned bool, err error) {
	if string(d.Spec.Release) != release && pin.Applied(d, d.Spec.Release) {
		return true, nil
	}
	patch := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"release": release}}}
	patch.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("District"))
	patch.SetName(d.Name)
	patch.SetUID(d.UID)
	patch.SetResourceVersion(d.ResourceVersion)
	err = r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(patch), append(options, client.FieldOwner(v1alpha1.ManagerWave))...)
	switch {
	case d.Spec.Release != "" && pin.Refused(err):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("give release %s to District %s: %w", release, d.Name, err)
	}
	return false, nil
}

func (r *Reconciler) sleep(decision planner.Decision) ctrl.Result {
	if decision.Next.IsZero() {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: min(max(decision.Next.Sub(r.Now()), time.Second), longestSleep)}
}

// patchStatus sends the status once more if it differs, and an event if Ready
// has taken a turn.
func (r *Reconciler) patchStatus(ctx context.Context, s *scope) error {
	conditions := s.before.Status.Conditions
	if err := r.Statuses.Patch(ctx, s.before, s.wave); err != nil {
		return client.IgnoreNotFound(err)
	}
	status.RecordTurn(r.Recorder, s.wave, conditions, s.wave.Status.Conditions)
	return nil
}
