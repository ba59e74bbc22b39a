package planner

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/upgrade"
)

// Fleet is a snapshot of the districts of a wave, and of the catalogue.
type Fleet struct {
	Districts []District
	Releases  map[string]upgrade.Release
}

// District is what the planner needs to know of one.
type District struct {
	Name, Code, TimeZone string
	Labels               map[string]string
	// Active districts are neither suspended nor hibernated.
	Active bool
	// Pin is the release that its spec names.
	Pin string
	// Current and Target are what its status names; both are empty for a new one,
	// and for one whose status is lost.
	Current, Target string
	// Observed tells that the status speaks of the present spec.
	Observed       bool
	Ready, Stalled bool
	// Asked is the release that it knows it may go to, and has not begun to.
	Asked string
	// Unfit tells that a new one is stopped by a mistake of its own, before any release.
	Unfit bool
	// Message is that of its condition Ready.
	Message string
	// Cause is what has to be mended, where the condition tells of a failure.
	Cause v1alpha1.FailureCause
}

// FleetOf makes a snapshot for a wave. Districts that are being deleted, or
// name another wave, are not in it.
func FleetOf(wave string, districts []v1alpha1.District, releases []v1alpha1.StackRelease) Fleet {
	fleet := Fleet{Releases: make(map[string]upgrade.Release, len(releases))}
	for i := range releases {
		fleet.Releases[releases[i].Name] = upgrade.ReleaseOf(&releases[i])
	}
	for i := range districts {
		if d := &districts[i]; string(d.Spec.WaveRef.Name) == wave && d.DeletionTimestamp.IsZero() {
			fleet.Districts = append(fleet.Districts, districtOf(d))
		}
	}
	return fleet
}

func districtOf(d *v1alpha1.District) District {
	out := District{
		Name:     d.Name,
		Code:     string(d.Spec.Code),
		TimeZone: d.Spec.TimeZoneOrDefault(),
		Labels:   d.Labels,
		Active:   d.Spec.State == "" || d.Spec.State == v1alpha1.StateActive,
		Pin:      pin.Of(d, d.Spec.Release),
		Current:  d.Status.Release.Current,
		Target:   d.Status.Release.Target,
		Asked:    d.Status.Release.Asked,
		Observed: d.Status.ObservedGeneration == d.Generation,
		Stalled:  meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionStalled),
	}
	if ready := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		out.Ready = ready.Status == "True"
		out.Message = ready.Reason + ": " + ready.Message
		out.Cause = v1alpha1.CauseOf(ready.Reason)
		// One that has missed its wave needs nothing but that the wave is there.
		out.Unfit = out.Target == "" && out.Asked == "" && out.Observed && out.Stalled && ready.Reason != v1alpha1.ReasonWaveNotFound
	}
	return out
}
