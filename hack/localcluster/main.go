// Command localcluster runs a real Kubernetes on one machine, without Docker
// and without a registry, for development and tests. It holds every program
// of the cluster and acts as the one it is called as, or as the one its first
// argument names: `localcluster kubectl get nodes`.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"ilp.health/operator/hack/localcluster/internal/components"
)

func main() {
	if name := filepath.Base(os.Args[0]); components.Has(name) {
		os.Exit(components.Run(name, os.Args[1:]))
	}
	if len(os.Args) > 1 && components.Has(os.Args[1]) {
		os.Exit(components.Run(os.Args[1], os.Args[2:]))
	}
	if err := command().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "localcluster:", err)
		os.Exit(1)
	}
}
