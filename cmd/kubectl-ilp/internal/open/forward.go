package open

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

const loopback = "127.0.0.1"

// forward leads a port of this machine to a pod until the context ends, and
// tells once it does.
func forward(ctx context.Context, config *rest.Config, to *end, port uint16, tell func(local uint16) error) error {
	dialer, err := dialerTo(config, to)
	if err != nil {
		return err
	}
	ready := make(chan struct{})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	forwarder, err := portforward.NewOnAddressesForStreaming(dialer, []string{loopback}, []string{fmt.Sprintf("%d:%d", port, to.port)}, ctx.Done(), ready, nil, io.Discard)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case err := <-ended:
		return failure(err, to, port)
	case <-ready:
	}
	ports, err := forwarder.GetPorts()
	if err == nil {
		err = tell(ports[0].Local)
	}
	if err != nil {
		return err
	}
	return failure(<-ended, to, port)
}

// failure says what a person can do.
func failure(err error, to *end, port uint16) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, portforward.ErrLostConnectionToPod):
		return fmt.Errorf("the connection to pod %s is lost, perhaps it was replaced: run the command again", to.pod)
	case port != 0:
		return fmt.Errorf("forward %s:%d to pod %s: %w; if the port is taken, leave --port out", loopback, port, to.pod, err)
	default:
		return fmt.Errorf("forward %s to pod %s: %w", loopback, to.pod, err)
	}
}

// dialerTo reaches a pod by WebSocket, and by SPDY where a proxy or an old API
// server does not know that.
func dialerTo(config *rest.Config, to *end) (httpstream.Dialer, error) {
	core, err := typedcorev1.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	url := core.RESTClient().Post().Resource("pods").Namespace(to.pod.Namespace).Name(to.pod.Name).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	now, err := portforward.NewSPDYOverWebsocketDialerForStreaming(url, config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(now, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}
