package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func helmBinary(*bench) string { return cached("helm") }

// helm is a release for each district. Helm keeps the order of kinds itself.
func helm() contestant {
	return contestant{
		name: "helm", what: fmt.Sprintf("helm install, a release for each District, %d processes", peerProcesses), program: helmBinary,
		bring: func(ctx context.Context, a *attempt) error {
			kubeconfig, err := a.cluster.kubeconfig(ctx, bareAccount)
			if err != nil {
				return err
			}
			var commands []*exec.Cmd
			for n, objects := range a.byDistrict() {
				name := fmt.Sprintf("contoh-%d", n+1)
				chart := filepath.Join(a.cluster.folder, "charts", name)
				if err := writeChart(chart, name, objects); err != nil {
					return err
				}
				command := exec.CommandContext(ctx, helmBinary(a.bench), "install", name, chart, "--namespace", operatorNamespace,
					"--kubeconfig", kubeconfig, "--qps", "5000", "--burst-limit", "5000")
				command.Env = append(os.Environ(), "HELM_CACHE_HOME="+filepath.Join(chart, ".cache"))
				commands = append(commands, command)
			}
			if err := a.start(ctx); err != nil {
				return err
			}
			return a.runAll(commands)
		},
	}
}

// writeChart writes objects as a chart that has nothing to fill in.
func writeChart(folder, name string, objects []applied) error {
	text := strings.ReplaceAll(documents(objects), "{{", `{{"{{"}}`)
	return writeFiles(folder, map[string]string{
		"Chart.yaml":             "apiVersion: v2\nname: " + name + "\nversion: 1.0.0\n",
		"templates/objects.yaml": text,
	})
}
