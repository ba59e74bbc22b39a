package record

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

var namespaceKind = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}

// Store reads records from the cached Namespace and writes them to the API
// server. A read never asks the API server and always shows what was written.
type Store struct {
	// Client reads from the cache and writes to the API server.
	Client client.Client

	mu      sync.Mutex
	written map[string]*metav1.PartialObjectMetadata // by namespace, while the cache does not show it
}

// Read finds the record of a writer; it is nil if there is none.
func (s *Store) Read(ctx context.Context, namespace, writer string) (*Record, error) {
	annotations, err := s.annotations(ctx, namespace)
	if err != nil {
		return nil, err
	}
	r, err := Read(annotations, writer)
	if err != nil {
		return nil, fmt.Errorf("namespace %s: %w", namespace, err)
	}
	return r, nil
}

// All finds the records of a namespace by their writers. One that cannot be read
// is left out: its writer says so itself and keeps nobody else back.
func (s *Store) All(ctx context.Context, namespace string) (map[string]*Record, error) {
	annotations, err := s.annotations(ctx, namespace)
	if err != nil {
		return nil, err
	}
	all := map[string]*Record{}
	for _, writer := range Writers(annotations) {
		if r, err := Read(annotations, writer); err == nil {
			all[writer] = r
		}
	}
	return all, nil
}

// Writers lists who has a record in a namespace, sorted.
func (s *Store) Writers(ctx context.Context, namespace string) ([]string, error) {
	annotations, err := s.annotations(ctx, namespace)
	return Writers(annotations), err
}

func (s *Store) annotations(ctx context.Context, name string) (map[string]string, error) {
	cached := &metav1.PartialObjectMetadata{}
	cached.SetGroupVersionKind(namespaceKind)
	if err := s.Client.Get(ctx, client.ObjectKey{Name: name}, cached); err != nil {
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("get namespace %s: %w", name, err)
		}
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.written[name]
	if last == nil {
		return cached.Annotations, nil
	}
	order, err := resourceversion.CompareResourceVersion(cached.ResourceVersion, last.ResourceVersion)
	if err == nil && order < 0 {
		return last.Annotations, nil
	}
	delete(s.written, name)
	return cached.Annotations, nil
}

// Write writes records in one request; nil removes a writer's.
func (s *Store) Write(ctx context.Context, namespace string, records map[string]*Record) error {
	values := make(map[string]any, len(records))
	for writer, r := range records {
		if r == nil {
			values[Key(writer)] = nil
		} else {
			values[Key(writer)] = r.encode()
		}
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": values}})
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	target := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	target.SetGroupVersionKind(namespaceKind)
	if err := s.Client.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(v1alpha1.ManagerRecord)); err != nil {
		return fmt.Errorf("write down the data of namespace %s: %w", namespace, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.written == nil {
		s.written = map[string]*metav1.PartialObjectMetadata{}
	}
	if last := s.written[namespace]; last != nil {
		// Of two writes at once the later one shows both.
		if order, err := resourceversion.CompareResourceVersion(target.ResourceVersion, last.ResourceVersion); err == nil && order < 0 {
			return nil
		}
	}
	s.written[namespace] = &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		ResourceVersion: target.ResourceVersion,
		Annotations:     maps.Clone(target.Annotations),
	}}
	return nil
}

// Forget drops what is remembered of a namespace whose district is gone.
func (s *Store) Forget(namespace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.written, namespace)
}
