package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"time"
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

// Writes are all but reads; leases, by which replicas agree who works, are left out.
func isWrite(name string) bool {
	verb, _, _ := strings.Cut(name, " ")
	return verb != "get" && verb != "list" && verb != "watch" && !isLease(name)
}

func isLease(name string) bool { return strings.HasSuffix(name, " leases") }

// isOwn tells requests for the objects of the stack from the operator's
// bookkeeping: its own resources, their statuses, and events.
func isOwn(name string) bool {
	_, resource, _ := strings.Cut(name, " ")
	resource, _, _ = strings.Cut(resource, "/")
	for _, gvr := range kinds {
		if gvr.Resource == resource {
			return true
		}
	}
	return false
}

// auditReader reads the API server's audit log of the operator's requests.
type auditReader struct {
	path   string
	offset int64
}

type auditEvent struct {
	Verb      string `json:"verb"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
	} `json:"objectRef"`
	RequestURI     string `json:"requestURI"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
}

// next counts the requests since the last call.
func (r *auditReader) next() (requests, error) {
	file, err := os.Open(r.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(r.offset, io.SeekStart); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	// The last line may not be complete yet.
	content = content[:bytes.LastIndexByte(content, '\n')+1]
	r.offset += int64(len(content))
	out := requests{}
	for line := range bytes.Lines(content) {
		var event auditEvent
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, err
		}
		out[event.name()]++
	}
	return out, nil
}

// name is verb and resource, with the status where a request failed.
func (e *auditEvent) name() string {
	resource := e.ObjectRef.Resource
	switch {
	case resource == "":
		// Discovery and health.
		resource, _, _ = strings.Cut(e.RequestURI, "?")
		if strings.HasPrefix(resource, "/api") {
			resource = "discovery"
		}
	case e.ObjectRef.Subresource != "":
		resource += "/" + e.ObjectRef.Subresource
	}
	name := e.Verb + " " + resource
	if e.ResponseStatus.Code >= 400 {
		name += " (" + httpStatus(e.ResponseStatus.Code) + ")"
	}
	return name
}

// quiet counts requests until the operator has asked for nothing but leases and
// watches for a while.
func (r *auditReader) quiet(b *bench, patience time.Duration) (requests, error) {
	all := requests{}
	for last := time.Now(); time.Since(last) < patience; {
		if err := b.sleep(patience / 10); err != nil {
			return nil, err
		}
		more, err := r.next()
		if err != nil {
			return nil, err
		}
		for name, count := range more {
			all[name] += count
			if !isLease(name) && !strings.HasPrefix(name, "watch ") {
				last = time.Now()
			}
		}
	}
	return all, nil
}
