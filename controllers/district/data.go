package district

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/consent"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/status"
)

// checkDatabase makes sure, before anything of the database is applied, that
// PostgreSQL serves the data that it has served before.
func (r *Reconciler) checkDatabase(ctx context.Context, s *scope) error {
	known := ""
	if s.record != nil {
		known = s.record.SystemID
	}
	// Where no data was ever recorded the status says whether it stood: the operator
	// was older then.
	unrecorded := s.record == nil || s.record.Objects == nil
	stood := known != "" || (unrecorded && s.district.Status.Release.Database != "")
	if !stood {
		return nil
	}
	ref := cnpg.Cluster(s.namespace)
	cluster, err := r.Applier.Live(ctx, ref)
	if err != nil {
		return fmt.Errorf("read %s: %w", ref, err)
	}
	if cluster == nil {
		gone, err := r.Applier.Gone(ctx, ref)
		if err != nil {
			return fmt.Errorf("get %s: %w", ref, err)
		}
		if !gone {
			return nil
		}
		return r.withoutDatabase(ctx, s, fmt.Sprintf("%s was there and is gone, and the data of all Puskesmas with it", ref))
	}
	return r.checkSystemID(ctx, s, known, cnpg.SystemID(cluster))
}

func (r *Reconciler) checkSystemID(ctx context.Context, s *scope, known, serves string) error {
	if known == "" || serves == "" || known == serves {
		return nil
	}
	return r.withoutDatabase(ctx, s, fmt.Sprintf("%s serves other data than before: PostgreSQL's systemID is %s, and that of the district's data is %s", cnpg.Cluster(s.namespace), serves, known))
}

// unlessGivenUp turns a wait for PostgreSQL into missing data where it served
// before and CloudNativePG has given up on it.
func (r *Reconciler) unlessGivenUp(ctx context.Context, s *scope, err error) error {
	var stop *status.Stop
	if s.record == nil || s.record.SystemID == "" || !errors.As(err, &stop) {
		return err
	}
	ref := cnpg.Cluster(s.namespace)
	cluster, readErr := r.Applier.Live(ctx, ref)
	if readErr != nil || cluster == nil {
		return err
	}
	said := cnpg.StatusOf(cluster)
	if !said.Unrecoverable {
		return err
	}
	if r.refusesRecreate(s) == nil {
		if err := r.Applier.DeleteExactly(ctx, ref, cluster); err != nil {
			return err
		}
	}
	return r.withoutDatabase(ctx, s, fmt.Sprintf("%s: CloudNativePG says: %s", ref, said.Message))
}

func (r *Reconciler) refusesRecreate(s *scope) error {
	return consent.Check(s.district.Spec.DataProtection.Consent, v1alpha1.ConsentRecreate, string(s.district.Spec.Code), r.Clock.Now())
}

// withoutDatabase stops everything, or begins anew if a person agrees. Then all
// that was recorded is given up in one write, that of the Puskesmas too, so that
// the consent need not last until they have done the same.
func (r *Reconciler) withoutDatabase(ctx context.Context, s *scope, what string) error {
	if refusal := r.refusesRecreate(s); refusal != nil {
		return record.Missing(r.Pace.DataRecheck, what, refusal)
	}
	// Programs and Jobs have worked with the data that is gone.
	if err := r.Applier.Restart(ctx, s.namespace, labels.SelectorFromSet(s.ownerLabels())); err != nil {
		return err
	}
	anew := map[string]*record.Record{}
	writers, err := r.Records.Writers(ctx, s.namespace)
	if err != nil {
		return err
	}
	for _, writer := range writers {
		anew[writer] = nil
	}
	for i := range s.puskesmas {
		writer := record.WriterOf(s.puskesmas[i].Spec.Code)
		anew[writer] = s.records[writer].Anew()
	}
	anew[record.District] = s.record.Anew()
	if err := r.Records.Write(ctx, s.namespace, anew); err != nil {
		return err
	}
	return record.BegunAnew(r.Pace.Settle)
}

// recordDatabase writes down which data PostgreSQL serves before anybody works
// with it.
func (r *Reconciler) recordDatabase(ctx context.Context, s *scope) error {
	cluster, err := r.Applier.Live(ctx, cnpg.Cluster(s.namespace))
	if err != nil {
		return fmt.Errorf("read %s: %w", cnpg.Cluster(s.namespace), err)
	}
	serves := ""
	if cluster != nil {
		serves = cnpg.SystemID(cluster)
	}
	next := s.record.Copy()
	switch {
	case next.SystemID != "":
		return r.checkSystemID(ctx, s, next.SystemID, serves)
	case serves == "":
		return status.Waiting(r.Pace.StageRecheck, v1alpha1.ReasonProgressing, "waiting for CloudNativePG to tell which data PostgreSQL serves (status.systemID of %s)", cnpg.Cluster(s.namespace))
	}
	next.SystemID = serves
	return r.write(ctx, s, next)
}

// checkObjects makes sure that the dashboard's databases and passwords are those
// that it has worked with.
func (r *Reconciler) checkObjects(ctx context.Context, s *scope, data []*unstructured.Unstructured) error {
	missing, err := r.Applier.Missing(ctx, data, s.expects, apply.Options{Trusted: s.trusted})
	if err != nil || missing.None() {
		return err
	}
	if refusal := r.refusesRecreate(s); refusal != nil {
		return record.Missing(r.Pace.DataRecheck, missing.String(), refusal)
	}
	if err := r.Applier.Restart(ctx, s.namespace, labels.SelectorFromSet(s.ownerLabels()).Add(ofNoPuskesmas)); err != nil {
		return err
	}
	next := s.record.Copy()
	next.Objects = map[string]string{}
	if err := r.write(ctx, s, next); err != nil {
		return err
	}
	return record.BegunAnew(r.Pace.Settle)
}

// ofNoPuskesmas selects what is the district's own.
var ofNoPuskesmas = func() labels.Requirement {
	requirement, err := labels.NewRequirement(v1alpha1.LabelPuskesmas, selection.DoesNotExist, nil)
	utilruntime.Must(err)
	return *requirement
}()

// expects tells which objects were there. Without a record that the district was
// ready tells it; and where an older operator did not write one, its inventory.
func (s *scope) expects(ref inventory.Ref) (digest string, was bool) {
	if s.record != nil && s.record.Objects != nil {
		return s.record.Has(ref)
	}
	made := len(s.made) == 0 || slices.Contains(s.made, ref)
	return "", s.district.Status.Release.Current != "" && made
}

// recordObjects writes down the dashboard's databases and passwords once they
// are there.
func (r *Reconciler) recordObjects(ctx context.Context, s *scope, data []*unstructured.Unstructured) error {
	objects, err := r.Applier.Extend(ctx, s.record, data)
	if err != nil {
		return r.Stages.Describe(err)
	}
	next := s.record.Copy()
	next.Objects = objects
	return r.write(ctx, s, next)
}

func (r *Reconciler) write(ctx context.Context, s *scope, next *record.Record) error {
	if next.Equal(s.record) {
		return nil
	}
	if err := r.Records.Write(ctx, s.namespace, map[string]*record.Record{record.District: next}); err != nil {
		return err
	}
	s.record = next
	return nil
}

// reported writes an error that ends a reconcile into the condition that it is of.
func (r *Reconciler) reported(s *scope, condition string, err error) error {
	err = r.Stages.Describe(err)
	if stop := (*status.Stop)(nil); errors.As(err, &stop) {
		s.conditions.False(condition, stop.Reason, stop.Message)
	}
	return err
}
