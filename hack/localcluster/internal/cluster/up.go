package cluster

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Up starts the cluster, or starts again what is missing of it.
func (c *Cluster) Up(ctx context.Context, o Options) error {
	if !o.ControlPlaneOnly {
		if err := checkNodeRequirements(); err != nil {
			return err
		}
	}
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	// Another command may have changed the cluster while we waited.
	if err := c.reload(); err != nil {
		return err
	}
	started := time.Now()
	if !o.ControlPlaneOnly {
		if err := c.claimHost(); err != nil {
			return err
		}
	}
	if err := c.initState(o); err != nil {
		return err
	}
	if err := c.credentials(); err != nil {
		return err
	}
	if !c.State.ControlPlaneOnly {
		if err := c.prepareHost(); err != nil {
			return err
		}
	}
	components, err := c.components()
	if err != nil {
		return err
	}
	for _, k := range components {
		if err := c.ensure(ctx, k); err != nil {
			return err
		}
		if k.after == nil {
			continue
		}
		if err := k.after(ctx); err != nil {
			return fmt.Errorf("after the start of %s: %w", k.name, err)
		}
	}
	c.Out.Done(started, "cluster %q is up", c.Name)
	c.Out.Info("%s", c.describe())
	return nil
}

func (c *Cluster) reload() error {
	c.State = State{}
	if err := c.loadState(); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}
