package district

import (
	"cmp"
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/catalogue"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/resolve"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/upgrade"
)

// readRecords reads what is written down of the district and of its Puskesmas.
func (r *Reconciler) readRecords(ctx context.Context, s *scope) (err error) {
	if s.record, err = r.Records.Read(ctx, s.namespace, record.District); err != nil {
		return err
	}
	if said := s.district.Status.Release; pin.IsHandedOut(s.district, s.district.Spec.Release) && cmp.Or(said.Target, said.Current) != "" {
		s.record = s.record.WithoutReleases()
	}
	s.records, err = r.Records.All(ctx, s.namespace)
	return err
}

// resolveRelease finds the release that the district is brought to, by reading:
// package resolve has the table. What cannot be reached changes nothing: what is
// recorded goes on, and the district says why at the end.
func (r *Reconciler) resolveRelease(ctx context.Context, s *scope) error {
	var err error
	if s.catalogue, err = catalogue.Read(ctx, r.Client); err != nil {
		return err
	}
	stack, noWave, err := r.readStack(ctx, s)
	if err != nil {
		return err
	}
	decision := resolve.Release(stack, s.catalogue.Find)
	s.reportAsked(decision)
	switch {
	case decision.Row == resolve.Unknown:
		return status.Stalled(v1alpha1.ReasonRecordMissing,
			"PostgreSQL of this district is there, and neither namespace %s nor the status says of which release it is: set spec.release to the one that runs; kubectl get cluster database -n %s -o yaml shows its image", s.namespace, s.namespace)
	case decision.Held != nil && decision.Release == "":
		return r.refused(s, decision)
	case decision.Release == "" && noWave != nil:
		return noWave
	case decision.Row == resolve.Waiting:
		name := s.district.Spec.WaveRef.Name
		return status.Waiting(0, v1alpha1.ReasonAwaitingRelease,
			"waiting for Wave %s to admit this district to its release: kubectl describe wave %s says whose turn it is and what is waited for", name, name)
	case decision.Release == "":
		return status.Stalled(v1alpha1.ReasonReleaseNotFound,
			"spec.release is empty and no StackRelease is the default: set spec.release, or annotate a StackRelease with %s=true", v1alpha1.DefaultReleaseAnnotation)
	}
	if s.release = s.catalogue.Get(decision.Release); s.release == nil {
		return status.Stalled(v1alpha1.ReasonReleaseNotFound,
			"this district runs StackRelease %s, which does not exist any more, so nothing of it can be repaired: create it again", decision.Release)
	}
	if err := s.checkPostgres(); err != nil {
		return err
	}
	if served := s.served(); served != s.release.Name {
		s.from = served
	}
	switch {
	case decision.Held != nil:
		s.held, s.frozen = r.refused(s, decision), !s.opens(decision)
	case noWave != nil:
		s.held = noWave
	}
	return nil
}

// reportAsked says in the status where the district is asked to go until it has
// begun: its wave counts one that cannot begin as failed.
func (s *scope) reportAsked(d resolve.Decision) {
	asked := cmp.Or(d.Asked, d.Release)
	if asked == s.recorded() {
		asked = ""
	}
	s.district.Status.Release.Asked = asked
}

// readStack gathers what the release depends on. noWave says that the wave which
// the district names does not exist; a pin does not ask for it.
func (r *Reconciler) readStack(ctx context.Context, s *scope) (stack resolve.Stack, noWave *status.Stop, err error) {
	d := s.district
	stack = resolve.Stack{
		Pin: pin.Of(d, d.Spec.Release), Record: s.record,
		Current: d.Status.Release.Current, Target: d.Status.Release.Target,
		Waits: d.Spec.WaveRef.Name != "", Offered: s.catalogue.Default(),
	}
	if s.recorded() == "" {
		if s.exists, err = r.exists(ctx, s); err != nil {
			return stack, nil, err
		}
	}
	stack.Exists = s.exists || s.recorded() != ""
	if stack.Pin == "" && stack.Waits {
		stack.Admission, noWave, err = r.admission(ctx, d)
	}
	return stack, noWave, err
}

// admission is what the wave that a district names now says of it, if anything.
func (r *Reconciler) admission(ctx context.Context, d *v1alpha1.District) (*v1alpha1.Admission, *status.Stop, error) {
	name := string(d.Spec.WaveRef.Name)
	wave := &v1alpha1.Wave{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: name}, wave); err != nil {
		if client.IgnoreNotFound(err) != nil {
			return nil, nil, fmt.Errorf("get Wave %s: %w", name, err)
		}
		return nil, &status.Stop{
			Stalled: true,
			Reason:  v1alpha1.ReasonWaveNotFound,
			Message: fmt.Sprintf("spec.waveRef names Wave %q, which does not exist: create it, name another, or set spec.release; kubectl get waves lists those there are", name),
		}, nil
	}
	for i := range wave.Status.Admitted {
		if wave.Status.Admitted[i].Code == string(d.Spec.Code) {
			return &wave.Status.Admitted[i], nil, nil
		}
	}
	return nil, nil, nil
}

// exists tells of a district without a recorded release whether something of a
// release was made for it. The inventory of 0.1.0 does not count: that operator
// wrote it ahead.
func (r *Reconciler) exists(ctx context.Context, s *scope) (bool, error) {
	released := s.district.Status.Release
	if released.Current != "" || released.Database != "" || (s.record != nil && (s.record.SystemID != "" || len(s.record.Objects) > 0)) {
		return true, nil
	}
	cluster, err := r.Applier.Cached(ctx, cnpg.Cluster(s.namespace))
	if meta.IsNoMatchError(err) {
		return false, nil // without CloudNativePG there is no PostgreSQL
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", cnpg.Cluster(s.namespace), err)
	}
	return cluster != nil, nil
}

// checkPostgres refuses a release that would start another major version of
// PostgreSQL on the data that is there. Paths refuse it too; this holds where a
// release was deleted and made again as something else.
func (s *scope) checkPostgres() error {
	is := upgrade.PostgresMajor(string(s.release.Spec.Database.Image))
	if s.record == nil || s.record.Postgres == "" || is == s.record.Postgres {
		return nil
	}
	return status.Stalled(v1alpha1.ReasonUpgradePath,
		"the data of this district was made by PostgreSQL %s, and the image of StackRelease %s is %s: a major version never changes by itself; name a release with PostgreSQL %s, or move the data to a new District",
		s.record.Postgres, s.release.Name, s.release.Spec.Database.Image, s.record.Postgres)
}

// refused says why the district does not go where it is asked to.
func (r *Reconciler) refused(s *scope, d resolve.Decision) *status.Stop {
	stop := &status.Stop{Stalled: true, Reason: d.Held.Reason, Message: "spec.release: " + d.Held.Message}
	if d.Row == resolve.Admitted {
		stop.Message = fmt.Sprintf("Wave %s admits this district to %s: %s", s.district.Spec.WaveRef.Name, d.Asked, d.Held.Message)
	}
	if d.Row == resolve.Admitted && d.Held.Reason == v1alpha1.ReasonReleaseNotFound {
		stop.RetryAfter = r.Pace.ReleaseRecheck
	}
	switch {
	case d.Release == "":
	case s.opens(d):
		// It goes on by itself.
		stop.Stalled, stop.Reason = false, v1alpha1.ReasonUpgrading
		stop.Message += fmt.Sprintf(". The way to %s goes on", d.Release)
	default:
		stop.Message += fmt.Sprintf(". Everything stays on %s", d.Release)
	}
	return stop
}

// opens tells that the way on which the district is leads to where the release
// that is asked for can be reached from.
func (s *scope) opens(d resolve.Decision) bool {
	to, found := s.catalogue.Find(d.Asked)
	stays, known := s.catalogue.Find(d.Release)
	if !found || !known || s.served() == "" || s.served() == d.Release {
		return false
	}
	_, refusal := upgrade.Path(stays, to)
	return refusal == nil
}

// recorded is the release that is written down, or empty.
func (s *scope) recorded() string {
	if s.record == nil {
		return ""
	}
	return cmp.Or(s.record.Target, s.record.Running)
}

// served is the release that the district was last brought to, or empty.
func (s *scope) served() string {
	if s.recorded() != "" {
		return s.record.Running
	}
	return s.district.Status.Release.Current
}

// recordRelease writes down the release that the district is brought to, before
// the first change towards it: isolation, which comes before, is of no release.
func (r *Reconciler) recordRelease(ctx context.Context, s *scope) error {
	next := s.towards()
	if err := r.write(ctx, s, next); err != nil {
		return err
	}
	released := &s.district.Status.Release
	released.Target = next.Target
	if released.Asked == next.Target {
		released.Asked = ""
	}
	released.Current = cmp.Or(released.Current, next.Running)
	s.district.Status.LastHandledRetry = next.Retried
	s.withdraw()
	return r.giveUpHandOut(ctx, s)
}

// towards is the record of a district that is brought to a release. Of the one
// that it was brought to before something may run, so that it counts as running
// where none ever did.
func (s *scope) towards() *record.Record {
	next := s.record.Copy()
	before := s.recorded()
	if before == "" && s.exists {
		before = cmp.Or(s.district.Status.Release.Target, s.district.Status.Release.Current)
	}
	next.Running = s.served()
	if next.Running == "" && before != s.release.Name {
		next.Running = before
	}
	next.Target = s.release.Name
	next.Dashboard = ""
	if s.dashboard != s.release {
		next.Dashboard = s.dashboard.Name
	}
	next.Postgres = cmp.Or(next.Postgres, upgrade.PostgresMajor(string(s.release.Spec.Database.Image)))
	next.Retried = s.retried
	return next
}

// recordRunning writes down that the district serves the release.
func (r *Reconciler) recordRunning(ctx context.Context, s *scope) error {
	s.district.Status.Release.Current = s.release.Name
	next := s.record.Copy()
	next.Running = s.release.Name
	return r.write(ctx, s, next)
}

// giveUpHandOut takes away the release that an operator before 0.2.0 wrote into
// the spec, once it is recorded.
func (r *Reconciler) giveUpHandOut(ctx context.Context, s *scope) error {
	if !pin.IsHandedOut(s.district, s.district.Spec.Release) {
		return nil
	}
	return pin.GiveUp(ctx, r.Client, s.before, v1alpha1.ManagerWave)
}
