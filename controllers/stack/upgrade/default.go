package upgrade

import (
	"github.com/Masterminds/semver/v3"

	"ilp.health/operator/api/v1alpha1"
)

// MarkedDefault tells that a release is marked as the default.
func MarkedDefault(r *v1alpha1.StackRelease) bool {
	return r.Annotations[v1alpha1.DefaultReleaseAnnotation] == "true"
}

// Default is the newest release that is marked as default, or nil. Exactly one
// is taken, however many are marked.
func Default(releases []v1alpha1.StackRelease) *v1alpha1.StackRelease {
	var newest *v1alpha1.StackRelease
	var newestVersion *semver.Version
	for i := range releases {
		release := &releases[i]
		version, err := semver.StrictNewVersion(string(release.Spec.Version))
		if err != nil || !MarkedDefault(release) {
			continue
		}
		if newest == nil || version.GreaterThan(newestVersion) || (version.Equal(newestVersion) && release.Name < newest.Name) {
			newest, newestVersion = release, version
		}
	}
	return newest
}
