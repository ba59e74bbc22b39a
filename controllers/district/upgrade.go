package district

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/status"
)

// orderDashboard leaves the dashboard as it is until every Puskesmas stands on
// the release. Once started, its upgrade goes on despite later failures.
func (r *Reconciler) orderDashboard(_ context.Context, s *scope) error {
	s.dashboard = s.release
	if is := s.dashboardIs(); is != "" && is != s.release.Name && s.from != "" && len(s.unready) > 0 {
		if s.dashboard = s.catalogue.Get(is); s.dashboard == nil {
			return status.Stalled(v1alpha1.ReasonUpgradePath,
				"the dashboard is of StackRelease %s until all Puskesmas stand, and that does not exist any more: create it again", is)
		}
	}
	s.district.Status.Release.Dashboard = s.dashboard.Name
	return nil
}

// dashboardIs is the release that the dashboard was brought to last, or empty.
func (s *scope) dashboardIs() string {
	if s.recorded() != "" {
		return cmp.Or(s.record.Dashboard, s.recorded())
	}
	return cmp.Or(s.district.Status.Release.Dashboard, s.district.Status.Release.Current)
}

// handleRetry deletes what has failed for good, if a person has asked for
// another try. Puskesmas look at the district's annotation themselves.
func (r *Reconciler) handleRetry(ctx context.Context, s *scope) error {
	s.retried = status.Shorten(s.district.Annotations[v1alpha1.AnnotationRetryRequestedAt], longestRetry)
	if s.retried == "" || s.retried == s.handledRetry() {
		return nil
	}
	return r.Stages.DeleteFailedJobs(ctx, s.all)
}

// handledRetry is the retry that was last acted on. What is recorded counts, so
// that no old one comes again with a lost status. Where nothing tells, what is
// asked for is taken for done if something runs already.
func (s *scope) handledRetry() string {
	known := s.district.Status.LastHandledRetry
	if s.record != nil {
		known = cmp.Or(s.record.Retried, known)
	}
	if known == "" && s.recorded() == "" && s.exists {
		return s.retried
	}
	return known
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
	if s.from == "" || !errors.As(err, &stop) || stop.Reason != v1alpha1.ReasonProgressing {
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
	told.Message = fmt.Sprintf("from %s to %s, step 1 of 4, backup: not configured; %s: %s", s.from, s.release.Name, step, stop.Message)
	return &told
}
