package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

var (
	deployments   = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	jobs          = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	clusters      = schema.GroupVersionResource{Group: "postgresql.cnpg.io", Version: "v1", Resource: "clusters"}
	databases     = schema.GroupVersionResource{Group: "postgresql.cnpg.io", Version: "v1", Resource: "databases"}
	databaseRoles = schema.GroupVersionResource{Group: "postgresql.cnpg.io", Version: "v1", Resource: "databaseroles"}
)

// simulator stands in for the controllers of the workloads: it writes that all
// is well, once for each generation, as soon as an object appears.
type simulator struct {
	client dynamic.Interface
	// cnpg is CloudNativePG, which alone may say which data a Cluster serves.
	cnpg dynamic.Interface
	work chan task

	mu      sync.Mutex
	done    map[types.UID]int64
	pending int
	failure error
	broken  broken
	// delay is how long workloads take.
	delay time.Duration
}

// broken says where an image does not come up.
type broken struct {
	image      string
	namespaces map[string]bool
}

type task struct {
	key        key
	uid        types.UID
	generation int64
}

// simulatorWorkers are as many as the requests that either client has in flight.
const simulatorWorkers = 8

func newSimulator(ctx context.Context, client, cnpg dynamic.Interface) *simulator {
	// Room for the whole country: the watch is never held up.
	s := &simulator{client: client, cnpg: cnpg, work: make(chan task, 1<<16), done: map[types.UID]int64{}}
	for range simulatorWorkers {
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case t := <-s.work:
					s.write(ctx, t)
				}
			}
		}()
	}
	return s
}

// see takes note of an object and has its status written.
func (s *simulator) see(k key, object *metav1.PartialObjectMetadata) {
	if statusOf(k.GroupVersionResource, 0) == nil || object.DeletionTimestamp != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if done, ok := s.done[object.UID]; ok && done >= object.Generation {
		return
	}
	s.done[object.UID] = object.Generation
	s.pending++
	t := task{k, object.UID, object.Generation}
	if s.delay > 0 {
		time.AfterFunc(s.delay, func() { s.work <- t })
		return
	}
	s.work <- t
}

// slowDown has workloads take their time from now on.
func (s *simulator) slowDown(delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = delay
}

func (s *simulator) write(ctx context.Context, t task) {
	err := s.patch(ctx, t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending--
	// Its object may be deleted under it.
	if err != nil && ctx.Err() == nil && s.failure == nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		s.failure = fmt.Errorf("simulate the status of %s: %w", t.key, err)
	}
}

func (s *simulator) patch(ctx context.Context, t task) error {
	resource := s.client.Resource(t.key.GroupVersionResource).Namespace(t.key.Namespace)
	status := statusOf(t.key.GroupVersionResource, t.generation)
	s.mu.Lock()
	broken := s.broken
	s.mu.Unlock()
	if t.key.GroupVersionResource == clusters || (t.key.GroupVersionResource == deployments && broken.namespaces[t.key.Namespace]) {
		// Of these it matters which image they run.
		object, err := resource.Get(ctx, t.key.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if runs(object, broken.image) {
			status = statusOfBroken(object.GetGeneration())
		}
		if t.key.GroupVersionResource == clusters {
			status["systemID"] = systemIDOf(t.uid)
		}
		if image, found, _ := unstructured.NestedString(object.Object, "spec", "imageName"); found {
			status["image"] = image
		}
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": t.uid}, "status": status})
	if err != nil {
		return err
	}
	if t.key.GroupVersionResource == clusters {
		resource = s.cnpg.Resource(clusters).Namespace(t.key.Namespace)
	}
	_, err = resource.Patch(ctx, t.key.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "simulator"}, "status")
	return err
}

// breakImage keeps Deployments with an image from coming up in some namespaces.
func (s *simulator) breakImage(image string, namespaces map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken{image, namespaces}
}

func runs(deployment *unstructured.Unstructured, image string) bool {
	containers, _, _ := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	return slices.ContainsFunc(containers, func(c any) bool {
		container, ok := c.(map[string]any)
		return ok && container["image"] == image
	})
}

// idle reports whether every status is written.
func (s *simulator) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending == 0
}

// err is the first write that failed.
func (s *simulator) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// systemIDOf is PostgreSQL's identifier of the data of a Cluster.
func systemIDOf(uid types.UID) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(uid))
	return strconv.FormatUint(h.Sum64(), 10)
}

// statusOf is the status of a workload that does its work, or nil for kinds
// without one. All Deployments of the stack ask for one replica.
func statusOf(gvr schema.GroupVersionResource, generation int64) map[string]any {
	switch gvr {
	case deployments:
		return map[string]any{
			"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
			"conditions": []any{condition("Available", "True"), condition("Progressing", "True")},
		}
	case jobs:
		now := time.Now().UTC().Format(time.RFC3339)
		return map[string]any{
			"startTime": now, "completionTime": now, "succeeded": 1,
			"conditions": []any{condition("SuccessCriteriaMet", "True"), condition("Complete", "True")},
		}
	case clusters:
		return map[string]any{"phase": "Cluster in healthy state", "conditions": []any{condition("Ready", "True")}}
	case databases, databaseRoles:
		return map[string]any{"applied": true, "observedGeneration": generation}
	}
	return nil
}

// statusOfBroken is the status of a Deployment whose old pod serves on while the
// new one has not come up in time.
func statusOfBroken(generation int64) map[string]any {
	return map[string]any{
		"observedGeneration": generation, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
		"conditions": []any{condition("Available", "True"), condition("Progressing", "False")},
	}
}

func condition(kind, status string) map[string]any {
	return map[string]any{
		"type": kind, "status": status, "reason": "Simulated", "message": "simulated",
		"lastTransitionTime": time.Now().UTC().Format(time.RFC3339),
	}
}
