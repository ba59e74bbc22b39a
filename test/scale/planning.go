package main

import (
	"context"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/wave/planner"
)

// plans is how often the planner is asked to tell how long it takes.
const plans = 500

// snapshot is all that the planner looks at.
type snapshot struct {
	wave      v1alpha1.Wave
	districts []v1alpha1.District
	releases  []v1alpha1.StackRelease
}

// planning is what one decision takes.
type planning struct {
	// Snapshot is the making of planner.FleetOf, Median and Max are of planner.Plan.
	Snapshot, Median, Max time.Duration
	// Starts is how many districts the decision admits.
	Starts int
}

func (r *rollout) snapshot(ctx context.Context) (snapshot, error) {
	var s snapshot
	var districts v1alpha1.DistrictList
	var releases v1alpha1.StackReleaseList
	err := r.cluster.Client.Get(ctx, client.ObjectKey{Name: waveName}, &s.wave)
	if err == nil {
		err = r.cluster.Client.List(ctx, &districts)
	}
	if err == nil {
		err = r.cluster.Client.List(ctx, &releases)
	}
	s.districts, s.releases = districts.Items, releases.Items
	return s, err
}

// measure asks the planner again and again for the same decision.
func (s snapshot) measure() planning {
	now := time.Now()
	var p planning
	var fleets, took []time.Duration
	for range plans {
		begin := time.Now()
		fleet := planner.FleetOf(waveName, s.districts, s.releases)
		made := time.Now()
		decision := planner.Plan(s.wave.Spec, s.wave.Status, fleet, now)
		fleets, took = append(fleets, made.Sub(begin)), append(took, time.Since(made))
		p.Starts = len(decision.Admitted)
	}
	slices.Sort(fleets)
	slices.Sort(took)
	p.Snapshot, p.Median, p.Max = fleets[plans/2], took[plans/2], took[plans-1]
	return p
}
