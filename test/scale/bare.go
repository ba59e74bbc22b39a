package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// bareClientCommand runs the bare client, in a process of its own so that what
// it consumes can be told apart.
const bareClientCommand = "bare-client"

// bareInFlight is how many requests the bare client has in flight, as many as
// the operator.
const bareInFlight = 8

// bareResult is what the bare client prints.
type bareResult struct {
	// Start is when the first request went out.
	Start time.Time
}

// runBareClient applies the objects of a file: namespaces first, then everything.
// It neither encodes nor decodes objects: nothing can be faster.
func runBareClient(kubeconfig, file string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.UserAgent = bareClientCommand
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(file) //nolint:gosec // the bench wrote it
	if err != nil {
		return err
	}
	var objects []applied
	if err := json.Unmarshal(content, &objects); err != nil {
		return err
	}
	namespaces := 0
	for namespaces < len(objects) && objects[namespaces].Key.Resource == "namespaces" {
		namespaces++
	}
	result := bareResult{Start: time.Now()}
	for _, stage := range [][]applied{objects[:namespaces], objects[namespaces:]} {
		if err := applyAll(httpClient, config.Host, stage); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func applyAll(httpClient *http.Client, host string, objects []applied) error {
	work := make(chan applied)
	errs := make([]error, bareInFlight)
	var wg sync.WaitGroup
	for i := range bareInFlight {
		wg.Go(func() {
			for object := range work {
				if err := applyOne(httpClient, host, object); err != nil && errs[i] == nil {
					errs[i] = fmt.Errorf("%s: %w", object.Key, err)
				}
			}
		})
	}
	for _, object := range objects {
		work <- object
	}
	close(work)
	wg.Wait()
	return errors.Join(errs...)
}

func applyOne(httpClient *http.Client, host string, object applied) error {
	url := strings.TrimSuffix(host, "/") + object.Path + "?fieldManager=ilp-operator&force=true"
	request, err := http.NewRequest(http.MethodPatch, url, bytes.NewReader(object.Body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/apply-patch+yaml")
	request.Header.Set("Accept", "application/json")
	response, err := httpClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return err
}

// startBareClient runs it to its end.
func startBareClient(ctx context.Context, kubeconfig, file string) (bareResult, usage, error) {
	var result bareResult
	self, err := os.Executable()
	if err != nil {
		return result, usage{}, err
	}
	command := exec.CommandContext(ctx, self, bareClientCommand, kubeconfig, file)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return result, usage{}, fmt.Errorf("bare client: %w", err)
	}
	if err := json.Unmarshal(output, &result); err != nil {
		return result, usage{}, err
	}
	return result, usageAfter(command), nil
}

// usageAfter is what a process that has ended had consumed.
func usageAfter(command *exec.Cmd) usage {
	state := command.ProcessState
	u := usage{CPU: state.UserTime() + state.SystemTime()}
	if rusage, ok := state.SysUsage().(*syscall.Rusage); ok {
		u.PeakMiB = float64(rusage.Maxrss) / 1024
	}
	return u
}
