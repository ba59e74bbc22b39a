package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

type stat struct {
	state      byte
	startTicks uint64
}

func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(data)
}

// parseStat reads the state (field 3) and start time (field 22). The command
// name, field 2, may hold spaces and parentheses: fields are counted from the
// last closing one.
func parseStat(data []byte) (stat, error) {
	i := bytes.LastIndexByte(data, ')')
	if i < 0 {
		return stat{}, errors.New("no command name in /proc/<pid>/stat")
	}
	fields := strings.Fields(string(data[i+1:]))
	if len(fields) < 20 {
		return stat{}, fmt.Errorf("only %d fields after the command name in /proc/<pid>/stat", len(fields))
	}
	ticks, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("start time in /proc/<pid>/stat: %w", err)
	}
	return stat{state: fields[0][0], startTicks: ticks}, nil
}

func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
