package host

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// EnsureBridge makes the bridge and gives it its address, so that components
// can listen there before the first pod exists.
func EnsureBridge(name, cidr string) error {
	if _, err := net.InterfaceByName(name); err != nil {
		if _, err := run(nil, "ip", "link", "add", name, "type", "bridge"); err != nil {
			return err
		}
	}
	if err := checkAddress(name, cidr); err != nil {
		return err
	}
	if _, err := run(nil, "ip", "address", "replace", cidr, "dev", name); err != nil {
		return err
	}
	_, err := run(nil, "ip", "link", "set", name, "up")
	return err
}

// checkAddress refuses a network that another interface already uses.
func checkAddress(bridge, cidr string) error {
	_, wanted, err := net.ParseCIDR(cidr)
	if err != nil {
		return err
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil || i.Name == bridge {
			continue
		}
		for _, address := range addresses {
			ip, _, err := net.ParseCIDR(address.String())
			if err == nil && wanted.Contains(ip) {
				return fmt.Errorf("interface %s has %s, in the network %s that pods need: is another local cluster running?", i.Name, ip, wanted)
			}
		}
	}
	return nil
}

// RemoveBridge removes the bridge and the pods' ends of it.
func RemoveBridge(name string) error {
	bridge, err := net.InterfaceByName(name)
	if err != nil {
		return nil //nolint:nilerr // there is none
	}
	ports, err := run(nil, "ip", "-oneline", "link", "show", "master", name)
	if err != nil {
		return err
	}
	var errs []error
	for _, port := range append(linkNames(string(ports)), bridge.Name) {
		if _, err := run(nil, "ip", "link", "delete", port); err != nil && !strings.Contains(err.Error(), "Cannot find device") {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// linkNames reads the names from `ip -oneline link`: "5: veth1@if2: <...".
func linkNames(out string) []string {
	var names []string
	for _, line := range strings.Split(out, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimSuffix(fields[1], ":"), "@")
		names = append(names, name)
	}
	return names
}
