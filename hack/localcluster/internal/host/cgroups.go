package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

// cgroupTrees returns where the group called name is: once on a host with
// cgroup v2, once in each hierarchy on a host with v1.
func cgroupTrees(name string) []string {
	trees, _ := filepath.Glob(filepath.Join(cgroupRoot, "*", name))
	return append(trees, filepath.Join(cgroupRoot, name))
}

// KillCgroup kills every process in the named group and below, and waits
// until all are gone.
func KillCgroup(name string, limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		pids, err := cgroupPIDs(name)
		if err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v in the control group %s do not end", pids, name)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill %d of control group %s: %w", pid, name, err)
			}
		}
	}
}

// RemoveCgroup removes the named group and all below it.
func RemoveCgroup(name string) error {
	var errs []error
	for _, tree := range cgroupTrees(name) {
		dirs, err := directories(tree)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		slices.Reverse(dirs) // children first
		for _, dir := range dirs {
			if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("remove control group %s: %w", dir, err))
			}
		}
	}
	return errors.Join(errs...)
}

func cgroupPIDs(name string) ([]int, error) {
	var pids []int
	for _, tree := range cgroupTrees(name) {
		dirs, err := directories(tree)
		if err != nil {
			return nil, err
		}
		for _, dir := range dirs {
			data, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			if err != nil {
				continue // removed meanwhile
			}
			for _, word := range strings.Fields(string(data)) {
				if pid, err := strconv.Atoi(word); err == nil && pid > 0 && !slices.Contains(pids, pid) {
					pids = append(pids, pid)
				}
			}
		}
	}
	return pids, nil
}

// directories lists root and all folders below it, parents first.
func directories(root string) ([]string, error) {
	var dirs []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	return dirs, err
}
