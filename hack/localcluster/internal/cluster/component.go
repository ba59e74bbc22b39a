package cluster

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"ilp.health/operator/hack/localcluster/internal/process"
)

// component is one process of the cluster.
type component struct {
	name string
	// path is the executable; empty means this very binary, as program name.
	path    string
	args    []string
	healthy func(context.Context) error
	// after, if any, runs on every Up once the component is healthy.
	after func(context.Context) error
	// before, if any, runs on Down ahead of the component's end.
	before func() error
	// grace is how long the component may take to end.
	grace time.Duration
}

const (
	startTimeout = 90 * time.Second
	// recoverTimeout is how long a running component may be unhealthy.
	recoverTimeout = 20 * time.Second
	healthTimeout  = 3 * time.Second
	// patience is how long a start may take before we say what is waited for.
	patience     = 3 * time.Second
	defaultGrace = 10 * time.Second
	logTailLines = 15
)

// components lists what the cluster consists of, in the order of starting.
func (c *Cluster) components() ([]component, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	list := c.controlPlane()
	if !c.State.ControlPlaneOnly {
		list = append(list, c.node()...)
	}
	for i := range list {
		if list[i].path == "" {
			list[i].path = self
		}
		if list[i].grace == 0 {
			list[i].grace = defaultGrace
		}
	}
	return list, nil
}

// ensure starts the component unless it runs already, and waits until it is
// healthy.
func (c *Cluster) ensure(ctx context.Context, k component) error {
	manager := c.processes()
	if _, running := manager.Running(k.name); running {
		if c.recovers(ctx, k) {
			return nil
		}
		c.Out.Info("%s runs but is not healthy: restarting it", k.name)
		if err := manager.Stop(k.name, k.grace); err != nil {
			return err
		}
	}
	started := time.Now()
	if _, err := manager.Start(process.Spec{
		Name: k.name, Path: k.path, Args: append([]string{k.name}, k.args...), Env: environment(), Dir: c.Dir,
	}); err != nil {
		return err
	}
	if err := c.awaitHealthy(ctx, k, started); err != nil {
		return err
	}
	c.Out.Done(started, "%s ready", k.name)
	return nil
}

// recovers gives a running component time to find again what it depends on,
// which may have been started anew just before.
func (c *Cluster) recovers(ctx context.Context, k component) bool {
	manager := c.processes()
	for deadline, told := time.Now().Add(recoverTimeout), false; ; {
		if k.healthy(ctx) == nil {
			return true
		}
		if _, running := manager.Running(k.name); !running || time.Now().After(deadline) || ctx.Err() != nil {
			return false
		}
		if !told {
			c.Out.Wait("%s to recover", k.name)
			told = true
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (c *Cluster) awaitHealthy(ctx context.Context, k component, started time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	manager, told := c.processes(), false
	for {
		last := k.healthy(ctx)
		if last == nil {
			return nil
		}
		if _, running := manager.Running(k.name); !running {
			return c.startFailure(k, "ended instead of becoming ready")
		}
		if !told && time.Since(started) > patience {
			c.Out.Wait("%s", k.name)
			told = true
		}
		select {
		case <-ctx.Done():
			return c.startFailure(k, fmt.Sprintf("is not ready after %s: %v", time.Since(started).Round(time.Second), last))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// startFailure shows the component's last words: whoever reads the error
// should not have to look for the log first.
func (c *Cluster) startFailure(k component, what string) error {
	path := c.processes().LogPath(k.name)
	tail, err := process.Tail(path, logTailLines)
	if err != nil {
		tail = err.Error()
	}
	return fmt.Errorf("%s %s; the end of %s:\n    %s", k.name, what, path, strings.ReplaceAll(tail, "\n", "\n    "))
}

// environment is what components inherit: never a proxy, because all they
// talk to is this machine and its pods.
func environment() []string {
	env := []string{"HOME=" + os.Getenv("HOME"), "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin"}
	for _, name := range []string{"TMPDIR", "LANG"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
