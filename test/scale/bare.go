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

// call is a request of the bare client, ready to be sent. Path has its query.
type call struct {
	Method, Path, ContentType string
	Body                      json.RawMessage
}

// bareResult is what the bare client prints: when the first request went out and
// when the last one was answered.
type bareResult struct {
	Start, End time.Time
}

// runBareClient sends the stages of calls that a file holds, one stage after the
// other. It neither encodes nor decodes objects: nothing can be faster.
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
	var stages [][]call
	if err := json.Unmarshal(content, &stages); err != nil {
		return err
	}
	result := bareResult{Start: time.Now()}
	for _, stage := range stages {
		if err := sendAll(httpClient, strings.TrimSuffix(config.Host, "/"), stage); err != nil {
			return err
		}
	}
	result.End = time.Now()
	return json.NewEncoder(os.Stdout).Encode(result)
}

func sendAll(httpClient *http.Client, host string, calls []call) error {
	work := make(chan call)
	errs := make([]error, bareInFlight)
	var wg sync.WaitGroup
	for i := range bareInFlight {
		wg.Go(func() {
			for c := range work {
				if err := send(httpClient, host, c); err != nil && errs[i] == nil {
					errs[i] = fmt.Errorf("%s %s: %w", c.Method, c.Path, err)
				}
			}
		})
	}
	for _, c := range calls {
		work <- c
	}
	close(work)
	wg.Wait()
	return errors.Join(errs...)
}

func send(httpClient *http.Client, host string, c call) error {
	request, err := http.NewRequest(c.Method, host+c.Path, bytes.NewReader(c.Body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", c.ContentType)
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
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, os.Stderr
	used, err := runToEnd(command)
	if err != nil {
		return result, used, fmt.Errorf("bare client: %w", err)
	}
	err = json.Unmarshal(output.Bytes(), &result)
	return result, used, err
}
