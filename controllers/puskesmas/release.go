package puskesmas

import (
	"cmp"
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/catalogue"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/health"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/resolve"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/upgrade"
)

// readRecord finds what is written down of the facility and what can be seen of
// its programs. Where an operator before 0.2.0 left the releases in the status
// alone, they are written down before anything else happens.
func (r *Reconciler) readRecord(ctx context.Context, s *scope) (err error) {
	if s.catalogue, err = catalogue.Read(ctx, r.Client); err != nil {
		return err
	}
	if s.record, err = r.Records.Read(ctx, s.puskesmas.Namespace, s.writer()); err != nil {
		return err
	}
	if err := r.look(ctx, s); err != nil {
		return err
	}
	if s.exists, err = r.somethingIsMade(ctx, s); err != nil {
		return err
	}
	was := s.puskesmas.Status.Release
	pinned := pin.Of(s.puskesmas, s.puskesmas.Spec.Release)
	if pin.IsHandedOut(s.puskesmas, s.puskesmas.Spec.Release) && cmp.Or(was.Target, was.Current) != "" {
		s.record = s.record.WithoutReleases()
	}
	if !s.exists || s.recorded() || (was == v1alpha1.PuskesmasReleaseStatus{} && pinned == "") {
		return nil
	}
	if cmp.Or(was.Target, was.Current) == "" {
		// A person says what runs.
		was.Current = pinned
	}
	next := inherited(s.record, was, s.isBack)
	if back := was.RolledBack; back.Name == next.Target && back.Generation == s.puskesmas.Generation {
		next.RolledBack = &record.RolledBack{Release: back.Name, Spec: s.specDigest()}
	}
	next.Retried = cmp.Or(s.puskesmas.Status.LastHandledRetry, s.retryAsked().String())
	return r.write(ctx, s, next)
}

// recorded tells that it is written down which release the facility is brought to.
func (s *scope) recorded() bool { return s.record != nil && s.record.Target != "" }

func (s *scope) ref(gvk schema.GroupVersionKind, name string) inventory.Ref {
	return inventory.Ref{GVK: gvk, Key: types.NamespacedName{Namespace: s.puskesmas.Namespace, Name: s.puskesmas.Name + "-" + name}}
}

// look reads from the cache of which releases the facility's programs are.
func (r *Reconciler) look(ctx context.Context, s *scope) error {
	var jobs batchv1.JobList
	if err := r.Client.List(ctx, &jobs, client.InNamespace(s.puskesmas.Namespace), s.schemaLabels()); err != nil {
		return fmt.Errorf("list the schema Jobs: %w", err)
	}
	s.jobs = jobs.Items
	for i := range s.jobs {
		if job := &s.jobs[i]; health.Check(job).State == health.Ready {
			s.seen.schema = append(s.seen.schema, job.Annotations[v1alpha1.AnnotationRelease])
		}
	}
	rme, err := r.Applier.Live(ctx, s.ref(live.Deployments, componentRME))
	if err != nil {
		return fmt.Errorf("read the RME: %w", err)
	}
	if rme != nil {
		s.seen.rme = rme.GetAnnotations()[v1alpha1.AnnotationRelease]
		s.seen.ready = health.Check(rme).State == health.Ready
	}
	return nil
}

// somethingIsMade reports whether anything may have worked on the facility's
// data. A Database alone does not tell it: one that carries AnnotationRecorded
// has been worked on only if there is a record, which comes before.
func (r *Reconciler) somethingIsMade(ctx context.Context, s *scope) (bool, error) {
	if len(s.jobs) > 0 || (s.record != nil && (s.record.Target != "" || len(s.record.Objects) > 0)) {
		return true, nil
	}
	refs := []inventory.Ref{s.ref(live.Deployments, componentRME)}
	switch err := r.owned.Ensure(cnpg.Kinds...); {
	case err == nil:
		refs = append(refs, s.ref(cnpg.Databases, "database"))
	case !meta.IsNoMatchError(err): // without CloudNativePG there is no database
		return false, err
	}
	for _, ref := range refs {
		cached, err := r.Applier.Cached(ctx, ref)
		switch {
		case err != nil:
			return false, fmt.Errorf("read %s: %w", ref, err)
		case cached == nil:
		case ref.GVK != cnpg.Databases || s.puskesmas.Status.Release.Current != "" || cached.GetAnnotations()[v1alpha1.AnnotationRecorded] == "":
			return true, nil
		}
	}
	return false, nil
}

// resolveRelease finds the release that the facility is brought to, and the
// profile of its RME. Where the one that is asked for cannot be reached, it goes
// on with the one that is written down, and says why at the end.
func (r *Reconciler) resolveRelease(_ context.Context, s *scope) error {
	decision := resolve.Release(s.stack(), s.catalogue.Find)
	if decision.Held != nil {
		s.held = r.refused(s, decision)
	}
	switch {
	case decision.Row == resolve.Unknown:
		return status.Stalled(v1alpha1.ReasonRecordMissing,
			"something of this Puskesmas is there already, and neither namespace %s nor the status says of which release it is. Nothing is changed: set spec.release to the one that its database has worked with last",
			s.puskesmas.Namespace)
	case decision.Release == "" && s.held != nil:
		return s.held
	case decision.Release == "":
		return status.Waiting(0, v1alpha1.ReasonAwaitingRelease,
			"waiting for District %s to have a release and its database to stand", s.district.Name)
	}
	if s.release = s.catalogue.Get(decision.Release); s.release == nil {
		return status.Stalled(v1alpha1.ReasonReleaseNotFound,
			"this Puskesmas is brought to StackRelease %s, which does not exist any more, so nothing of it can be repaired: create it again", decision.Release)
	}
	s.direction = decision.Direction
	s.profile = s.wantedProfile()
	return nil
}

// stack is all that the facility's release depends on.
func (s *scope) stack() resolve.Stack {
	stack := resolve.Stack{
		Pin:     pin.Of(s.puskesmas, s.puskesmas.Spec.Release),
		Record:  reached(s.record, s.seen),
		Exists:  s.exists,
		Current: s.puskesmas.Status.Release.Current,
		Target:  s.puskesmas.Status.Release.Target,
	}
	for i := range s.district.Status.Admitted {
		if admission := &s.district.Status.Admitted[i]; admission.Code == s.puskesmas.Spec.Code {
			stack.Admission = admission
		}
	}
	if meta.IsStatusConditionTrue(s.district.Status.Conditions, v1alpha1.ConditionDatabaseReady) {
		stack.Offered = s.district.Status.Release.Target
	}
	return stack
}

// refused says why the facility does not go where it is asked to.
func (r *Reconciler) refused(s *scope, d resolve.Decision) *status.Stop {
	stop := &status.Stop{Stalled: true, Reason: d.Held.Reason, Message: "spec.release: " + d.Held.Message}
	if d.Row != resolve.Pinned {
		stop.Message = fmt.Sprintf("District %s asks for %s: %s", s.district.Name, d.Asked, d.Held.Message)
		if d.Held.Reason == v1alpha1.ReasonReleaseNotFound {
			stop.RetryAfter = r.Pace.ReleaseRecheck // nothing names it by which it would be seen to come
		}
	}
	switch {
	case d.Release == "":
	case s.opens(d):
		// It goes on by itself.
		stop.Stalled, stop.Reason = false, v1alpha1.ReasonUpgrading
		stop.Message += ". The way to " + d.Release + " goes on"
	default:
		stop.Message += ". Everything stays on " + d.Release
	}
	return stop
}

// opens tells that the schema is on its way to where the release that is asked
// for can be reached from.
func (s *scope) opens(d resolve.Decision) bool {
	last, known := s.catalogue.Find(lastSchema(s.record))
	to, found := s.catalogue.Find(d.Asked)
	if !known || !found || len(schemaEnds(reached(s.record, s.seen))) < 2 {
		return false
	}
	_, refusal := upgrade.Path(last, to)
	return refusal == nil
}

// isBack tells that a way leads to earlier software on the same schema.
func (s *scope) isBack(from, to string) bool {
	was, known := s.catalogue.Find(from)
	is, found := s.catalogue.Find(to)
	if !known || !found {
		return false
	}
	direction, refusal := upgrade.Path(was, is)
	return refusal == nil && direction == upgrade.Back
}

// giveUpRelease gives up what an operator before 0.2.0 has written to
// spec.release, now that the facility has it written down itself.
func (r *Reconciler) giveUpRelease(ctx context.Context, s *scope) error {
	if !pin.IsHandedOut(s.puskesmas, s.puskesmas.Spec.Release) || (s.exists && !s.recorded()) {
		return nil
	}
	return pin.GiveUp(ctx, r.Client, s.puskesmas, v1alpha1.ManagerDistrict)
}

// wantedProfile is the facility's own profile, the district's, or the default.
func (s *scope) wantedProfile() v1alpha1.RMEProfile {
	return cmp.Or(s.puskesmas.Spec.RME.Profile, s.district.Spec.RME.Profile, v1alpha1.RMEProfileGNUHealth)
}
