package main

import (
	"context"
	"path/filepath"
	"time"
)

// startPeer starts a peer's controller with the bare client's rights. It ends
// with the cluster.
func (a *attempt) startPeer(ctx context.Context, program string, environment []string, args ...string) (*operator, error) {
	kubeconfig, err := a.cluster.kubeconfig(ctx, bareAccount)
	if err != nil {
		return nil, err
	}
	controller, err := startProcess(ctx, program, a.peerLog(), append(environment, "KUBECONFIG="+kubeconfig), args...)
	if err != nil {
		return nil, err
	}
	a.cluster.Cleanup(controller.end)
	a.serves(controller.command.Process.Pid)
	return controller, nil
}

func (a *attempt) peerLog() string { return filepath.Join(a.cluster.folder, "peer.log") }

// awaitObjectsOf waits until a peer has made everything, unless it ends before.
func (a *attempt) awaitObjectsOf(controller *operator) error {
	for {
		if n, _ := a.observer.count(); n >= len(a.objects) {
			return nil
		}
		if err := controller.died(a.peerLog()); err != nil {
			return err
		}
		if err := a.sleep(20 * time.Millisecond); err != nil {
			return err
		}
	}
}
