package cluster

import (
	"fmt"
	"os"
	"path/filepath"
)

// envtestPrograms are what controller-runtime's envtest starts, and the garbage
// collector's program beside them.
var envtestPrograms = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kubectl"}

// Assets makes dir a KUBEBUILDER_ASSETS folder: names of the programs that
// tests start, all leading to this binary, which acts as what it is called.
func Assets(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, program := range envtestPrograms {
		link := filepath.Join(dir, program)
		if present, err := os.Readlink(link); err == nil && present == self {
			continue
		}
		// Renamed into place: a test that starts meanwhile always finds it.
		temporary := fmt.Sprintf("%s.%d", link, os.Getpid())
		if err := os.Symlink(self, temporary); err != nil {
			return err
		}
		if err := os.Rename(temporary, link); err != nil {
			return err
		}
	}
	return nil
}
