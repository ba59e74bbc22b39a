package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// kubectlProcesses share the districts among them: one process alone applies
// one object after the other.
const kubectlProcesses = 4

// kubectlRound times `kubectl apply --server-side -k` of the same objects.
func (b *bench) kubectlRound() error {
	say("kubectl apply --server-side -k, %d processes", kubectlProcesses)
	return b.onCluster("kubectl", false, func(ctx context.Context, c *cluster, o *observer) error {
		kubeconfig, err := c.kubeconfig(ctx, bareAccount)
		if err != nil {
			return err
		}
		folders, err := b.writeFolders(filepath.Join(c.folder, "stack"))
		if err != nil {
			return err
		}
		server := serverCPU()
		begin := time.Now()
		for _, stage := range [][]string{folders[:1], folders[1:]} {
			group, ctx := errgroup.WithContext(ctx)
			used := make([]usage, len(stage))
			for i, folder := range stage {
				group.Go(func() (err error) {
					used[i], err = kubectlApply(ctx, kubeconfig, folder)
					return err
				})
			}
			if err := group.Wait(); err != nil {
				return err
			}
			for _, u := range used {
				b.results.Kubectl.Operator.CPU += u.CPU
				b.results.Kubectl.Operator.PeakMiB = max(b.results.Kubectl.Operator.PeakMiB, u.PeakMiB)
			}
		}
		if err := b.awaitObjects(o); err != nil {
			return err
		}
		if err := b.awaitSimulator(o); err != nil {
			return err
		}
		b.results.Kubectl.ServerCPU = serverCPU() - server
		_, last := o.count()
		b.results.Kubectl.Exist, b.results.Kubectl.Objects = last.Sub(begin), len(b.objects)
		return nil
	})
}

func kubectlApply(ctx context.Context, kubeconfig, folder string) (usage, error) {
	command := exec.CommandContext(ctx, filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"),
		"--kubeconfig", kubeconfig, "apply", "--server-side", "--force-conflicts", "--field-manager=ilp-operator", "-k", folder)
	command.Env = append(os.Environ(), "KUBECACHEDIR="+filepath.Join(folder, ".cache"))
	if output, err := command.CombinedOutput(); err != nil {
		return usage{}, fmt.Errorf("kubectl: %w\n%s", err, lastLine(string(output)))
	}
	return usageAfter(command), nil
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// writeFolders writes kustomize folders: the namespaces first, then as many as
// there are processes, none of which shares a namespace with another.
func (b *bench) writeFolders(base string) ([]string, error) {
	contents := make([][]applied, kubectlProcesses+1)
	turn := map[string]int{}
	for _, object := range b.objects {
		if object.Key.Namespace == "" {
			contents[0] = append(contents[0], object)
			continue
		}
		n, known := turn[object.Key.Namespace]
		if !known {
			n = len(turn)%kubectlProcesses + 1
			turn[object.Key.Namespace] = n
		}
		contents[n] = append(contents[n], object)
	}
	var folders []string
	for n, objects := range contents {
		if len(objects) == 0 {
			continue
		}
		folder := filepath.Join(base, fmt.Sprint(n))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
		var documents strings.Builder
		for _, object := range objects {
			// JSON is YAML.
			fmt.Fprintf(&documents, "---\n%s\n", object.Body)
		}
		for name, content := range map[string]string{"kustomization.yaml": "resources: [objects.yaml]\n", "objects.yaml": documents.String()} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
				return nil, err
			}
		}
		folders = append(folders, folder)
	}
	return folders, nil
}
