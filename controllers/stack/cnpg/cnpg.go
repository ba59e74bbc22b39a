// Package cnpg is what the operator knows of CloudNativePG's resources: their
// kinds, names and marks, what their status says, and what can become of data
// when a field of theirs, a label or an annotation changes. Every field of the kinds that the operator makes is judged, and a test fails when a
// version of CloudNativePG brings one that nobody has looked at.
//
// A value that destroys is refused by config/policy, and where the operator can
// say the harmless one, config/stack does.
package cnpg

import "strings"

// Judgement says what a change of a field can do.
type Judgement string

const (
	// Destroys drops, empties or replaces data, or deletes a copy of it that
	// somebody counts on.
	Destroys Judgement = "destroys"
	// Fixed would lose data or put it out of reach, and CloudNativePG or Kubernetes
	// refuses the change.
	Fixed Judgement = "fixed"
	// Exposes gives somebody rights, or a way to data.
	Exposes Judgement = "exposes"
	// Harmless leaves what is stored, and leaves it closed. It may stop PostgreSQL.
	Harmless Judgement = "harmless"
)

// Field is one field of a kind, with what is judged of it.
type Field struct {
	// Path from the object's root; "[]" stands for the items of a list and "{}" for
	// the values of a map. "spec.affinity.nodeAffinity.*" is all that is below: only
	// for types of Kubernetes and for parts that are judged as one.
	Path      string
	Judgement Judgement
	// Why says what happens, or why nothing does.
	Why string
	// Refused changes an object so that the field destroys, as a YAML merge patch.
	Refused string
	// Change tells that only a change destroys: an object may be made with any value.
	Change bool
	// Rendered is what config/stack says instead, as a part of the object in YAML.
	Rendered string
	// Values are all that the field can have, of which one destroys.
	Values []string
}

// Fields are the judged fields of a kind that the operator makes, and none for
// another.
func Fields(kind string) []Field { return fields[kind] }

var fields = map[string][]Field{
	"Cluster":         clusterFields,
	"Database":        databaseFields,
	"DatabaseRole":    databaseRoleFields,
	"ScheduledBackup": scheduledBackupFields,
}

// judge finds what is judged of a field: the longest entry that covers it.
func judge(kind, path string) (Field, bool) {
	var best Field
	for _, f := range fields[kind] {
		if f.covers(path) && len(f.Path) > len(best.Path) {
			best = f
		}
	}
	return best, best.Path != ""
}

func (f Field) covers(path string) bool {
	if whole, ok := strings.CutSuffix(f.Path, ".*"); ok {
		rest, inside := strings.CutPrefix(path, whole)
		return inside && (rest == "" || strings.ContainsAny(rest[:1], ".[{"))
	}
	return f.Path == path
}

// all judges several fields alike.
func all(judgement Judgement, why string, paths ...string) []Field {
	out := make([]Field, len(paths))
	for i, path := range paths {
		out[i] = Field{Path: path, Judgement: judgement, Why: why}
	}
	return out
}
