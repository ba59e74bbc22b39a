package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
)

// kinds are all that a stack is made of, by their plural.
var kinds = []schema.GroupVersionResource{
	{Version: "v1", Resource: "namespaces"},
	{Version: "v1", Resource: "configmaps"},
	{Version: "v1", Resource: "limitranges"},
	{Version: "v1", Resource: "resourcequotas"},
	{Version: "v1", Resource: "secrets"},
	{Version: "v1", Resource: "services"},
	{Version: "v1", Resource: "serviceaccounts"},
	deployments,
	jobs,
	{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
	{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	clusters,
	databases,
	databaseRoles,
}

// key names one object.
type key struct {
	schema.GroupVersionResource
	Namespace, Name string
}

func (k key) String() string { return k.Resource + " " + k.Namespace + "/" + k.Name }

// observer notes when each object of the stack is first seen. It watches
// metadata only, in every round alike.
type observer struct {
	simulator *simulator

	mu   sync.Mutex
	seen map[key]time.Time
	last time.Time
	// versions are the generations of Deployments: how often each has been changed.
	versions map[key]int64
}

// observe watches until the context ends.
func observe(ctx context.Context, c *cluster) (*observer, error) {
	client, err := metadata.NewForConfig(c.Config)
	if err != nil {
		return nil, err
	}
	o := &observer{simulator: newSimulator(ctx, c.dynamic, c.cnpg), seen: map[key]time.Time{}, last: time.Now(), versions: map[key]int64{}}
	for _, gvr := range kinds {
		open := func() (watch.Interface, error) {
			return client.Resource(gvr).Watch(ctx, metav1.ListOptions{LabelSelector: selector, ResourceVersion: "0"})
		}
		err := follow(ctx, open, func(event watch.Event) {
			if object, ok := event.Object.(*metav1.PartialObjectMetadata); ok {
				o.note(key{gvr, object.Namespace, object.Name}, event.Type == watch.Deleted, object)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", gvr.Resource, err)
		}
	}
	return o, nil
}

// follow handles the events of a watch until the context ends. An API server
// under load drops watches that it cannot serve in time; each new one begins
// with everything that there is.
func follow(ctx context.Context, open func() (watch.Interface, error), handle func(watch.Event)) error {
	w, err := open()
	if err != nil {
		return err
	}
	go func() {
		for {
			for event := range w.ResultChan() {
				handle(event)
			}
			for w, err = open(); err != nil; w, err = open() {
				select {
				case <-ctx.Done():
					return
				case <-time.After(100 * time.Millisecond):
				}
			}
		}
	}()
	return nil
}

func (o *observer) note(k key, deleted bool, object *metav1.PartialObjectMetadata) {
	o.mu.Lock()
	if _, known := o.seen[k]; deleted {
		delete(o.seen, k)
	} else if !known {
		o.seen[k] = time.Now()
		o.last = o.seen[k]
	}
	if k.GroupVersionResource == deployments {
		o.versions[k] = object.Generation
	}
	o.mu.Unlock()
	if !deleted {
		o.simulator.see(k, object)
	}
}

// changedOften lists Deployments of which more versions were made than wanted.
func (o *observer) changedOften(wanted int64) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var often []string
	for k, n := range o.versions {
		if n > wanted {
			often = append(often, fmt.Sprintf("%s: %d versions", k, n))
		}
	}
	slices.Sort(often)
	return often
}

// count is how many objects there are, and when the last one appeared.
func (o *observer) count() (int, time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.seen), o.last
}
