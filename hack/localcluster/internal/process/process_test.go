package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sleeper(t *testing.T) (Manager, Spec) {
	t.Helper()
	path, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep(1) here")
	}
	dir := t.TempDir()
	return Manager{PidDir: filepath.Join(dir, "pids"), LogDir: filepath.Join(dir, "logs")},
		Spec{Name: "sleeper", Path: path, Args: []string{"sleeper", "60"}}
}

func TestStartRunningStop(t *testing.T) {
	m, spec := sleeper(t)
	started, err := m.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	found, ok := m.Running("sleeper")
	if !ok || found.PID != started.PID {
		t.Fatalf("Running = %+v, %v; want pid %d", found, ok, started.PID)
	}
	if err := m.Stop("sleeper", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if _, ok := m.Running("sleeper"); ok {
		t.Fatal("still running after Stop")
	}
	if err := m.Stop("sleeper", time.Second); err != nil {
		t.Fatalf("second Stop: %v", err)
	}
}

func TestReusedPidIsNotOurs(t *testing.T) {
	m, spec := sleeper(t)
	started, err := m.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Stop("sleeper", time.Second) }()

	for name, other := range map[string]Record{
		"other start time": {PID: started.PID, StartTicks: started.StartTicks + 1, BootID: started.BootID},
		"other boot":       {PID: started.PID, StartTicks: started.StartTicks, BootID: "another"},
		"no pid":           {BootID: started.BootID},
	} {
		if other.alive() {
			t.Errorf("%s: taken for our process", name)
		}
	}
}

func TestParseStat(t *testing.T) {
	line := "42 (a ) b) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 0 0"
	got, err := parseStat([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if got.state != 'S' || got.startTicks != 98765 {
		t.Fatalf("got %+v", got)
	}
	for _, bad := range []string{"", "42 (x", "42 (x) S 1 2"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(strings.Repeat("x\n", 50000)+"last but one\nlast\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Tail(path, 2)
	if err != nil || got != "last but one\nlast" {
		t.Fatalf("Tail = %q, %v", got, err)
	}
}
