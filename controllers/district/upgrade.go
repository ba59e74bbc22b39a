package district

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/upgrade"
)

// checkPath makes sure that the release can be reached from the one that the
// district runs. If it cannot, everything is kept as it is on that one, and the
// district says why at the end.
func (r *Reconciler) checkPath(ctx context.Context, s *scope) error {
	name := s.district.Status.Release.Current
	s.dashboard = s.release
	if name == "" || name == s.release.Name {
		return nil
	}
	current := &v1alpha1.StackRelease{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: name}, current); err != nil {
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("get StackRelease %s: %w", name, err)
		}
		return status.Stalled(v1alpha1.ReasonUpgradePath,
			"this district runs StackRelease %s, which does not exist any more, so nobody can tell whether %s can be reached from there: create it again", name, s.release.Name)
	}
	if _, refusal := upgrade.Path(upgrade.ReleaseOf(current), upgrade.ReleaseOf(s.release)); refusal != nil {
		s.held = status.Stalled(refusal.Reason, "spec.release: %s. Everything stays on %s", refusal.Message, name)
		s.release, s.dashboard = current, current
		s.district.Status.Release.Target = name
		return nil
	}
	s.from = current
	return nil
}

// orderDashboard leaves the dashboard as it is until every Puskesmas stands on
// the release. Once begun it goes on, whoever fails then.
func (r *Reconciler) orderDashboard(_ context.Context, s *scope) error {
	begun := s.district.Status.Release.Dashboard == s.release.Name
	if s.from != nil && !begun && len(s.unready) > 0 {
		s.dashboard = s.from
	}
	s.district.Status.Release.Dashboard = s.dashboard.Name
	return nil
}

// handleRetry deletes what has failed for good, if a person has asked for
// another try. Puskesmas look at the district's annotation themselves.
func (r *Reconciler) handleRetry(ctx context.Context, s *scope) error {
	asked := status.Shorten(s.district.Annotations[v1alpha1.AnnotationRetryRequestedAt], longestRetry)
	if asked == s.district.Status.LastHandledRetry {
		return nil
	}
	if asked != "" {
		if err := r.Stages.DeleteFailedJobs(ctx, s.all); err != nil {
			return err
		}
	}
	s.district.Status.LastHandledRetry = asked
	return nil
}

// longestRetry is the limit of status.lastHandledRetry in bytes.
const longestRetry = 256

// Steps of an upgrade, for people. The first is the backup, which this version
// of the operator does not make; every message says so.
const (
	stepDatabase  = "step 2 of 4, database"
	stepPuskesmas = "step 3 of 4, Puskesmas"
	stepDashboard = "step 4 of 4, dashboard"
)

// narrate tells of a wait on the way from one release to another which step it
// is in. Failures speak for themselves.
func (s *scope) narrate(err error) error {
	var stop *status.Stop
	if s.from == nil || !errors.As(err, &stop) || stop.Reason != v1alpha1.ReasonProgressing {
		return err
	}
	step := stepDatabase
	switch {
	case s.conditions.IsTrue(v1alpha1.ConditionPuskesmasReady):
		step = stepDashboard
	case s.conditions.IsTrue(v1alpha1.ConditionDatabaseReady):
		step = stepPuskesmas
	}
	told := *stop
	told.Reason = v1alpha1.ReasonUpgrading
	told.Message = fmt.Sprintf("from %s to %s, step 1 of 4, backup: not configured; %s: %s", s.from.Name, s.release.Name, step, stop.Message)
	return &told
}
