package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
)

// peerProcesses share the districts among them where a peer's one process
// applies one object after the other.
const peerProcesses = 4

func kubectlBinary(*bench) string { return filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl") }

// kubectl is `kubectl apply --server-side -k`: the Namespaces, then a folder for
// each process.
func kubectl() contestant {
	return contestant{
		name: "kubectl", what: fmt.Sprintf("kubectl apply --server-side -k, %d processes", peerProcesses), program: kubectlBinary,
		bring: func(ctx context.Context, a *attempt) error {
			kubeconfig, err := a.cluster.kubeconfig(ctx, bareAccount)
			if err != nil {
				return err
			}
			folders, err := a.writeFolders(filepath.Join(a.cluster.folder, "stack"))
			if err != nil {
				return err
			}
			if err := a.start(ctx); err != nil {
				return err
			}
			for _, stage := range [][]string{folders[:1], folders[1:]} {
				var commands []*exec.Cmd
				for _, folder := range stage {
					command := exec.CommandContext(ctx, kubectlBinary(a.bench), "--kubeconfig", kubeconfig,
						"apply", "--server-side", "--force-conflicts", "--field-manager=ilp-operator", "-k", folder)
					command.Env = append(os.Environ(), "KUBECACHEDIR="+filepath.Join(folder, ".cache"))
					commands = append(commands, command)
				}
				if err := a.runAll(commands); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// runAll runs commands, as many at once as there may be, and counts them as the
// contestant's.
func (a *attempt) runAll(commands []*exec.Cmd) error {
	var group errgroup.Group
	group.SetLimit(peerProcesses)
	used := make([]usage, len(commands))
	for i, command := range commands {
		group.Go(func() (err error) {
			var output bytes.Buffer
			command.Stdout, command.Stderr = &output, &output
			if used[i], err = runToEnd(command); err != nil {
				return fmt.Errorf("%s: %w\n%s", filepath.Base(command.Path), err, lastLine(output.String()))
			}
			return nil
		})
	}
	err := group.Wait()
	for _, u := range used {
		a.spent(u)
	}
	return err
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// byDistrict are the objects of each district, its Namespace first.
func (b *bench) byDistrict() [][]applied {
	folders := make([][]applied, 0, len(b.wave.namespaces))
	turn := map[string]int{}
	for _, object := range b.objects {
		namespace := object.Key.Namespace
		if namespace == "" {
			namespace = object.Key.Name
		}
		n, known := turn[namespace]
		if !known {
			n = len(folders)
			turn[namespace] = n
			folders = append(folders, nil)
		}
		folders[n] = append(folders[n], object)
	}
	return folders
}

// writeFolders writes kustomize folders: the Namespaces, then as many as there
// are processes, none of which shares a Namespace with another.
func (b *bench) writeFolders(base string) ([]string, error) {
	contents := make([][]applied, peerProcesses+1)
	for n, objects := range b.byDistrict() {
		for _, object := range objects {
			folder := 0
			if object.Key.Namespace != "" {
				folder = n%peerProcesses + 1
			}
			contents[folder] = append(contents[folder], object)
		}
	}
	var folders []string
	for n, objects := range contents {
		if len(objects) == 0 {
			continue
		}
		folder := filepath.Join(base, fmt.Sprint(n))
		if err := writeFolder(folder, objects); err != nil {
			return nil, err
		}
		folders = append(folders, folder)
	}
	return folders, nil
}

// writeFolder writes one kustomize folder.
func writeFolder(folder string, objects []applied) error {
	return writeFiles(folder, map[string]string{"kustomization.yaml": "resources: [objects.yaml]\n", "objects.yaml": documents(objects)})
}

func documents(objects []applied) string {
	var out strings.Builder
	for _, object := range objects {
		// JSON is YAML.
		fmt.Fprintf(&out, "---\n%s\n", object.Body)
	}
	return out.String()
}

func writeFiles(folder string, files map[string]string) error {
	for name, content := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}
