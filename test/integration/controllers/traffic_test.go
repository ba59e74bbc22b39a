package controllers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// request is one request of the operator to the API server.
type request struct {
	at                                     time.Time
	verb                                   string // get, list, watch, create, patch, delete …
	resource, namespace, name, subresource string
	code                                   int // 0 if there was no answer
	// precondition is the body of a deletion.
	precondition string
}

func (r request) String() string {
	path := r.resource
	if r.namespace != "" {
		path += " " + r.namespace + "/" + r.name
	} else if r.name != "" {
		path += " " + r.name
	}
	if r.subresource != "" {
		path += " (" + r.subresource + ")"
	}
	return fmt.Sprintf("%s %s: %d", r.verb, path, r.code)
}

// write tells whether it asked for a change.
func (r request) write() bool { return r.verb != "get" && r.verb != "list" && r.verb != "watch" }

// ofObject tells whether it asked for a change of an object that the operator
// makes, and not of a status, a finalizer or an event.
func (r request) ofObject() bool {
	switch r.resource {
	case "events", "districts", "puskesmas", "stackreleases", "waves":
		return false
	}
	return r.write()
}

// in tells whether it is about a district: its namespace, what is in there, or
// the District itself.
func (r request) in(d *district) bool {
	return r.namespace == d.namespace || r.resource == "namespaces" && r.name == d.namespace ||
		r.resource == "districts" && r.name == d.name
}

// traffic notes every request that passes, and can keep requests from getting through.
type traffic struct {
	mu       sync.Mutex
	requests []request
	// fault is asked before every request but watches.
	fault func(request) fault
}

// fault is what becomes of a request.
type fault int

const (
	// noFault lets it through.
	noFault fault = iota
	// refused answers 500 in the API server's place.
	refused
	// lost lets it through and loses the answer.
	lost
)

func (t *traffic) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		noted := parse(r)
		fault := t.fate(noted)
		if fault == refused {
			noted.code = http.StatusInternalServerError
			t.note(noted)
			return &http.Response{
				StatusCode: noted.code, Status: "500 Internal Server Error", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
				Header: http.Header{"Content-Type": {"text/plain"}}, Body: http.NoBody, Request: r,
			}, nil
		}
		response, err := next.RoundTrip(r)
		if err == nil {
			noted.code = response.StatusCode
		}
		if err == nil && fault == lost {
			_ = response.Body.Close()
			response, err = nil, fmt.Errorf("the answer was lost")
		}
		t.note(noted)
		return response, err
	})
}

func (t *traffic) fate(r request) fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fault == nil || r.verb == "watch" {
		return noFault
	}
	return t.fault(r)
}

func (t *traffic) note(r request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests = append(t.requests, r)
}

// setFault decides from now on what becomes of requests; nil lets all through.
func (t *traffic) setFault(f func(request) fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fault = f
}

// since lists the requests from a moment on that satisfy all of the conditions,
// without watches.
func (t *traffic) since(start time.Time, conditions ...func(request) bool) []request {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []request
next:
	for _, r := range t.requests {
		if r.verb == "watch" || r.at.Before(start) {
			continue
		}
		for _, holds := range conditions {
			if !holds(r) {
				continue next
			}
		}
		found = append(found, r)
	}
	return found
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// parse takes a request's path apart: /api/v1/… or /apis/<group>/<version>/…,
// then namespaces/<namespace>, resource, name and subresource.
func parse(r *http.Request) request {
	out := request{at: time.Now()}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) > 1 && parts[0] == "apis" {
		parts = parts[1:]
	}
	parts = parts[min(2, len(parts)):]
	if len(parts) > 2 && parts[0] == "namespaces" && parts[2] != "finalize" && parts[2] != "status" {
		out.namespace, parts = parts[1], parts[2:]
	}
	for i, field := range []*string{&out.resource, &out.name, &out.subresource} {
		if i < len(parts) {
			*field = parts[i]
		}
	}
	out.verb = map[string]string{
		http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete",
	}[r.Method]
	if out.verb == "delete" && r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			raw, _ := io.ReadAll(body)
			out.precondition = string(raw)
		}
	}
	switch {
	case out.verb == "get" && (r.URL.Query().Get("watch") == "true" || r.URL.Query().Get("watch") == "1"):
		out.verb = "watch"
	case out.verb == "get" && out.name == "":
		out.verb = "list"
	}
	return out
}
