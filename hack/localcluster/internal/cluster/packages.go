package cluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// packages maps the Debian packages a node needs to a file of each.
var packages = map[string]string{
	"containerd":                  "/usr/bin/containerd",
	"runc":                        "/usr/sbin/runc",
	"containernetworking-plugins": "/usr/lib/cni/bridge",
	"iptables":                    "/usr/sbin/iptables-save",
	"iproute2":                    "/usr/bin/ip",
	"conntrack":                   "/usr/sbin/conntrack",
	"socat":                       "/usr/bin/socat",
	"mount":                       "/usr/bin/mount",
	"kmod":                        "/usr/bin/kmod",
}

const (
	policyFile = "/usr/sbin/policy-rc.d"
	// denyStart is what Debian's invoke-rc.d asks: 101 forbids the action.
	denyStart = "#!/bin/sh\nexit 101\n"
)

// MissingPackages lists the Debian packages a node needs that are not there.
func MissingPackages() []string {
	var missing []string
	for name, file := range packages {
		if _, err := os.Stat(file); err != nil {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// InstallPackages installs what is missing, without starting any service: the
// cluster runs a containerd of its own.
func InstallPackages(out io.Writer) error {
	missing := MissingPackages()
	if len(missing) == 0 {
		fmt.Fprintln(out, "✓ all Debian packages are there")
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("installing %s needs root", strings.Join(missing, " "))
	}
	allow, err := denyServices()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "… installing %s\n", strings.Join(missing, " "))
	install := append([]string{"install", "--yes", "--no-install-recommends"}, missing...)
	err = aptGet(out, install...)
	if err != nil {
		// The package lists are missing or out of date.
		fmt.Fprintln(out, "… updating the package lists first")
		if err = aptGet(out, "update"); err == nil {
			err = aptGet(out, install...)
		}
	}
	return errors.Join(err, allow())
}

// denyServices keeps packages from starting services until allow is called. A
// policy that somebody else set stays.
func denyServices() (allow func() error, err error) {
	f, err := os.OpenFile(policyFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(denyStart)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return func() error { return os.Remove(policyFile) }, nil
}

func aptGet(out io.Writer, args ...string) error {
	cmd := exec.Command("apt-get", append([]string{"--quiet", "--quiet"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", cmd, err)
	}
	return nil
}
