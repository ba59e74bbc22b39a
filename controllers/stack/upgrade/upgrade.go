// Package upgrade says whether one release can be reached from another. It is
// pure; the district, the Puskesmas and the wave's planner ask it the same.
package upgrade

import (
	"fmt"
	"regexp"

	"github.com/Masterminds/semver/v3"
	"k8s.io/apimachinery/pkg/api/meta"

	"ilp.health/operator/api/v1alpha1"
)

// Release is what paths depend on in an entry of the catalogue.
type Release struct {
	Name    string
	Version *semver.Version
	// From is the range of versions from which it can be reached; nil is any.
	From *semver.Constraints
	// RollbackSafe tells that earlier software runs on this release's schema.
	RollbackSafe bool
	// Database is the image of PostgreSQL.
	Database string
	// Problem says what makes the release unusable, or is empty.
	Problem string
}

// ReleaseOf reads an entry of the catalogue.
func ReleaseOf(r *v1alpha1.StackRelease) Release {
	out := Release{
		Name:         r.Name,
		RollbackSafe: r.Spec.SchemaRollback == v1alpha1.SchemaRollbackSafe,
		Database:     string(r.Spec.Database.Image),
	}
	var err error
	if out.Version, err = semver.StrictNewVersion(string(r.Spec.Version)); err != nil {
		out.Problem = "spec.version is not a semantic version"
	}
	if r.Spec.UpgradeFrom != "" {
		if out.From, err = semver.NewConstraint(r.Spec.UpgradeFrom); err != nil {
			out.Problem = "spec.upgradeFrom is not a range of versions"
		}
	}
	if stalled := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionStalled); stalled != nil && stalled.Status == "True" {
		out.Problem = stalled.Message
	}
	return out
}

// Direction of a path.
type Direction int

const (
	// Forward leads to a later release, or to another of the same version.
	Forward Direction = iota
	// Back leads to earlier software on the schema that is there.
	Back
)

// Refusal says why there is no path, with a reason of the API.
type Refusal struct{ Reason, Message string }

// PathFrom finds the way to a release from each that a stack may be of: one, or
// both ends while it is on its way. All must let it through. Where that is for
// the first time at the last of them, the way opens when that is reached, and
// until then the refusal says so. The direction is that from the latest of them.
func PathFrom(ends []Release, to Release) (Direction, *Refusal) {
	direction := Forward
	var latest *Release
	for i := range ends {
		from := &ends[i]
		d, refusal := Path(*from, to)
		if refusal != nil && i < len(ends)-1 {
			if _, last := Path(ends[len(ends)-1], to); last == nil {
				refusal.Message = fmt.Sprintf("%s is not reached yet on the way from %s, and %s; that is asked again when it is",
					ends[len(ends)-1].Name, from.Name, refusal.Message)
			}
		}
		if refusal != nil {
			return d, refusal
		}
		if latest == nil || from.Version.GreaterThan(latest.Version) {
			latest, direction = from, d
		}
	}
	return direction, nil
}

// Path finds the way from one release to another, or says why there is none.
func Path(from, to Release) (Direction, *Refusal) {
	if from.Version == nil || to.Version == nil {
		return Forward, refuse("nobody can tell whether %s can be reached from %s: one of them has no semantic version", to.Name, from.Name)
	}
	if refusal := majorStays(from, to); refusal != nil {
		return Forward, refusal
	}
	switch {
	case to.Version.LessThan(from.Version) && !from.RollbackSafe:
		return Back, &Refusal{v1alpha1.ReasonDowngrade, fmt.Sprintf(
			"%s (%s) is earlier than %s (%s), which says that no earlier software runs on its schema (schemaRollback): name a later release, or restore a backup from before",
			to.Name, to.Version, from.Name, from.Version)}
	case to.Version.LessThan(from.Version):
		if from.From != nil && !from.From.Check(to.Version) {
			return Back, refuse("%s (%s) is earlier than %s, which can be rolled back only to what it is reached from, %s", to.Name, to.Version, from.Name, from.From)
		}
		return Back, nil
	case to.From != nil && !to.From.Check(from.Version) && !to.Version.Equal(from.Version):
		return Forward, refuse("%s can only be reached from %s, and %s is %s: name a release in between first", to.Name, to.From, from.Name, from.Version)
	}
	return Forward, nil
}

func refuse(format string, args ...any) *Refusal {
	return &Refusal{v1alpha1.ReasonUpgradePath, fmt.Sprintf(format, args...)}
}

// majorStays refuses another major version of PostgreSQL; the operator never
// converts a data directory.
func majorStays(from, to Release) *Refusal {
	if from.Database == to.Database {
		return nil
	}
	was, is := PostgresMajor(from.Database), PostgresMajor(to.Database)
	switch {
	case was == "" || is == "":
		return refuse("the major version of PostgreSQL cannot be told from the images %s and %s: tag them with it, such as postgresql:15.14", from.Database, to.Database)
	case was != is:
		return refuse("%s has PostgreSQL %s and %s has %s: a major version never changes by itself; make a release with PostgreSQL %s, or move the data to a new District", from.Name, was, to.Name, is, was)
	}
	return nil
}

// major is the version at the start of an image's tag, as CloudNativePG reads it.
var major = regexp.MustCompile(`:v?([0-9]+)[^:/@]*(@sha256:[a-f0-9]+)?$`)

// PostgresMajor is the major version of PostgreSQL that an image has, or empty
// where its tag does not tell.
func PostgresMajor(image string) string {
	if match := major.FindStringSubmatch(image); match != nil {
		return match[1]
	}
	return ""
}
