// Package release says which release a District or a Puskesmas is to have, and by
// which row of the table in docs/upgrades.md: as the operator does, by the same
// function, from what a cluster shows.
package release

import (
	"cmp"
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/resolve"
	"ilp.health/operator/controllers/stack/upgrade"
)

// Fleet is what releases depend on beside the stacks themselves.
type Fleet struct {
	Waves    []v1alpha1.Wave
	Releases []v1alpha1.StackRelease
}

// FleetOf reads it from a cluster.
func FleetOf(ctx context.Context, c client.Client) (*Fleet, error) {
	var waves v1alpha1.WaveList
	var releases v1alpha1.StackReleaseList
	for _, list := range []client.ObjectList{&waves, &releases} {
		if err := c.List(ctx, list); err != nil {
			return nil, fmt.Errorf("list what the operator knows: %w", err)
		}
	}
	return &Fleet{waves.Items, releases.Items}, nil
}

// Get is the release of a name, or nil.
func (f *Fleet) Get(name string) *v1alpha1.StackRelease {
	for i := range f.Releases {
		if f.Releases[i].Name == name {
			return &f.Releases[i]
		}
	}
	return nil
}

// Wave of a name, or nil.
func (f *Fleet) Wave(name v1alpha1.ObjectName) *v1alpha1.Wave {
	for i := range f.Waves {
		if f.Waves[i].Name == string(name) {
			return &f.Waves[i]
		}
	}
	return nil
}

// find is a resolve.Catalogue.
func (f *Fleet) find(name string) (upgrade.Release, bool) {
	release := f.Get(name)
	if release == nil {
		return upgrade.Release{}, false
	}
	return upgrade.ReleaseOf(release), true
}

// District says which release a district is to have.
func (f *Fleet) District(ctx context.Context, p *Place, d *v1alpha1.District) (resolve.Decision, error) {
	stack := resolve.Stack{
		Pin:     pin.Of(d, d.Spec.Release),
		Current: d.Status.Release.Current, Target: d.Status.Release.Target,
		Waits: d.Spec.WaveRef.Name != "",
	}
	var err error
	if stack.Record, err = p.record(record.District, outdated(d, d.Spec.Release, stack)); err != nil {
		return resolve.Decision{}, err
	}
	if wave := f.Wave(d.Spec.WaveRef.Name); wave != nil {
		stack.Admission = entryOf(wave.Status.Admitted, string(d.Spec.Code))
	}
	if release := upgrade.Default(f.Releases); release != nil {
		stack.Offered = release.Name
	}
	if stack.Exists = holdsData(stack.Record) || stack.Current != ""; !stack.Exists {
		if stack.Exists, err = p.exists(ctx, cnpg.Cluster(p.name)); err != nil {
			return resolve.Decision{}, err
		}
	}
	return resolve.Release(stack, f.find), nil
}

// Puskesmas says which release a facility is to have once its district, which
// has this one, lets it go.
func (f *Fleet) Puskesmas(ctx context.Context, p *Place, facility *v1alpha1.Puskesmas, district string) (resolve.Decision, error) {
	was := facility.Status.Release
	stack := resolve.Stack{Pin: pin.Of(facility, facility.Spec.Release), Current: was.Current, Target: was.Target, Offered: district}
	var err error
	if stack.Record, err = p.record(record.WriterOf(facility.Spec.Code), outdated(facility, facility.Spec.Release, stack)); err != nil {
		return resolve.Decision{}, err
	}
	if stack.Exists = holdsData(stack.Record) || stack.Current != ""; !stack.Exists {
		if stack.Exists, err = p.exists(ctx, p.programs(facility.Name)...); err != nil {
			return resolve.Decision{}, err
		}
	}
	if stack.Exists && recorded(stack.Record) == "" && cmp.Or(was.Target, was.Current) != "" {
		// As it is written down before anything else, where an older operator has not.
		stack.Record = stack.Record.Copy()
		stack.Record.Running, stack.Record.Target = was.Current, cmp.Or(was.Target, was.Current)
		stack.Record.Schema = ends(was.Current, cmp.Or(was.Schema, was.Target))
	}
	if is := recorded(stack.Record); is != "" {
		stack.Admission = &v1alpha1.Admission{Code: facility.Spec.Code, From: v1alpha1.ObjectName(is), To: v1alpha1.ObjectName(district)}
	}
	return resolve.Release(stack, f.find), nil
}

// outdated tells that an operator before 0.2.0 has worked since a record was
// written, and has left a status.
func outdated(object client.Object, release v1alpha1.ObjectName, s resolve.Stack) bool {
	return pin.HandedOut(object, release) && cmp.Or(s.Target, s.Current) != ""
}

func entryOf(admitted []v1alpha1.Admission, code string) *v1alpha1.Admission {
	for i := range admitted {
		if admitted[i].Code == code {
			return &admitted[i]
		}
	}
	return nil
}

func recorded(r *record.Record) string {
	if r == nil {
		return ""
	}
	return cmp.Or(r.Target, r.Running)
}

// holdsData tells by a record that something was made already.
func holdsData(r *record.Record) bool {
	return recorded(r) != "" || (r != nil && (r.SystemID != "" || len(r.Objects) > 0))
}

// ends are the releases of a way, the last one last.
func ends(from, to string) []string {
	if from == "" || from == to {
		return []string{to}
	}
	return []string{from, to}
}
