// Command chart writes the templates of the charts from config/, so that
// charts/ilp-guards and config/guards cannot drift apart, nor can
// charts/ilp-operator and config/default. What differs between them say the
// overlays guards and operator beside this file: ordinary kustomizations whose
// values are Helm's expressions.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// charts are the folders of the charts by their overlays.
var charts = map[string]string{
	"guards":   "../../charts/ilp-guards",
	"operator": "../../charts/ilp-operator",
}

func main() {
	for overlay, chart := range charts {
		if err := run(overlay, filepath.Join(chart, "templates")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// run replaces the generated folders of a chart's templates. What lies beside
// them is written by hand.
func run(overlay, folder string) error {
	files, err := templates(overlay)
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
