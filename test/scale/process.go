package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopPatience is how long the operator may take to end.
const stopPatience = 10 * time.Second

// operator is a running operator, or a peer's controller.
type operator struct {
	command *exec.Cmd
	ended   chan error
}

// startOperator starts it under its own service account, as it runs in a
// cluster but for its ports.
func startOperator(ctx context.Context, binary, kubeconfig, logFile string, args ...string) (*operator, error) {
	return startProcess(ctx, binary, logFile, nil, append([]string{
		"--kubeconfig=" + kubeconfig, "--namespace=" + operatorNamespace, "--service-account=" + operatorAccount,
		"--metrics-bind-address=0", "--health-probe-bind-address=0",
	}, args...)...)
}

// startProcess starts a program that runs on, with more in its environment.
func startProcess(ctx context.Context, binary, logFile string, environment []string, args ...string) (*operator, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.CommandContext(ctx, binary, args...)
	command.Env = append(os.Environ(), environment...)
	command.Stdout, command.Stderr = log, log
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopPatience
	if err := command.Start(); err != nil {
		return nil, err
	}
	o := &operator{command: command, ended: make(chan error, 1)}
	go func() { o.ended <- command.Wait() }()
	return o, nil
}

// stop ends it by a signal and waits; afterwards nothing of it runs.
func (o *operator) stop(signal syscall.Signal) {
	if o.command.Process.Signal(signal) != nil {
		return // it has ended by itself
	}
	select {
	case <-o.ended:
	case <-time.After(stopPatience):
		_ = o.command.Process.Kill()
		<-o.ended
	}
}

// end ends it as its Deployment's removal would.
func (o *operator) end() { o.stop(syscall.SIGTERM) }

// died reports an operator that ended by itself, with the last words of its log.
func (o *operator) died(logFile string) error {
	select {
	case err := <-o.ended:
		o.ended <- err
		content, _ := os.ReadFile(logFile)
		lines := strings.Split(strings.TrimSpace(string(content)), "\n")
		return fmt.Errorf("%s ended: %w\n%s", filepath.Base(o.command.Path), err, strings.Join(lines[max(0, len(lines)-5):], "\n"))
	default:
		return nil
	}
}

// usage is what a process has consumed.
type usage struct {
	CPU     time.Duration
	PeakMiB float64
}

// peakEvery is how often a process that ends by itself is asked for its peak: the
// kernel's own answer afterwards would begin with what this process had when it
// forked.
const peakEvery = 20 * time.Millisecond

// runToEnd runs a command and returns what it has consumed.
func runToEnd(command *exec.Cmd) (usage, error) {
	if err := command.Start(); err != nil {
		return usage{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	tick := time.NewTicker(peakEvery)
	defer tick.Stop()
	var peak float64
	for {
		select {
		case <-tick.C:
			// One that has just ended has no memory any more.
			if u, err := usageOf(command.Process.Pid); err == nil {
				peak = max(peak, u.PeakMiB)
			}
		case err := <-ended:
			state := command.ProcessState
			return usage{CPU: state.UserTime() + state.SystemTime(), PeakMiB: peak}, err
		}
	}
}

// clockTick is the unit of times in /proc on Linux, whatever the kernel's own tick.
const clockTick = 10 * time.Millisecond

// usageOf reads a process's consumption from /proc.
func usageOf(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	// The name, in parentheses, may hold spaces.
	_, after, found := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if !found || len(fields) < 13 {
		return usage{}, errors.New("unexpected format of /proc/PID/stat")
	}
	var u usage
	for _, ticks := range fields[11:13] {
		n, err := strconv.ParseInt(ticks, 10, 64)
		if err != nil {
			return usage{}, err
		}
		u.CPU += time.Duration(n) * clockTick
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return usage{}, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				return usage{}, err
			}
			u.PeakMiB = kib / 1024
		}
	}
	return u, nil
}

// children finds the processes of a name that this one has started: etcd and
// kube-apiserver are started by a library that does not tell their ids.
func children(name string) []int {
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		content, err := os.ReadFile(entry) //nolint:gosec // /proc
		if err != nil {
			continue // it has just ended
		}
		head, after, _ := strings.Cut(string(content), ") ")
		pid, comm, _ := strings.Cut(head, " (")
		fields := strings.Fields(after)
		if comm != name || len(fields) < 2 || fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		if n, err := strconv.Atoi(pid); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

// serverCPU is what etcd and kube-apiserver have consumed.
func serverCPU() time.Duration { return cpuOf(children("etcd")) + cpuOf(children("kube-apiserver")) }
