package controllers_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/live"
)

// ledger proves the write-ahead inventory: at every revision of the API server,
// each object that the operator made is named by the inventory of a District or
// Puskesmas. It compares revisions, not clocks, so nothing slips through
// between two looks.
//
// What a deleted District or Puskesmas named stays named: its data is kept on
// purpose. So does what one named whose status is lost.
type ledger struct {
	mu      sync.Mutex
	objects map[string]*span   // one life of an object
	named   map[string][]*span // by entry: while an inventory named it
	open    map[string]*span   // by resource and entry: the span that goes on
	excused map[string]bool    // resources whose inventory a spec takes away
}

// span is a stretch of revisions; until is 0 while it goes on.
type span struct {
	what        string
	from, until uint64
}

var districtKind, puskesmasKind = v1alpha1.GroupVersion.WithKind("District"), v1alpha1.GroupVersion.WithKind("Puskesmas")

func startLedger(ctx context.Context, c client.WithWatch) *ledger {
	l := &ledger{objects: map[string]*span{}, named: map[string][]*span{}, open: map[string]*span{}, excused: map[string]bool{}}
	kinds := slices.Concat(live.BuiltinKinds, live.DatabaseKinds, []schema.GroupVersionKind{{Version: "v1", Kind: "Secret"}})
	for _, gvk := range kinds {
		follow(ctx, c, gvk, l.seeObject, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagerName})
	}
	for _, gvk := range []schema.GroupVersionKind{districtKind, puskesmasKind} {
		follow(ctx, c, gvk, l.seeInventory)
	}
	return l
}

func entryOf(object *unstructured.Unstructured) string {
	return strings.Join([]string{object.GetNamespace(), object.GetName(), object.GroupVersionKind().Group, object.GetKind()}, "_")
}

func revision(object *unstructured.Unstructured) uint64 {
	n, err := strconv.ParseUint(object.GetResourceVersion(), 10, 64)
	if err != nil {
		panic(fmt.Sprintf("resourceVersion %q is no number", object.GetResourceVersion()))
	}
	return n
}

func (l *ledger) seeObject(event watch.EventType, object *unstructured.Unstructured) {
	l.mu.Lock()
	defer l.mu.Unlock()
	life := string(object.GetUID())
	if l.objects[life] == nil {
		l.objects[life] = &span{what: entryOf(object), from: revision(object)}
	}
	if event == watch.Deleted {
		l.objects[life].until = revision(object)
	}
}

// excuse lets a resource lose its inventory, as in a restore without status.
func (l *ledger) excuse(resource client.Object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.excused[string(resource.GetUID())] = true
}

func (l *ledger) seeInventory(event watch.EventType, resource *unstructured.Unstructured) {
	if seen, _, _ := unstructured.NestedInt64(resource.Object, "status", "observedGeneration"); event == watch.Deleted || seen < 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	owner, now := string(resource.GetUID())+" ", revision(resource)
	entries, _, _ := unstructured.NestedSlice(resource.Object, "status", "inventory")
	names := map[string]bool{}
	for _, item := range entries {
		id, _ := item.(map[string]any)["id"].(string)
		names[id] = true
		if l.open[owner+id] == nil {
			s := &span{what: id, from: now}
			l.open[owner+id] = s
			l.named[id] = append(l.named[id], s)
		}
	}
	if l.excused[string(resource.GetUID())] {
		return // what it named stays named; what it adds is named from then on
	}
	for key, s := range l.open {
		if strings.HasPrefix(key, owner) && !names[s.what] {
			s.until = now
			delete(l.open, key)
		}
	}
}

// forgotten lists the objects that existed at a revision at which no inventory
// named them.
func (l *ledger) forgotten() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, life := range l.objects {
		if at, ok := uncovered(*life, l.named[life.what]); ok {
			out = append(out, fmt.Sprintf("%s (revisions %d to %d) at revision %d", life.what, life.from, life.until, at))
		}
	}
	slices.Sort(out)
	return out
}

// uncovered finds the first revision of a life that lies in no span.
func uncovered(life span, spans []*span) (uint64, bool) {
	at := life.from
	for {
		next := at
		for _, s := range spans {
			if s.from <= at && (s.until == 0 || s.until > at) {
				if s.until == 0 {
					return 0, false
				}
				next = max(next, s.until)
			}
		}
		switch {
		case life.until != 0 && next >= life.until:
			return 0, false
		case next == at:
			return at, true
		}
		at = next
	}
}
