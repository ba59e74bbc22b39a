package harness

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Request is one request of the operator to the API server.
type Request struct {
	at                                     time.Time
	Verb                                   string // get, list, watch, create, patch, delete …
	Resource, namespace, name, Subresource string
	code                                   int // 0 if there was no answer
	// Precondition is the body of a deletion.
	Precondition string
}

func (r Request) String() string {
	path := r.Resource
	if r.namespace != "" {
		path += " " + r.namespace + "/" + r.name
	} else if r.name != "" {
		path += " " + r.name
	}
	if r.Subresource != "" {
		path += " (" + r.Subresource + ")"
	}
	return fmt.Sprintf("%s %s: %d", r.Verb, path, r.code)
}

// Write tells whether it asked for a change.
func (r Request) Write() bool { return r.Verb != "get" && r.Verb != "list" && r.Verb != "watch" }

// OfObject tells whether it asked for a change of an object that the operator
// makes, and not of a status, a finalizer or an event.
func (r Request) OfObject() bool {
	switch r.Resource {
	case "events", "districts", "puskesmas", "stackreleases", "waves":
		return false
	}
	return r.Write()
}

// In tells whether it is about a district: its namespace, what is in there, or
// the District itself.
func (r Request) In(d *District) bool {
	return r.namespace == d.Namespace || r.Resource == "namespaces" && r.name == d.Namespace ||
		r.Resource == "districts" && r.name == d.Name
}

// Traffic notes every request that passes, and can keep requests from getting through.
type Traffic struct {
	mu       sync.Mutex
	requests []Request
	// fault is asked before every request but watches.
	fault func(Request) Fault
}

// Fault is what becomes of a request.
type Fault int

// What can become of a request.
const (
	// NoFault lets it through.
	NoFault Fault = iota
	// Refused answers 500 in the API server's place.
	Refused
	// Lost lets it through and loses the answer.
	Lost
)

func (f Fault) String() string {
	return map[Fault]string{NoFault: "let through", Refused: "refused", Lost: "done but its answer lost"}[f]
}

func (t *Traffic) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		noted := parse(r)
		fault := t.fate(noted)
		if fault == Refused {
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
		if err == nil && fault == Lost {
			_ = response.Body.Close()
			response, err = nil, fmt.Errorf("the answer was lost")
		}
		t.note(noted)
		return response, err
	})
}

func (t *Traffic) fate(r Request) Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fault == nil || r.Verb == "watch" {
		return NoFault
	}
	return t.fault(r)
}

func (t *Traffic) note(r Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests = append(t.requests, r)
}

// SetFault decides from now on what becomes of requests; nil lets all through.
func (t *Traffic) SetFault(f func(Request) Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fault = f
}

// Since lists the requests from a moment on that satisfy all of the conditions,
// without watches.
func (t *Traffic) Since(start time.Time, conditions ...func(Request) bool) []Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []Request
next:
	for _, r := range t.requests {
		if r.Verb == "watch" || r.at.Before(start) {
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
func parse(r *http.Request) Request {
	out := Request{at: time.Now()}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) > 1 && parts[0] == "apis" {
		parts = parts[1:]
	}
	parts = parts[min(2, len(parts)):]
	if len(parts) > 2 && parts[0] == "namespaces" && parts[2] != "finalize" && parts[2] != "status" {
		out.namespace, parts = parts[1], parts[2:]
	}
	for i, field := range []*string{&out.Resource, &out.name, &out.Subresource} {
		if i < len(parts) {
			*field = parts[i]
		}
	}
	out.Verb = map[string]string{
		http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete",
	}[r.Method]
	if out.Verb == "delete" && r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			raw, _ := io.ReadAll(body)
			out.Precondition = string(raw)
		}
	}
	switch {
	case out.Verb == "get" && (r.URL.Query().Get("watch") == "true" || r.URL.Query().Get("watch") == "1"):
		out.Verb = "watch"
	case out.Verb == "get" && out.name == "":
		out.Verb = "list"
	}
	return out
}

// Lines shows requests to people.
func Lines(requests []Request) []string {
	out := make([]string, 0, len(requests))
	for _, r := range requests {
		out = append(out, r.String())
	}
	return out
}
