// Package process starts the cluster's components as detached processes and
// finds them again later through pid files.
//
// A pid alone is not an identity: after a crash or a reboot the number may
// belong to somebody else's process. A pid file therefore records the boot and
// the start time too, and a process that does not match both is not ours.
package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Record is the content of a pid file.
type Record struct {
	PID int `json:"pid"`
	// StartTicks is field 22 of /proc/<pid>/stat: clock ticks since boot.
	StartTicks uint64    `json:"startTicks"`
	BootID     string    `json:"bootID"`
	Started    time.Time `json:"started"`
}

// Manager keeps the pid files and logs of one cluster.
type Manager struct {
	PidDir string
	LogDir string
}

// Spec says how to start one component.
type Spec struct {
	Name string
	// Path is the executable; Args[0] is what the process calls itself.
	Path string
	Args []string
	Env  []string
	Dir  string
}

// Start starts the component in a session of its own, with its output
// appended to its log, and writes the pid file.
func (m Manager) Start(s Spec) (Record, error) {
	for _, dir := range []string{m.PidDir, m.LogDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return Record{}, err
		}
	}
	log, err := os.OpenFile(m.LogPath(s.Name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return Record{}, err
	}
	defer log.Close()

	cmd := &exec.Cmd{
		Path: s.Path, Args: s.Args, Env: s.Env, Dir: s.Dir,
		Stdout: log, Stderr: log,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		return Record{}, fmt.Errorf("start %s: %w", s.Name, err)
	}
	// Reaped here while we live, by init afterwards; the exit code is read from
	// the component's log, not from here.
	go func() { _ = cmd.Wait() }()

	record := Record{PID: cmd.Process.Pid, BootID: bootID(), Started: time.Now().UTC()}
	if stat, err := readStat(record.PID); err == nil {
		record.StartTicks = stat.startTicks
	}
	data, err := json.Marshal(record)
	if err != nil {
		return Record{}, err
	}
	return record, os.WriteFile(m.pidPath(s.Name), data, 0o644)
}

// Running returns the component's record and whether that very process is
// alive. A missing pid file is not an error: the component is not running.
func (m Manager) Running(name string) (Record, bool) {
	data, err := os.ReadFile(m.pidPath(name))
	if err != nil {
		return Record{}, false
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, false
	}
	return r, r.alive()
}

// Stop asks the component to end and, after grace, kills it. The pid file is
// removed. Stopping what does not run is a no-op.
func (m Manager) Stop(name string, grace time.Duration) error {
	if r, ok := m.Running(name); ok {
		if err := r.end(grace); err != nil {
			return fmt.Errorf("stop %s (pid %d): %w", name, r.PID, err)
		}
	}
	if err := os.Remove(m.pidPath(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// LogPath is the file the component's output goes to.
func (m Manager) LogPath(name string) string { return filepath.Join(m.LogDir, name+".log") }

func (m Manager) pidPath(name string) string { return filepath.Join(m.PidDir, name+".json") }

func (r Record) alive() bool {
	if r.PID <= 0 || r.BootID != bootID() {
		return false
	}
	stat, err := readStat(r.PID)
	return err == nil && stat.startTicks == r.StartTicks && stat.state != 'Z' && stat.state != 'X'
}

func (r Record) end(grace time.Duration) error {
	if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	if r.waitGone(grace) {
		return nil
	}
	if err := syscall.Kill(r.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	if !r.waitGone(10 * time.Second) {
		return errors.New("still there 10 s after SIGKILL")
	}
	return nil
}

func (r Record) waitGone(limit time.Duration) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if !r.alive() {
			return true
		}
	}
	return !r.alive()
}
