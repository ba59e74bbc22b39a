package puskesmas

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/stage"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/upgrade"
)

// longestFailure of a rolled back release in the status, in bytes.
const longestFailure = 1024

// handleRetry takes note of a retry that a person has requested, of this
// facility or of its whole district.
func (r *Reconciler) handleRetry(_ context.Context, s *scope) error {
	asked := strings.Trim(s.district.Annotations[v1alpha1.AnnotationRetryRequestedAt]+" "+s.puskesmas.Annotations[v1alpha1.AnnotationRetryRequestedAt], " ")
	if len(asked) > 520 {
		asked = asked[:520]
	}
	if asked == s.puskesmas.Status.LastHandledRetry {
		return nil
	}
	s.puskesmas.Status.LastHandledRetry = asked
	s.puskesmas.Status.Release.RolledBack = v1alpha1.RolledBackRelease{}
	s.retry = asked != ""
	return nil
}

// deleteFailedJobs makes room for another try.
func (r *Reconciler) deleteFailedJobs(ctx context.Context, s *scope) error {
	if !s.retry {
		return nil
	}
	return r.Stages.DeleteFailedJobs(ctx, s.all)
}

// choosePath decides of which releases schema and RME are asked for. Both are of
// the release that is asked for, but for three cases: the RME stays as it is
// until the schema is ready for its successor; the schema stays as it is where
// the way leads back; and an RME that failed is put back.
func (r *Reconciler) choosePath(ctx context.Context, s *scope) error {
	running := &s.puskesmas.Status.Release
	s.schema, s.rme = s.release, s.release
	if running.RolledBack.Name != s.release.Name || running.RolledBack.Generation != s.puskesmas.Generation {
		running.RolledBack = v1alpha1.RolledBackRelease{}
	}
	var err error
	if running.Current != "" && running.Current != s.release.Name {
		if s.current, err = r.stillThere(ctx, running.Current); err != nil {
			return err
		}
	}
	if running.Schema != "" && running.Schema != s.release.Name {
		schema, err := r.stillThere(ctx, running.Schema)
		if err != nil {
			return err
		}
		direction, refusal := upgrade.Path(upgrade.ReleaseOf(schema), upgrade.ReleaseOf(s.release))
		switch {
		case refusal != nil:
			s.held = status.Stalled(refusal.Reason, "spec.release: %s. The RME stays as it is", refusal.Message)
			s.schema, s.rme = schema, schema
			if s.current != nil && !s.conditions.IsTrue(v1alpha1.ConditionSchemaReady) {
				s.rme = s.current
			}
			return nil
		case direction == upgrade.Back:
			s.schema = schema
			return nil
		}
	}
	migrated := running.Schema == s.release.Name && s.conditions.IsTrue(v1alpha1.ConditionSchemaReady)
	if s.current != nil && (!migrated || running.RolledBack.Name != "") {
		s.rme = s.current
	}
	return nil
}

// stillThere reads a release that the facility runs, or ran.
func (r *Reconciler) stillThere(ctx context.Context, name string) (*v1alpha1.StackRelease, error) {
	release := &v1alpha1.StackRelease{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: name}, release); err != nil {
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("get StackRelease %s: %w", name, err)
		}
		return nil, status.Stalled(v1alpha1.ReasonUpgradePath,
			"this Puskesmas runs StackRelease %s, which does not exist any more, so nobody can tell how to get from there to spec.release: create it again", name)
	}
	return release, nil
}

// bringUpSchema brings the schema to the release, while the RME of the one
// before goes on serving.
func (r *Reconciler) bringUpSchema(ctx context.Context, s *scope) error {
	objects := s.objects[ComponentSchema]
	if s.schema != s.release {
		// It is that of another release and stays so; only what is deleted by hand comes back.
		if err := r.Applier.Apply(ctx, objects, apply.Options{Trusted: s.trusted}); err != nil {
			return err
		}
		if s.held == nil {
			s.conditions.True(v1alpha1.ConditionSchemaReady, v1alpha1.ReasonSucceeded, "the schema stays that of release "+s.schema.Name)
		}
		return nil
	}
	err := r.Stages.Run(ctx, s.conditions, stage.Stage{
		Condition: v1alpha1.ConditionSchemaReady,
		Objects:   objects,
		Options:   apply.Options{Trusted: s.trusted},
	})
	if err != nil {
		// Only while the schema is not ready: the status that tells so may not be
		// sent yet, and the RME that follows must not be put back until it is.
		if s.rme != s.release {
			if failed := r.Applier.Apply(ctx, s.serving(), apply.Options{Trusted: s.trusted}); failed != nil {
				return failed
			}
		}
		return s.serveMeanwhile(err)
	}
	s.conditions.True(v1alpha1.ConditionSchemaReady, v1alpha1.ReasonSucceeded, "the schema is that of release "+s.release.Name)
	return nil
}

// serveMeanwhile adds to what a migration waits for that people can work.
func (s *scope) serveMeanwhile(err error) error {
	var stop *status.Stop
	if s.current == nil || !errors.As(err, &stop) {
		return err
	}
	told := *stop
	told.Message = fmt.Sprintf("%s; the RME of release %s stays as it is meanwhile", stop.Message, s.current.Name)
	return &told
}

// bringUpRME rolls the RME out, and back if it fails and the release says that
// the one before runs on its schema.
func (r *Reconciler) bringUpRME(ctx context.Context, s *scope) error {
	rolledBack := &s.puskesmas.Status.Release.RolledBack
	if s.rme != s.release && s.held == nil && rolledBack.Name == "" {
		s.rme = s.release
		if err := r.render(ctx, s); err != nil {
			return err
		}
	}
	err := r.runRME(ctx, s)
	var stop *status.Stop
	if errors.As(err, &stop) && stop.Reason == v1alpha1.ReasonApplicationFailed && s.canRollBack() {
		*rolledBack = v1alpha1.RolledBackRelease{Name: s.release.Name, Generation: s.puskesmas.Generation, Message: status.Shorten(stop.Message, longestFailure)}
		r.Recorder.Eventf(s.puskesmas, nil, corev1.EventTypeWarning, "RolledBack", "Upgrade", "the RME of release %s fails and is put back to %s: %s", s.release.Name, s.current.Name, stop.Message)
		s.rme = s.current
		if err := r.render(ctx, s); err != nil {
			return err
		}
		err = r.runRME(ctx, s)
	}
	switch {
	case rolledBack.Name != "" && (err == nil || errors.As(err, &stop)):
		return &status.Stop{
			Stalled: true,
			Reason:  v1alpha1.ReasonApplicationFailed,
			Message: fmt.Sprintf("the RME of release %s failed and is put back to %s, on the new schema: %s. Name a release that is repaired, or ask for another try with the annotation %s",
				s.release.Name, s.current.Name, rolledBack.Message, v1alpha1.AnnotationRetryRequestedAt),
			RetryAfter: recheckOf(err),
		}
	case s.held != nil && (err == nil || errors.As(err, &stop)):
		return s.held
	default:
		return err
	}
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
	return s.rme == s.release && s.schema == s.release && s.current != nil &&
		s.release.Spec.SchemaRollback == v1alpha1.SchemaRollbackSafe
}

func recheckOf(err error) (after time.Duration) {
	var stop *status.Stop
	if errors.As(err, &stop) {
		after = stop.RetryAfter
	}
	return after
}
