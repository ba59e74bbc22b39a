package cluster

import (
	"errors"
	"os"
	"slices"
	"time"
)

// Down ends the cluster and leaves the machine as it was. It carries on after
// an error, so that one stubborn thing does not keep all the others, and
// keeps the record of the cluster then: running it again tries the rest.
func (c *Cluster) Down() error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.reload(); err != nil {
		// Even with a damaged record the processes and folders can be found.
		c.Out.Info("%v", err)
	}
	if _, err := os.Stat(c.Dir); os.IsNotExist(err) {
		c.Out.Info("cluster %q is not there: nothing to do", c.Name)
		return nil
	}
	started := time.Now()
	if err := c.stopAll(); err != nil {
		return err
	}
	if err := os.RemoveAll(c.Dir); err != nil {
		return err
	}
	c.State = State{}
	c.Out.Done(started, "cluster %q is down", c.Name)
	return nil
}

func (c *Cluster) stopAll() error {
	components, err := c.components()
	if err != nil {
		return err
	}
	slices.Reverse(components)
	var errs []error
	for _, k := range components {
		if k.before != nil {
			errs = append(errs, k.before())
		}
		errs = append(errs, c.processes().Stop(k.name, k.grace))
	}
	if !c.State.ControlPlaneOnly && c.State.Before != nil {
		errs = append(errs, c.restoreHost())
	}
	return errors.Join(errs...)
}
