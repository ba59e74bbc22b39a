package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"time"
)

// auditReader reads the API server's audit log of the operator's requests.
type auditReader struct {
	path   string
	offset int64
}

type auditEvent struct {
	Verb      string `json:"verb"`
	ObjectRef struct {
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
	} `json:"objectRef"`
	RequestURI     string `json:"requestURI"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	// StageTimestamp is when it was answered.
	StageTimestamp time.Time `json:"stageTimestamp"`
}

// next counts the requests since the last call.
func (r *auditReader) next() (requests, error) {
	out := requests{}
	err := r.each(func(event *auditEvent) { out[event.name()]++ })
	return out, err
}

// each handles the requests since the last call.
func (r *auditReader) each(handle func(*auditEvent)) error {
	file, err := os.Open(r.path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(r.offset, io.SeekStart); err != nil {
		return err
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	// The last line may not be complete yet.
	content = content[:bytes.LastIndexByte(content, '\n')+1]
	r.offset += int64(len(content))
	for line := range bytes.Lines(content) {
		var event auditEvent
		if err := json.Unmarshal(line, &event); err != nil {
			return err
		}
		handle(&event)
	}
	return nil
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

// quietAfter is how long the operator must ask for nothing to be called quiet.
// It is above the time after which it looks again at what was not ready.
const quietAfter = 20 * time.Second

// quiet counts requests until the operator has asked for nothing but leases and
// watches for a while.
func (r *auditReader) quiet(b *bench, patience time.Duration) (requests, error) {
	all := requests{}
	_, err := r.until(b, patience, func(event *auditEvent) { all[event.name()]++ })
	return all, err
}

// until handles requests until the operator is quiet, and returns when it asked
// for something last.
func (r *auditReader) until(b *bench, patience time.Duration, handle func(*auditEvent)) (last time.Time, err error) {
	for waiting := time.Now(); time.Since(waiting) < patience; {
		if err := b.sleep(patience / 20); err != nil {
			return last, err
		}
		err := r.each(func(event *auditEvent) {
			handle(event)
			if isBusy(event.name()) {
				waiting, last = time.Now(), event.StageTimestamp
			}
		})
		if err != nil {
			return last, err
		}
	}
	return last, nil
}
