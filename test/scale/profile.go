package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	// profilerAddress is where the profiled operator serves profiles.
	profilerAddress = "127.0.0.1:16060"
	// profileSeconds is about what a wave takes.
	profileSeconds = 15
)

// profile takes a CPU profile of the operator while the wave comes up, if asked
// for; what it returns waits for it and takes one of the heap.
func (b *bench) profile(ctx context.Context) func() error {
	if b.profiles == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", profilerAddress, profileSeconds)
		var err error
		// The operator needs a moment to listen.
		for range 100 {
			if err = download(ctx, url, b.profileFile("cpu")); err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		done <- err
	}()
	return func() error {
		if err := <-done; err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		return download(ctx, "http://"+profilerAddress+"/debug/pprof/heap", b.profileFile("heap"))
	}
}

func download(ctx context.Context, url, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
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
