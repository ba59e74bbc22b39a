package main

import (
	"os/exec"
	"testing"
)

func TestPeakOfAProcessThatHasEnded(t *testing.T) {
	used, err := runToEnd(exec.Command("sleep", "0.2"))
	if err != nil {
		t.Fatal(err)
	}
	if used.PeakMiB <= 0 || used.PeakMiB > 50 {
		t.Errorf("sleep had a peak of %.1f MiB", used.PeakMiB)
	}
	if _, err := runToEnd(exec.Command("false")); err == nil {
		t.Error("a failure is forgotten")
	}
}
