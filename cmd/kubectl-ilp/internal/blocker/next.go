package blocker

import (
	"cmp"
	"fmt"

	"ilp.health/operator/api/v1alpha1"
)

// Subject is the resource that a reason is of, with what a step may have to name.
type Subject struct {
	Kind Kind
	// Wave, Release and Stage of a wave, or of the one that a district is in.
	Wave, Release, Stage string
	// District is the first one that a wave's reason is about, or the one itself.
	District string
	// Namespace and Puskesmas of a facility.
	Namespace, Puskesmas string
}

// Kind of resource that a reason is of.
type Kind string

// The kinds that have conditions.
const (
	Wave      Kind = "Wave"
	District  Kind = "District"
	Puskesmas Kind = "Puskesmas"
)

// Name is what messages call the resource.
func (s Subject) Name() string {
	switch s.Kind {
	case Wave:
		return "Wave " + s.Wave
	case Puskesmas:
		return fmt.Sprintf("Puskesmas %s of District %s", s.Puskesmas, s.District)
	default:
		return "District " + s.District
	}
}

// Next is the one thing that a person does about a reason; empty where it goes
// on by itself.
func Next(s Subject, reason string) string {
	if s.Kind == Wave {
		return nextOfWave(s, reason)
	}
	switch reason {
	case v1alpha1.ReasonSuspended, v1alpha1.ReasonHibernated:
		return s.patchState()
	case v1alpha1.ReasonInfrastructureFailed:
		return "bring what is missing; it goes on by itself then"
	case v1alpha1.ReasonMissingDependency:
		return "kubectl ilp doctor; it goes on by itself when that is installed"
	case v1alpha1.ReasonApplicationFailed:
		return "mend what its log tells of; then: kubectl ilp district retry " + s.District
	case v1alpha1.ReasonConfigurationFailed:
		return "correct what the message names; then: kubectl ilp district retry " + s.District
	case v1alpha1.ReasonUnhealthy:
		return "it tries again by itself; look at its log if it stays so"
	case v1alpha1.ReasonApplyFailed, v1alpha1.ReasonPruneFailed:
		return "it tries again by itself; kubectl ilp doctor if it stays so"
	case v1alpha1.ReasonRenderFailed, v1alpha1.ReasonObjectInvalid:
		return "correct spec.patches of " + s.Name() + "; kubectl ilp render shows without a cluster what comes of them"
	case v1alpha1.ReasonConsentRequired:
		return "agree in " + s.consent() + ", or change the spec back so that it is asked for again"
	case v1alpha1.ReasonStorageRefused:
		return "write the size or class that the message names back into spec.database of District " + s.District + ", or change the StorageClass"
	case v1alpha1.ReasonDeleting:
		return "it goes on by itself, and tries again what is refused; the message names what has to end if it stays so"
	case v1alpha1.ReasonDataMissing:
		return "put back what the message names, from a backup, and it goes on by itself; or agree to begin anew in " + s.consent() + " (action Recreate)"
	case v1alpha1.ReasonObjectNotOwned:
		return "delete or rename the object that the message names, or hand it over by the labels there"
	case v1alpha1.ReasonNamespaceNotOwned:
		return "put the label that the message names on the namespace, if it is meant for this district"
	case v1alpha1.ReasonDuplicateCode:
		return "delete the one of the two whose code is wrong, and make it anew with its own"
	case v1alpha1.ReasonDistrictNotFound:
		return "create the District of namespace " + s.Namespace + "; kubectl ilp onboard makes its folder"
	case v1alpha1.ReasonReleaseNotFound:
		return "kubectl get stackreleases, then correct spec.release of " + s.Name()
	case v1alpha1.ReasonReleaseIncomplete, v1alpha1.ReasonReleaseInvalid:
		return "kubectl describe stackrelease " + cmp.Or(s.Release, "RELEASE") + ", then name another in spec.release of " + s.Name()
	case v1alpha1.ReasonUpgradePath, v1alpha1.ReasonDowngrade:
		return fmt.Sprintf("kubectl get stackreleases, then: kubectl ilp district pin %s RELEASE", s.District)
	case v1alpha1.ReasonRecordMissing:
		if s.Kind == Puskesmas {
			return "set spec.release of " + s.Name() + " to the release that its database has worked with last"
		}
		return fmt.Sprintf("kubectl get stackreleases, then pin the one that runs: kubectl ilp district pin %s RELEASE", s.District)
	case v1alpha1.ReasonAwaitingRelease:
		if s.Wave == "" {
			return ""
		}
		return "kubectl ilp wave status " + s.Wave
	case v1alpha1.ReasonWaveNotFound:
		return "kubectl get waves, then correct spec.waveRef.name of " + s.Name()
	case ReasonNotSeen:
		return "kubectl ilp doctor tells whether the operator runs"
	default:
		return ""
	}
}

func nextOfWave(s Subject, reason string) string {
	first := cmp.Or(s.District, "DISTRICT")
	switch reason {
	case v1alpha1.ReasonAwaitingApproval:
		return fmt.Sprintf("kubectl ilp wave approve %s %s", s.Wave, cmp.Or(s.Stage, "STAGE"))
	case v1alpha1.ReasonSuspended:
		return "kubectl ilp wave resume " + s.Wave
	case v1alpha1.ReasonInfrastructureFailed:
		return fmt.Sprintf("kubectl ilp why %s; it goes on by itself when that is there", first)
	case v1alpha1.ReasonApplicationFailed, v1alpha1.ReasonConfigurationFailed, v1alpha1.ReasonDistrictFailed:
		return fmt.Sprintf("kubectl ilp why %s; when it is repaired: kubectl ilp district retry %s", first, first)
	case v1alpha1.ReasonBudgetSpent:
		return "kubectl ilp wave status " + s.Wave + " names those that failed"
	case v1alpha1.ReasonReleaseNotFound:
		return "kubectl get stackreleases, then correct spec.release of the wave"
	case v1alpha1.ReasonReleaseInvalid:
		return "kubectl describe stackrelease " + s.Release
	case v1alpha1.ReasonStageInvalid, v1alpha1.ReasonWindowInvalid:
		return "correct spec.rollout of the wave"
	case v1alpha1.ReasonAwaitingDistricts:
		return "kubectl get districts, then set spec.waveRef.name of those that belong to the wave"
	case v1alpha1.ReasonDistrictInactive:
		return "set spec.state of district " + first + " to Active"
	case v1alpha1.ReasonDowngrade, v1alpha1.ReasonUpgradePath:
		return fmt.Sprintf("name another release in the wave, or: kubectl ilp district pin %s RELEASE", first)
	default:
		return ""
	}
}

// patchState wakes it up.
func (s Subject) patchState() string {
	what := "district " + s.District
	if s.Kind == Puskesmas {
		what = "puskesmas " + s.Puskesmas + " -n " + s.Namespace
	}
	return "kubectl patch " + what + ` --type=merge -p '{"spec":{"state":"Active"}}'`
}

func (s Subject) consent() string {
	if s.Kind == Puskesmas {
		return "spec.consent of Puskesmas " + s.Puskesmas
	}
	return "spec.dataProtection.consent of District " + s.District
}
