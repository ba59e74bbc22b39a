package puskesmas

import (
	"slices"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/upgrade"
)

// seen is what can be seen of a facility's programs. It tells how far the way is
// gone that the record has begun.
type seen struct {
	// schema are the releases of which a schema Job is complete.
	schema []string
	// rme is the release of the RME that was rolled out last; ready tells that all of
	// it serves.
	rme   string
	ready bool
}

// settled tells that the schema is that of a release: its Job is complete, or the
// RME serves, which is rolled out after that and makes its schema itself where
// there is no Job.
func (s seen) settled(release string) bool {
	return release != "" && (slices.Contains(s.schema, release) || (s.rme == release && s.ready))
}

// lastSchema is the release that the schema is of, or is brought to.
func lastSchema(r *record.Record) string {
	if ends := schemaEnds(r); len(ends) > 0 {
		return ends[len(ends)-1]
	}
	return ""
}

// schemaEnds are the releases that the schema may be of.
func schemaEnds(r *record.Record) []string {
	if r == nil {
		return nil
	}
	ends := r.Schema
	if len(ends) == 0 {
		ends = []string{r.Running, r.Target}
	}
	return slices.Compact(slices.DeleteFunc(slices.Clone(ends), func(name string) bool { return name == "" }))
}

// reached is the record with one end where that is all that is left of several.
func reached(r *record.Record, s seen) *record.Record {
	if r == nil || !s.settled(lastSchema(r)) {
		return r
	}
	next := r.Copy()
	next.Schema = []string{lastSchema(r)}
	return next
}

// move is the record of a facility that is brought to a release from where it
// is. A schema on its way may be of any of its ends until the last is reached,
// and never goes back.
func move(r *record.Record, to string, direction upgrade.Direction, s seen) *record.Record {
	next := r.Copy()
	if next.Target == to {
		return next
	}
	putBack := next.RolledBack != nil && next.RolledBack.Release == next.Target
	if s.settled(lastSchema(r)) && !putBack {
		next.Running = next.Target
	}
	next.Schema = schemaEnds(reached(r, s))
	if direction == upgrade.Forward {
		next.Schema = append(slices.DeleteFunc(next.Schema, func(name string) bool { return name == to }), to)
	}
	next.Target, next.RolledBack = to, nil
	return next
}

// arrived is the record of a facility that is ready on its target. The first
// release that it ever ran has nothing to add. A schema that is not at its last
// end yet may still be of either, while an earlier RME serves on both.
func arrived(r *record.Record, settled bool) *record.Record {
	next := r.Copy()
	if ends := schemaEnds(r); settled && len(ends) > 1 {
		next.Schema = ends[len(ends)-1:]
	}
	if next.Running != "" || len(schemaEnds(r)) > 1 {
		next.Running = next.Target
	}
	next.RolledBack = nil
	return next
}

// choose finds of which releases schema and RME are asked for. The RME is that of
// the target, but for two cases: the one before stays until the schema is ready
// for its successor, and an RME that failed is put back.
func choose(r *record.Record, s seen, rolledBack bool) (schema, rme string) {
	schema = lastSchema(r)
	begun := s.settled(schema) || s.rme == r.Target
	if r.Running != "" && (rolledBack || !begun) {
		return schema, r.Running
	}
	return schema, r.Target
}

// inherited is where an operator before 0.2.0 has left a facility: it wrote that
// to the status alone. isBack tells that a way leads back. The target in such a
// status may be one that was never begun, which a schema on its way always was.
func inherited(known *record.Record, was v1alpha1.PuskesmasReleaseStatus, isBack func(from, to string) bool) *record.Record {
	next := known.Copy()
	next.Target, next.Running = was.Target, was.Current
	if next.Target == "" {
		next.Target = was.Current
	}
	if was.Schema != "" && was.Target != was.Schema && was.Target != was.Current && !isBack(was.Schema, was.Target) {
		next.Target = was.Schema
	}
	next.Schema = []string{was.Current}
	if last := was.Schema; last != "" {
		next.Schema = append(next.Schema, last)
	} else {
		next.Schema = append(next.Schema, next.Target)
	}
	next.Schema = schemaEnds(next)
	return next
}
