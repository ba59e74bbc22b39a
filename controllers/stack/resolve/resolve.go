// Package resolve says which release a stack should be of, by reading: its pin,
// its admission by the Wave (or, of a Puskesmas, by its District), what it has
// written down, what runs. It is pure; the operator and the plugin ask it the
// same. The table is in docs/upgrades.md.
package resolve

import (
	"cmp"
	"fmt"
	"slices"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/upgrade"
)

// Row is the first row of the table that matches.
type Row string

// Rows of the table, in their order.
const (
	// Pinned: spec.release names it.
	Pinned Row = "Pinned"
	// Inherited: something runs that has no record, and the status says of which
	// release. An operator before 0.2.0 kept it there only.
	Inherited Row = "Inherited"
	// Unknown: something runs, and nothing says of which release.
	Unknown Row = "Unknown"
	// Admitted: the wave, or the district, lets it go there from where it is.
	Admitted Row = "Admitted"
	// Begun: the recorded target. What has begun ends, whatever becomes of the
	// wave, the pin or the status.
	Begun Row = "Begun"
	// Running: what runs.
	Running Row = "Running"
	// Waiting: new, and not admitted yet.
	Waiting Row = "Waiting"
	// New: new, and nobody has to admit it.
	New Row = "New"
)

// Stack is all that the release of a District or of a Puskesmas depends on.
type Stack struct {
	// Pin is spec.release.
	Pin string
	// Admission is the one for this stack's code of the wave that it names now, or
	// of its District, if there is one.
	Admission *v1alpha1.Admission
	// Record is what is written down of the stack, or nil.
	Record *record.Record
	// Exists tells that something of the stack was made already.
	Exists bool
	// Current and Target are what the status says. They count only where nothing is recorded.
	Current, Target string
	// Waits tells that a new stack must be admitted: a District that names a wave.
	Waits bool
	// Offered is the release of a new stack: the default StackRelease for a
	// District, the target of its District for a Puskesmas. Empty is none.
	Offered string
}

// Decision is what a stack should be.
type Decision struct {
	// Release that it is brought to, or stays on; empty if nothing is to be made.
	Release string
	Row     Row
	// Direction of the way to the release, from the latest that the stack may be of,
	// for as long as it is on that way.
	Direction upgrade.Direction
	// Held says why the stack does not go where it is asked to, and Asked where
	// that is. Release is where it was brought to before: that goes on to its end.
	Held  *upgrade.Refusal
	Asked string
}

// Catalogue finds a release, or says that there is none.
type Catalogue func(name string) (release upgrade.Release, found bool)

// Release decides. What cannot be reached moves nobody.
func Release(s Stack, catalogue Catalogue) Decision {
	asked, row := s.asked()
	d := Decision{Release: asked, Row: row}
	if target := s.target(); asked != target {
		if d.Held = s.refuse(asked, catalogue); d.Held != nil {
			d.Release, d.Asked = target, asked
		}
	}
	d.Direction = s.direction(d.Release, catalogue)
	return d
}

// refuse says why the stack may not go to a release, or nothing.
func (s Stack) refuse(asked string, catalogue Catalogue) *upgrade.Refusal {
	to, found := catalogue(asked)
	if !found {
		return &upgrade.Refusal{Reason: v1alpha1.ReasonReleaseNotFound, Message: fmt.Sprintf(
			"StackRelease %q does not exist: create it or name another; kubectl get stackreleases lists those there are", asked)}
	}
	var ends []upgrade.Release
	for _, name := range s.Ends() {
		end, found := catalogue(name)
		if !found {
			return &upgrade.Refusal{Reason: v1alpha1.ReasonUpgradePath, Message: fmt.Sprintf(
				"StackRelease %s runs and does not exist any more, so nobody can tell whether %s can be reached from there: create it again", name, asked)}
		}
		ends = append(ends, end)
	}
	_, refusal := upgrade.PathFrom(ends, to)
	return refusal
}

// direction leads back while anything of the stack may be of a later release.
func (s Stack) direction(release string, catalogue Catalogue) upgrade.Direction {
	for _, name := range s.Ends() {
		if name == release {
			continue
		}
		to, found := catalogue(release)
		from, known := catalogue(name)
		if !found || !known {
			continue
		}
		if direction, _ := upgrade.Path(from, to); direction == upgrade.Back {
			return upgrade.Back
		}
	}
	return upgrade.Forward
}

// asked is the release that the first row of the table which matches names.
func (s Stack) asked() (string, Row) {
	recorded := s.recorded()
	switch inherited := cmp.Or(s.Target, s.Current); {
	case s.Pin != "":
		return s.Pin, Pinned
	case recorded == "" && s.Exists && inherited != "":
		return inherited, Inherited
	case recorded == "" && s.Exists:
		return "", Unknown
	case s.Admission != nil && string(s.Admission.From) == recorded:
		return string(s.Admission.To), Admitted
	case s.Record != nil && s.Record.Target != "":
		return s.Record.Target, Begun
	case recorded != "":
		return recorded, Running
	case s.Waits:
		return "", Waiting
	default:
		return s.Offered, New
	}
}

// recorded is the release that is written down.
func (s Stack) recorded() string {
	if s.Record == nil {
		return ""
	}
	return cmp.Or(s.Record.Target, s.Record.Running)
}

// target is the release that the stack is brought to or stands on.
func (s Stack) target() string {
	if recorded := s.recorded(); recorded != "" || !s.Exists {
		return recorded
	}
	return cmp.Or(s.Target, s.Current)
}

// Ends are the releases that the stack may be of now: what runs, and what it is
// on its way to, which comes last.
func (s Stack) Ends() []string {
	var ends []string
	switch {
	case s.Record != nil && len(s.Record.Schema) > 0:
		ends = s.Record.Schema
	case s.recorded() != "":
		ends = []string{s.Record.Running, s.Record.Dashboard, s.Record.Target}
	case s.Exists:
		ends = []string{s.Current, s.Target}
	}
	var known []string
	for _, name := range ends {
		if name != "" && !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	return known
}
