package host

import (
	"slices"
	"testing"
)

func TestLinkNames(t *testing.T) {
	out := "5: veth0a@if2: <BROADCAST,UP> mtu 1500 master ilp0\\    link/ether 3a\n6: tap1: <BROADCAST> mtu 1500\n"
	if got, want := linkNames(out), []string{"veth0a", "tap1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
