// Package source gathers what belongs together: a wave with its districts and the
// catalogue, from a cluster or from files, and a district with its Puskesmas.
package source

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/wave/planner"
)

// Snapshot is what a plan is made from.
type Snapshot struct {
	Wave      v1alpha1.Wave
	Districts []v1alpha1.District
	Releases  []v1alpha1.StackRelease
}

// FromCluster reads a snapshot from an API server.
func FromCluster(ctx context.Context, c client.Client, wave string) (*Snapshot, error) {
	var waves v1alpha1.WaveList
	if err := c.List(ctx, &waves); err != nil {
		return nil, fmt.Errorf("list waves: %w", err)
	}
	found, err := find(waves.Items, wave)
	if err != nil {
		return nil, err
	}
	var districts v1alpha1.DistrictList
	if err := c.List(ctx, &districts); err != nil {
		return nil, fmt.Errorf("list districts: %w", err)
	}
	var releases v1alpha1.StackReleaseList
	if err := c.List(ctx, &releases); err != nil {
		return nil, fmt.Errorf("list StackReleases: %w", err)
	}
	return &Snapshot{Wave: *found, Districts: districts.Items, Releases: releases.Items}, nil
}

// find names the waves there are if the one that is wanted is not among them.
func find(waves []v1alpha1.Wave, name string) (*v1alpha1.Wave, error) {
	var names []string
	for i := range waves {
		if waves[i].Name == name {
			return &waves[i], nil
		}
		names = append(names, waves[i].Name)
	}
	return nil, missing("wave", name, names)
}

// Fleet is what the planner sees.
func (s *Snapshot) Fleet() planner.Fleet {
	return planner.FleetOf(s.Wave.Name, s.Districts, s.Releases)
}
