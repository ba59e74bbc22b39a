package harness

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
)

// Ledger proves the write-ahead inventory: at every revision of the API server,
// each object that the operator made is named by the inventory of a District or
// Puskesmas. It compares revisions, not clocks, so nothing slips through
// between two looks.
//
// What a deleted District or Puskesmas named stays named: its data is kept on
// purpose. So does what one named whose status is lost, until it names anything
// again.
type Ledger struct {
	mu      sync.Mutex
	objects map[string]*span   // one life of an object
	named   map[string][]*span // by entry: while an inventory named it
	open    map[string]*span   // by resource and entry: the span that goes on
	lost    map[string]bool    // resources whose status is lost and names nothing yet
	excused map[string]bool    // resources that a spec takes the inventory from
}

// span is a stretch of revisions; until is 0 while it goes on.
type span struct {
	what        string
	from, until uint64
}

func newLedger() *Ledger {
	return &Ledger{objects: map[string]*span{}, named: map[string][]*span{}, open: map[string]*span{}, lost: map[string]bool{}, excused: map[string]bool{}}
}

// StartLedger writes down from now on what exists and who names it.
func StartLedger(ctx context.Context, c client.WithWatch) *Ledger {
	l := newLedger()
	kinds := slices.Concat(live.BuiltinKinds, cnpg.Kinds, []schema.GroupVersionKind{{Version: "v1", Kind: "Secret"}})
	for _, gvk := range kinds {
		Follow(ctx, c, gvk, l.seeObject, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagerName})
	}
	for _, gvk := range []schema.GroupVersionKind{DistrictKind, PuskesmasKind} {
		Follow(ctx, c, gvk, l.seeInventory)
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

func (l *Ledger) seeObject(event watch.EventType, object *unstructured.Unstructured) {
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

// Excuse lets a resource lose its inventory, as in a restore without status.
func (l *Ledger) Excuse(resource client.Object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.excused[string(resource.GetUID())] = true
}

func (l *Ledger) seeInventory(event watch.EventType, resource *unstructured.Unstructured) {
	l.mu.Lock()
	defer l.mu.Unlock()
	uid := string(resource.GetUID())
	if event == watch.Deleted || l.excused[uid] {
		return
	}
	owner, now := uid+" ", revision(resource)
	entries, _, _ := unstructured.NestedSlice(resource.Object, "status", "inventory")
	if seen, _, _ := unstructured.NestedInt64(resource.Object, "status", "observedGeneration"); seen < 0 {
		l.lost[uid] = true
	}
	if l.lost[uid] && len(entries) == 0 {
		return
	}
	delete(l.lost, uid)
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
	for key, s := range l.open {
		if strings.HasPrefix(key, owner) && !names[s.what] {
			s.until = now
			delete(l.open, key)
		}
	}
}

// Forgotten lists the objects that existed at a revision at which no inventory
// named them.
func (l *Ledger) Forgotten() []string {
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

// Close drops what Forgotten lists, so that one spec fails of it and no other.
func (l *Ledger) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.objects, func(_ string, life *span) bool {
		_, forgotten := uncovered(*life, l.named[life.what])
		return forgotten
	})
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
