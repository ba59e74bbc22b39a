package main

import (
	"net/http"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// requests counts requests by verb and resource.
type requests map[string]int

// sum counts those that a filter lets through.
func (r requests) sum(keep func(name string) bool) int {
	n := 0
	for name, count := range r {
		if keep(name) {
			n += count
		}
	}
	return n
}

// add counts others too.
func (r requests) add(others requests) {
	for name, count := range others {
		r[name] += count
	}
}

// without is what is left when others are taken away.
func (r requests) without(others requests) requests {
	out := requests{}
	for name, count := range r {
		if left := count - others[name]; left > 0 {
			out[name] = left
		}
	}
	return out
}

// Writes are all but reads; leases, by which replicas agree who works, are left out.
func isWrite(name string) bool {
	verb, _, _ := strings.Cut(name, " ")
	return verb != "get" && verb != "list" && verb != "watch" && !isLease(name)
}

func isLease(name string) bool { return strings.HasSuffix(name, " leases") }

// isBusy leaves out what keeps informers and leadership alive.
func isBusy(name string) bool { return !isLease(name) && !strings.HasPrefix(name, "watch ") }

func isRead(name string) bool { return isBusy(name) && !isWrite(name) }

// isOwn tells requests for the objects of the stack from bookkeeping: an
// operator's own resources, all statuses, and events.
func isOwn(name string) bool {
	_, resource, _ := strings.Cut(name, " ")
	if strings.Contains(resource, "/") {
		return false
	}
	for _, gvr := range kinds {
		if gvr.Resource == resource {
			return true
		}
	}
	return false
}

// tally counts what the bench itself asks for, as it stands in for the user, for
// the controllers of the workloads and for who watches. It uses the names of the
// API server's own count, so that it can be taken away from that.
type tally struct {
	mu    sync.Mutex
	count requests
}

var requestInfo = request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}

// wrap counts what goes through a client.
func (t *tally) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if info, err := requestInfo.NewRequestInfo(r); err == nil && info.IsResourceRequest {
			t.mu.Lock()
			t.count[nameOf(info, r.Header.Get("Content-Type"))]++
			t.mu.Unlock()
		}
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip sends a request.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// by adds what somebody else has asked for in the user's place.
func (t *tally) by(user requests) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count.add(user)
}

// soFar is what it has counted.
func (t *tally) soFar() requests {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := requests{}
	out.add(t.count)
	return out
}

func nameOf(info *request.RequestInfo, contentType string) string {
	verb := info.Verb
	switch {
	case verb == "create":
		verb = "post"
	case verb == "update":
		verb = "put"
	case verb == "patch" && strings.HasPrefix(contentType, "application/apply-patch"):
		verb = "apply"
	}
	return requestName(verb, info.Resource, info.Subresource)
}

func requestName(verb, resource, subresource string) string {
	if subresource != "" {
		resource += "/" + subresource
	}
	return verb + " " + resource
}
