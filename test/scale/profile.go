package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
)

const (
	// profilerAddress is where the profiled operator serves profiles.
	profilerAddress = "127.0.0.1:16060"
	// profileCPU lasts about as long as a wave on a busy machine.
	profileCPU = "profile?seconds=45"
)

// profile takes CPU profiles of the operator and the API server while the wave
// comes up, if asked for; what it returns waits for them and takes one of the
// operator's heap.
func (b *bench) profile(ctx context.Context, c *cluster) func() error {
	if b.profiles == "" {
		return func() error { return nil }
	}
	operatorURL := "http://" + profilerAddress + "/debug/pprof/"
	var group errgroup.Group
	group.Go(func() (err error) {
		// The operator needs a moment to listen.
		for range 100 {
			if err = download(ctx, http.DefaultClient, operatorURL+profileCPU, b.profileFile("operator-cpu")); err == nil {
				return nil
			}
			time.Sleep(50 * time.Millisecond)
		}
		return err
	})
	group.Go(func() error {
		client, err := rest.HTTPClientFor(c.Config)
		if err != nil {
			return err
		}
		return download(ctx, client, strings.TrimSuffix(c.Config.Host, "/")+"/debug/pprof/"+profileCPU, b.profileFile("apiserver-cpu"))
	})
	return func() error {
		if err := group.Wait(); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		return download(ctx, http.DefaultClient, operatorURL+"heap", b.profileFile("operator-heap"))
	}
}

func download(ctx context.Context, client *http.Client, url, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

func (b *bench) profileFile(name string) string { return filepath.Join(b.profiles, name+".pprof") }
