package main

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"ilp.health/operator/test/testenv"
)

// simulated is said with every table.
const simulated = "a simulation: API server and etcd are real, there are no nodes, and the statuses of workloads are written by the benchmark"

// about is what has to be known of a run to read its figures.
type about struct {
	At        time.Time
	Commit    string
	Machine   string
	Load      string
	Versions  map[string]string
	Districts int
	Puskesmas int
	Note      string
}

func (b *bench) describe() about {
	a := about{
		At: time.Now().UTC().Truncate(time.Second), Commit: b.commit(), Machine: machine(), Load: loadAverage(), Note: simulated,
		Versions: map[string]string{"Go": runtime.Version()}, Districts: b.districts, Puskesmas: b.districts * b.puskesmas,
	}
	for _, program := range []string{"helm", "kustomize-controller", "kro"} {
		if info, err := buildinfo.ReadFile(cached(program)); err == nil {
			a.Versions[program] = info.Main.Version
		}
	}
	for _, program := range []string{"kube-apiserver", "etcd"} {
		output, err := exec.CommandContext(b.ctx, filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), program), "--version").Output()
		if first, _, _ := strings.Cut(string(output), "\n"); err == nil {
			a.Versions[program] = strings.TrimSpace(first[strings.LastIndexAny(first, ": ")+1:])
		}
	}
	return a
}

func (b *bench) commit() string {
	output, err := exec.CommandContext(b.ctx, "git", "-C", testenv.Root(&harness{ctx: b.ctx}), "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(output))
}

func machine() string {
	content, _ := os.ReadFile("/proc/cpuinfo")
	model := "unknown processor"
	for line := range strings.Lines(string(content)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
		}
	}
	return strings.Join([]string{runtimeCPUs(), model, memory()}, ", ")
}

func runtimeCPUs() string { return strconv.Itoa(runtime.NumCPU()) + " processors" }

func memory() string {
	content, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(content)) {
		if value, found := strings.CutPrefix(line, "MemTotal:"); found {
			if kib, err := strconv.Atoi(strings.Fields(value)[0]); err == nil {
				return strconv.Itoa(kib>>20) + " GiB"
			}
		}
	}
	return "unknown memory"
}

// loadAverage is the machine's, of one, five and fifteen minutes.
func loadAverage() string {
	content, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(content))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}
