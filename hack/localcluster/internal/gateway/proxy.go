package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync/atomic"
)

type endpointsKey struct{}

type proxy struct {
	resolver interface {
		resolve(host, path string) ([]string, error)
	}
	reverse *httputil.ReverseProxy
	next    atomic.Uint64
}

func newProxy(r *resolver) *proxy {
	p := &proxy{resolver: r}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // pods are on this machine
	p.reverse = &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(request *httputil.ProxyRequest) {
			request.Out.URL.Scheme = "http"
			request.Out.URL.Host = request.In.Context().Value(endpointsKey{}).(string)
			request.Out.Host = request.In.Host
			request.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, request *http.Request, err error) {
			if errors.Is(err, context.Canceled) {
				return // the browser went away
			}
			explain(w, request, &problem{http.StatusBadGateway, fmt.Sprintf("The pod does not answer: %v.", err)})
		},
	}
	return p
}

// ServeHTTP passes the request on to one of the ready pods, in turn.
func (p *proxy) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	addresses, err := p.resolver.resolve(request.Host, request.URL.Path)
	if err != nil {
		explain(w, request, err)
		return
	}
	address := addresses[p.next.Add(1)%uint64(len(addresses))]
	p.reverse.ServeHTTP(w, request.WithContext(context.WithValue(request.Context(), endpointsKey{}, address)))
}

// explain answers with what is wrong and what to do, in plain text.
func explain(w http.ResponseWriter, request *http.Request, err error) {
	status := http.StatusInternalServerError
	if known := (*problem)(nil); errors.As(err, &known) {
		status = known.status
	}
	slog.Warn("no answer", "host", request.Host, "path", request.URL.Path, "status", status, "reason", err.Error())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintf(w, "%d %s\n\n%s\n", status, http.StatusText(status), err)
}
