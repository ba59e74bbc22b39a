package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ilp.health/operator/hack/localcluster/internal/host"
)

// removePods ends all containers while containerd is there to forget them:
// the image store outlives the cluster and must not remember its pods.
func (c *Cluster) removePods() error {
	if _, running := c.processes().Running("containerd"); !running {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := host.KillCgroup(podGroup, 30*time.Second); err != nil {
		return err
	}
	for _, what := range []string{"tasks", "containers"} {
		if err := removeAll(ctx, what); err != nil {
			return err
		}
	}
	return nil
}

// removeAll deletes containerd's tasks or containers until none is left. Killed
// tasks go by themselves between being listed and being deleted, which ctr
// reports as an error.
func removeAll(ctx context.Context, what string) error {
	const tries = 10
	var last error
	for range tries {
		listed, err := ctr(ctx, what, "list", "--quiet")
		if err != nil {
			return err
		}
		ids := strings.Fields(listed)
		if len(ids) == 0 {
			return nil
		}
		_, last = ctr(ctx, append([]string{what, "delete"}, ids...)...)
		time.Sleep(200 * time.Millisecond)
	}
	return last
}

// restoreHost puts back what the node changed on the machine. It must also
// work after a crash or a reboot, so each part copes with nothing to do.
func (c *Cluster) restoreHost() error {
	return errors.Join(
		host.KillCgroup(podGroup, 30*time.Second),
		killShims(),
		host.UnmountUnder(c.Dir, runDir),
		host.RemoveBridge(bridge),
		c.State.Before.CleanFirewall(),
		host.RemoveCgroup(podGroup),
		c.State.Before.RestoreKernel(),
		c.State.Before.RemoveFootprint(),
		os.RemoveAll(runDir),
	)
}

// killShims ends the containerd-shims of our containerd, which are told their
// containerd's socket on the command line.
func killShims() error {
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		data, err := os.ReadFile(entry)
		if err != nil || !isOurShim(data) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(entry)))
		if err != nil {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("kill containerd-shim %d: %w", pid, err))
		}
	}
	return errors.Join(errs...)
}

func isOurShim(cmdline []byte) bool {
	args := strings.Split(string(bytes.TrimRight(cmdline, "\x00")), "\x00")
	i := slices.Index(args, "-address")
	return strings.HasPrefix(filepath.Base(args[0]), "containerd-shim") && i >= 0 && i+1 < len(args) && args[i+1] == containerdSocket
}
