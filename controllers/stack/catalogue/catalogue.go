// Package catalogue reads the StackReleases that there are. Both kinds of stacks
// find in it what a release is made of and how releases follow each other.
package catalogue

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/upgrade"
)

// Catalogue is one look at all StackReleases. They are the cache's own: nobody
// changes them.
type Catalogue struct{ releases []v1alpha1.StackRelease }

// Read looks at the cache.
func Read(ctx context.Context, reader client.Reader) (Catalogue, error) {
	var list v1alpha1.StackReleaseList
	if err := reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return Catalogue{}, fmt.Errorf("list StackReleases: %w", err)
	}
	return Catalogue{list.Items}, nil
}

// Get is the release of a name, or nil.
func (c Catalogue) Get(name string) *v1alpha1.StackRelease {
	for i := range c.releases {
		if c.releases[i].Name == name {
			return &c.releases[i]
		}
	}
	return nil
}

// Find is a resolve.Catalogue.
func (c Catalogue) Find(name string) (upgrade.Release, bool) {
	release := c.Get(name)
	if release == nil {
		return upgrade.Release{}, false
	}
	return upgrade.ReleaseOf(release), true
}

// Default is the name of the release that a new District without a wave takes,
// or empty.
func (c Catalogue) Default() string {
	if release := upgrade.Default(c.releases); release != nil {
		return release.Name
	}
	return ""
}
