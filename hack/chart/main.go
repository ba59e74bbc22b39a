// Command chart writes the templates of charts/ilp-operator from config/, so
// that the chart and config/default cannot drift apart. What differs between
// them says the kustomization.yaml beside this file: it is an ordinary overlay
// whose values are Helm's expressions.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("../../charts/ilp-operator/templates"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run replaces the generated folders of the chart's templates. What lies beside
// them is written by hand.
func run(folder string) error {
	files, err := templates(".")
	if err != nil {
		return err
	}
	for name := range files {
		if err := os.RemoveAll(filepath.Join(folder, filepath.Dir(name))); err != nil {
			return err
		}
	}
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
