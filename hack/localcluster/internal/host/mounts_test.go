package host

import (
	"slices"
	"testing"
)

func TestMountPoints(t *testing.T) {
	mountinfo := `22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 0:30 / /c/one/kubelet/pods/a\040b/volumes rw - tmpfs tmpfs rw
31 22 0:31 / /c/one-more rw - tmpfs tmpfs rw
32 30 0:32 / /c/one/kubelet/pods/a\040b/volumes/x rw - tmpfs tmpfs rw
33 22 0:33 / /run/ilp rw - tmpfs tmpfs rw
`
	got := mountPoints(mountinfo, []string{"/c/one", "/run/ilp"})
	want := []string{"/c/one/kubelet/pods/a b/volumes", "/c/one/kubelet/pods/a b/volumes/x", "/run/ilp"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
