// Package cluster starts, heals, describes and removes one local Kubernetes
// cluster. Everything it needs lives in the cluster's folder; what it has to
// change outside of that folder is recorded there first, and put back by Down.
package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"ilp.health/operator/hack/localcluster/internal/process"
)

// Cluster is a cluster's folder together with what is recorded in it.
type Cluster struct {
	Name  string
	Dir   string
	State State

	// Out is where progress goes.
	Out *Progress
}

// CacheDir is the folder for everything that may be built or loaded again.
func CacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder (set XDG_CACHE_HOME or HOME): %w", err)
	}
	return filepath.Join(base, "ilp-operator"), nil
}

// Open opens the cluster called name, in dir or else in the cache folder.
// The cluster need not exist yet.
func Open(name, dir string) (*Cluster, error) {
	if dir == "" {
		cache, err := CacheDir()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(cache, "clusters", name)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Name: name, Dir: dir, Out: NewProgress(os.Stdout)}
	if err := c.loadState(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return c, nil
}

// Exists tells whether the cluster was started and not removed since.
func (c *Cluster) Exists() bool { return !c.State.Created.IsZero() }

// Kubeconfig is the administrator's kubeconfig.
func (c *Cluster) Kubeconfig() string { return c.path("kubeconfig") }

func (c *Cluster) path(parts ...string) string {
	return filepath.Join(append([]string{c.Dir}, parts...)...)
}

func (c *Cluster) processes() process.Manager {
	return process.Manager{PidDir: c.path("pids"), LogDir: c.path("logs")}
}

// lock keeps two commands from changing the same cluster at once. The lock
// file lies beside the folder, because the folder itself comes and goes.
func (c *Cluster) lock() (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(c.Dir), 0o755); err != nil {
		return nil, err
	}
	path := c.Dir + ".lock"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for waited := false; ; waited = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !waited {
			c.Out.Wait("another localcluster command to finish with %s", c.Dir)
		}
		time.Sleep(200 * time.Millisecond)
	}
	return func() {
		if !c.Exists() {
			_ = os.Remove(path)
		}
		_ = f.Close()
	}, nil
}
