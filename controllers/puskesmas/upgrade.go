package puskesmas

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/stage"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/upgrade"
)

// longestFailure of a rolled back release in the status, in bytes.
const longestFailure = 1024

// choosePath plans the record of the way to the release, and picks the releases
// of schema and RME on it.
func (r *Reconciler) choosePath(_ context.Context, s *scope) (err error) {
	s.plan = move(s.record, s.release.Name, s.direction, s.seen)
	s.handleRetry()
	schema, rme := choose(s.plan, s.seen, s.rolledBack())
	if s.schema, err = s.stillThere(schema); err != nil {
		return err
	}
	if s.rme, err = s.stillThere(rme); err != nil {
		return err
	}
	if running := s.plan.Running; running != "" && running != s.release.Name {
		if s.current, err = s.stillThere(running); err != nil {
			return err
		}
	}
	s.showReleases()
	return nil
}

// rolledBack tells that the RME of the release failed and is put back, and that
// nothing has changed since by which it might not fail.
func (s *scope) rolledBack() bool {
	failed := s.plan.RolledBack
	return failed != nil && failed.Release == s.release.Name && failed.Spec == s.specDigest() && s.plan.Running != ""
}

// stillThere finds a release that the facility runs, or ran.
func (s *scope) stillThere(name string) (*v1alpha1.StackRelease, error) {
	if release := s.catalogue.Get(name); release != nil {
		return release, nil
	}
	return nil, status.Stalled(v1alpha1.ReasonUpgradePath,
		"this Puskesmas runs StackRelease %s, which does not exist any more, so nobody can tell how to get from there to %s: create it again", name, s.release.Name)
}

// showReleases shows in the status, for people, what the record says.
func (s *scope) showReleases() {
	shown := &s.puskesmas.Status.Release
	if s.recorded() {
		shown.Target, shown.Schema = s.record.Target, lastSchema(s.record)
		shown.Current = cmp.Or(shown.Current, s.record.Running)
		s.puskesmas.Status.LastHandledRetry = s.record.Retried
	} else if s.release != nil {
		shown.Target = s.release.Name
	}
	switch {
	case s.plan == nil:
	case !s.rolledBack():
		shown.RolledBack = v1alpha1.RolledBackRelease{}
	default:
		if shown.RolledBack.Name != s.release.Name {
			shown.RolledBack = v1alpha1.RolledBackRelease{Name: s.release.Name, Message: "how it failed was lost with the status"}
		}
		shown.RolledBack.Generation = s.puskesmas.Generation
	}
}

// recordTarget writes down where the facility is brought to, before the first
// change towards it. Of a new one recordData does so.
func (r *Reconciler) recordTarget(ctx context.Context, s *scope) error {
	if !s.recorded() || s.record.Target == s.plan.Target {
		return nil
	}
	return r.write(ctx, s, s.plan)
}

// recordArrival writes down that the facility is ready on its release, and says
// why it does not go on to another one, if so.
func (r *Reconciler) recordArrival(ctx context.Context, s *scope) error {
	if s.hibernated() {
		return nil
	}
	before := s.record
	if err := r.write(ctx, s, arrived(s.record, s.settled)); err != nil {
		return err
	}
	if s.held == nil {
		return nil
	}
	s.puskesmas.Status.Release.Current = s.release.Name
	told := *s.held
	if before != s.record {
		told.RetryAfter = time.Second // the way may be open now
	}
	return &told
}

// bringUpSchema brings the schema to its release, while the RME of the one before
// goes on serving.
func (r *Reconciler) bringUpSchema(ctx context.Context, s *scope) error {
	err := r.endEarlierJobs(ctx, s)
	if err == nil {
		err = r.Stages.Run(ctx, s.conditions, stage.Stage{
			Condition: v1alpha1.ConditionSchemaReady,
			Objects:   s.objects[ComponentSchema],
			Options:   apply.Options{Trusted: s.trusted},
		})
	}
	var stop *status.Stop
	switch {
	case err == nil && s.schema == s.release:
		s.conditions.True(v1alpha1.ConditionSchemaReady, v1alpha1.ReasonSucceeded, "the schema is that of release "+s.schema.Name)
	case err == nil:
		s.conditions.True(v1alpha1.ConditionSchemaReady, v1alpha1.ReasonSucceeded, "the schema stays that of release "+s.schema.Name)
	case errors.As(err, &stop) && s.schema != s.release && s.rme == s.release:
		// On the way back: the RME runs on the schema of both.
		return nil
	default:
		// Only while the schema is not ready: the status that tells so may not be
		// sent yet, and the RME that follows must not be put back until it is.
		if s.rme != s.release {
			if failed := r.Applier.Apply(ctx, s.serving(), apply.Options{Trusted: s.trusted}); failed != nil {
				return failed
			}
		}
		return s.serveMeanwhile(err)
	}
	s.settled = true
	return nil
}

// serveMeanwhile adds to what a migration waits for that people can work.
func (s *scope) serveMeanwhile(err error) error {
	var stop *status.Stop
	if s.current == nil || s.rme != s.current || !errors.As(err, &stop) {
		return err
	}
	told := *stop
	told.Message = fmt.Sprintf("%s; the RME of release %s stays as it is meanwhile", stop.Message, s.current.Name)
	return &told
}

// bringUpRME rolls the RME out, and back if it fails and the release says that
// the one before runs on its schema.
func (r *Reconciler) bringUpRME(ctx context.Context, s *scope) error {
	if s.rme != s.release && !s.rolledBack() {
		s.rme = s.release
		if err := r.render(ctx, s); err != nil {
			return err
		}
	}
	err := r.runRME(ctx, s)
	var stop *status.Stop
	if errors.As(err, &stop) && stop.Reason == v1alpha1.ReasonApplicationFailed && s.canRollBack() {
		err = r.rollBack(ctx, s, stop)
	}
	if s.rolledBack() && (err == nil || errors.As(err, &stop)) {
		return &status.Stop{
			Stalled: true,
			Reason:  v1alpha1.ReasonApplicationFailed,
			Message: fmt.Sprintf("the RME of release %s failed and is put back to %s, on the new schema: %s. Name a release that is repaired, or ask for another try with the annotation %s",
				s.release.Name, s.current.Name, s.puskesmas.Status.Release.RolledBack.Message, v1alpha1.AnnotationRetryRequestedAt),
			RetryAfter: recheckOf(err),
		}
	}
	return err
}

// rollBack puts the RME back that served before. That is written down first, so
// that the one that fails is not tried again, whatever becomes of the status.
func (r *Reconciler) rollBack(ctx context.Context, s *scope, failure *status.Stop) error {
	s.plan = s.plan.Copy()
	s.plan.RolledBack = &record.RolledBack{Release: s.release.Name, Spec: s.specDigest()}
	if err := r.write(ctx, s, s.plan); err != nil {
		return err
	}
	s.puskesmas.Status.Release.RolledBack.Message = status.Shorten(failure.Message, longestFailure)
	r.Recorder.Eventf(s.puskesmas, nil, corev1.EventTypeWarning, "RolledBack", "Upgrade", "the RME of release %s fails and is put back to %s: %s", s.release.Name, s.current.Name, failure.Message)
	s.rme = s.current
	if err := r.render(ctx, s); err != nil {
		return err
	}
	return r.runRME(ctx, s)
}

func (r *Reconciler) runRME(ctx context.Context, s *scope) error {
	err := r.Stages.Run(ctx, s.conditions, stage.Stage{
		Condition: v1alpha1.ConditionRMEReady,
		Objects:   s.serving(),
		Options:   apply.Options{Trusted: s.trusted},
	})
	if err == nil {
		s.conditions.True(v1alpha1.ConditionRMEReady, v1alpha1.ReasonSucceeded, "the RME of release "+s.rme.Name+" serves"+at(s.url()))
	}
	return err
}

// canRollBack tells that another release's RME served before, and can again.
func (s *scope) canRollBack() bool {
	if s.rme != s.release || s.schema != s.release || s.current == nil {
		return false
	}
	direction, refusal := upgrade.Path(upgrade.ReleaseOf(s.release), upgrade.ReleaseOf(s.current))
	return refusal == nil && (direction == upgrade.Back || s.release.Spec.SchemaRollback == v1alpha1.SchemaRollbackSafe)
}

func recheckOf(err error) (after time.Duration) {
	var stop *status.Stop
	if errors.As(err, &stop) {
		after = stop.RetryAfter
	}
	return after
}
