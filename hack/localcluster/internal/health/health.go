// Package health serves the health endpoint of our own components.
package health

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Serve answers 200 when ready says so and 503 before, until ctx ends.
func Serve(ctx context.Context, address string, ready func() bool) error {
	return ListenAndServe(ctx, address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
}

// ListenAndServe serves until ctx ends.
func ListenAndServe(ctx context.Context, address string, handler http.Handler) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
