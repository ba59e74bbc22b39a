package host

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// chainPrefixes mark the chains of kube-proxy and the kubelet, and of the CNI
// plugins bridge (masquerading) and portmap.
var chainPrefixes = []string{"KUBE-", "CNI-"}

// families are the commands for IPv4 and IPv6; Debian's iptables has both.
var families = []string{"iptables", "ip6tables"}

// CleanFirewall removes our chains and every rule that leads to them, except
// chains that were there before.
func (s *Snapshot) CleanFirewall() error {
	var errs []error
	for _, family := range families {
		saved, err := run(nil, family+"-save")
		if errors.Is(err, exec.ErrNotFound) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		script := removalScript(string(saved), s.Chains)
		if script == "" {
			continue
		}
		if _, err := run([]byte(script), family+"-restore", "--noflush", "--wait", "10"); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// removalScript turns the output of iptables-save into the input of
// iptables-restore --noflush that removes our chains but those in keep.
func removalScript(saved string, keep []string) string {
	var script, flush, rules, drop strings.Builder
	var owned map[string]bool
	table := ""
	for _, line := range strings.Split(saved, "\n") {
		switch {
		case strings.HasPrefix(line, "*"):
			table, owned = line, map[string]bool{}
			flush.Reset()
			rules.Reset()
			drop.Reset()
		case strings.HasPrefix(line, ":"):
			chain, _, _ := strings.Cut(line[1:], " ")
			if isOurs(chain) && !slices.Contains(keep, chain) {
				owned[chain] = true
				// Declaring a chain makes restore flush it.
				fmt.Fprintf(&flush, ":%s - [0:0]\n", chain)
				fmt.Fprintf(&drop, "-X %s\n", chain)
			}
		case strings.HasPrefix(line, "-A "):
			fields := strings.Fields(line)
			if len(fields) > 1 && !owned[fields[1]] && owned[target(fields)] {
				fmt.Fprintf(&rules, "-D %s\n", strings.TrimPrefix(line, "-A "))
			}
		case line == "COMMIT" && len(owned) > 0:
			script.WriteString(table + "\n" + flush.String() + rules.String() + drop.String() + "COMMIT\n")
		}
	}
	return script.String()
}

// target is where a rule leads: the word after its last -j or -g. Comments
// come before it and may hold anything.
func target(fields []string) string {
	for i := len(fields) - 2; i >= 0; i-- {
		if fields[i] == "-j" || fields[i] == "-g" {
			return fields[i+1]
		}
	}
	return ""
}

func isOurs(chain string) bool {
	return slices.ContainsFunc(chainPrefixes, func(prefix string) bool { return strings.HasPrefix(chain, prefix) })
}

// ownedChains lists the present chains with our prefixes, in all tables.
func ownedChains() ([]string, error) {
	var chains []string
	for _, family := range families {
		saved, err := run(nil, family+"-save")
		if errors.Is(err, exec.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, line := range strings.Split(string(saved), "\n") {
			if !strings.HasPrefix(line, ":") {
				continue
			}
			chain, _, _ := strings.Cut(line[1:], " ")
			if isOurs(chain) && !slices.Contains(chains, chain) {
				chains = append(chains, chain)
			}
		}
	}
	return chains, nil
}

func run(stdin []byte, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", cmd, err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}
