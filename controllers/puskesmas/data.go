package puskesmas

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/consent"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/status"
)

// data are the objects that hold the facility's data or let it be read.
func (s *scope) data() []*unstructured.Unstructured {
	var data []*unstructured.Unstructured
	for _, obj := range s.all {
		if obj.GetKind() == "Secret" || obj.GroupVersionKind().Group == cnpg.Group {
			data = append(data, obj)
		}
	}
	return data
}

func (s *scope) writer() string { return record.WriterOf(s.puskesmas.Spec.Code) }

// checkData makes sure, before anything is applied, that the facility's database
// and passwords are those that it has worked with.
func (r *Reconciler) checkData(ctx context.Context, s *scope) error {
	what, err := r.findMissing(ctx, s)
	if err != nil {
		return r.Stages.Describe(err)
	}
	if what == "" {
		return nil
	}
	if refusal := consent.Check(s.puskesmas.Spec.Consent, v1alpha1.ConsentRecreate, s.puskesmas.Spec.Code, r.Clock.Now()); refusal != nil {
		err := record.Missing(r.Pace.DataRecheck, what, refusal)
		if stop := (*status.Stop)(nil); errors.As(err, &stop) {
			s.conditions.False(v1alpha1.ConditionDatabaseReady, stop.Reason, stop.Message)
		}
		return err
	}
	// Program and Job have worked with the data that is gone.
	if err := r.Applier.Restart(ctx, s.puskesmas.Namespace, labels.SelectorFromSet(s.ownerLabels())); err != nil {
		return err
	}
	if err := r.write(ctx, s, s.record.Anew()); err != nil {
		return err
	}
	return record.BegunAnew(r.Pace.Settle)
}

// findMissing says what is not as it was, or nothing.
func (r *Reconciler) findMissing(ctx context.Context, s *scope) (string, error) {
	if kept := s.keptName(); kept != "" {
		return fmt.Sprintf("the data of Puskesmas %s is kept under the name %s: delete this Puskesmas and make it again as %s, which takes the data up",
			s.puskesmas.Spec.Code, kept, kept), nil
	}
	district, err := r.Records.Read(ctx, s.puskesmas.Namespace, record.District)
	if err != nil {
		return "", err
	}
	cluster, err := r.Applier.Live(ctx, cnpg.Cluster(s.puskesmas.Namespace))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", cnpg.Cluster(s.puskesmas.Namespace), err)
	}
	if cluster != nil {
		s.serves = cnpg.SystemID(cluster)
	}
	if district != nil {
		s.serves = cmp.Or(s.serves, district.SystemID)
	}
	if s.record != nil && s.record.SystemID != "" && s.serves != "" && s.record.SystemID != s.serves {
		return fmt.Sprintf("PostgreSQL of District %s serves other data than that with this facility's: its systemID is %s, and that of the facility's data is %s",
			s.district.Name, s.serves, s.record.SystemID), nil
	}
	missing, err := r.Applier.Missing(ctx, s.data(), s.expects, apply.Options{Trusted: s.trusted})
	return missing.String(), err
}

// keptName is the name under which the facility's database was made, if it is
// another one than today's.
func (s *scope) keptName() string {
	if s.record == nil {
		return ""
	}
	const suffix = "-database"
	for name := range s.record.Objects {
		kind, object, _ := strings.Cut(name, "/")
		if owner := strings.TrimSuffix(object, suffix); kind == "Database" && owner != object && owner != s.puskesmas.Name {
			return owner
		}
	}
	return ""
}

// expects tells which objects were there. Without a record that the facility was
// ready tells it; and where an older operator did not write one, its inventory.
func (s *scope) expects(ref inventory.Ref) (digest string, was bool) {
	if s.record != nil && s.record.Objects != nil {
		return s.record.Has(ref)
	}
	made := len(s.made) == 0 || slices.Contains(s.made, ref)
	return "", s.puskesmas.Status.Release.Current != "" && made
}

// recordData writes down the facility's data and the program that is to work on
// it, once all of it is there and before anything has begun to. Of a new facility
// nothing is written down before: this one write has its release too.
func (r *Reconciler) recordData(ctx context.Context, s *scope) error {
	objects, err := r.Applier.Extend(ctx, s.record, s.data())
	if err != nil {
		return r.Stages.Describe(err)
	}
	next := s.plan.Copy()
	next.SystemID = cmp.Or(next.SystemID, s.serves)
	next.Objects = objects
	next.Profile, next.Program = string(s.profile), s.program()
	return r.write(ctx, s, next)
}

// write writes the record down, and shows in the status what it says of releases.
func (r *Reconciler) write(ctx context.Context, s *scope, next *record.Record) error {
	if next.Equal(s.record) {
		return nil
	}
	if err := r.Records.Write(ctx, s.puskesmas.Namespace, map[string]*record.Record{s.writer(): next}); err != nil {
		return err
	}
	s.record = next
	if s.plan != nil {
		s.plan = next
	}
	s.showReleases()
	return nil
}

// forgetData takes the record away together with the data that it is of.
func (r *Reconciler) forgetData(ctx context.Context, s *scope) error {
	known, err := r.Records.Read(ctx, s.puskesmas.Namespace, s.writer())
	if err != nil || known == nil {
		return err
	}
	return r.Records.Write(ctx, s.puskesmas.Namespace, map[string]*record.Record{s.writer(): nil})
}
