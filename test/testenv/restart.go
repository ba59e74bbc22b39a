package testenv

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"ilp.health/operator/api/v1alpha1"
)

// Restartable keeps the API server's certificates in a folder of the caller's,
// so that clients still trust it after Restart.
func Restartable(folder string) Option {
	return func(_ T, e *envtest.Environment) {
		server := e.ControlPlane.GetAPIServer()
		server.CertDir = folder
		// For so long it waits, when it stops, for clients that hold a connection.
		server.Configure().Set("request-timeout", "5s")
	}
}

// Restart stops the API server, calls a function meanwhile, and starts the API
// server again at the same address with the same data. It needs Restartable.
func (e *Environment) Restart(meanwhile func()) {
	e.t.Helper()
	server := e.server.ControlPlane.GetAPIServer()
	if err := server.Stop(); err != nil {
		e.t.Fatalf("stop the API server: %v", err)
	}
	meanwhile()
	if err := server.Start(); err != nil {
		e.t.Fatalf("start the API server again: %v", err)
	}
	answers := func(ctx context.Context) (bool, error) {
		return e.Client.List(ctx, &v1alpha1.DistrictList{}) == nil, nil
	}
	if err := wait.PollUntilContextTimeout(e.t.Context(), 50*time.Millisecond, time.Minute, true, answers); err != nil {
		e.t.Fatalf("wait for the API server to serve Districts again: %v", err)
	}
}
