package harness

import (
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

const serviceEntry = "ilp-6105_tebidah-rme__Service"

// TestLedger: what no inventory names at some revision is found, and what was
// named when its namer lost its status or went is not.
func TestLedger(t *testing.T) {
	service := func(at int, uid string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Service",
			"metadata": map[string]any{"name": "tebidah-rme", "namespace": "ilp-6105", "uid": uid, "resourceVersion": strconv.Itoa(at)},
		}}
	}
	facility := func(at int, seen int64, entries ...string) *unstructured.Unstructured {
		inventory := make([]any, 0, len(entries))
		for _, entry := range entries {
			inventory = append(inventory, map[string]any{"id": entry})
		}
		return &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"uid": "tebidah", "resourceVersion": strconv.Itoa(at)},
			"status":   map[string]any{"observedGeneration": seen, "inventory": inventory},
		}}
	}
	type step func(*Ledger)
	named := func(at int) step {
		return func(l *Ledger) { l.seeInventory(watch.Modified, facility(at, 1, serviceEntry)) }
	}
	names := func(at int, seen int64) step {
		return func(l *Ledger) { l.seeInventory(watch.Modified, facility(at, seen)) }
	}
	made := func(at int) step { return func(l *Ledger) { l.seeObject(watch.Added, service(at, "first")) } }
	gone := func(at int) step { return func(l *Ledger) { l.seeObject(watch.Deleted, service(at, "first")) } }
	for name, test := range map[string]struct {
		steps []step
		want  bool
	}{
		"named before it is made":                {[]step{named(3), made(4)}, false},
		"named before it is made, told late":     {[]step{made(4), named(3)}, false},
		"named after it is made":                 {[]step{made(4), named(5)}, true},
		"never named":                            {[]step{names(3, 1), made(4)}, true},
		"struck off while it exists":             {[]step{named(3), made(4), names(5, 1)}, true},
		"struck off when it is gone":             {[]step{named(3), made(4), gone(6), names(7, 1)}, false},
		"struck off before it is gone":           {[]step{named(3), made(4), names(5, 1), gone(6)}, true},
		"named by a status that is lost":         {[]step{named(3), made(4), names(5, -1)}, false},
		"not yet named by the status after":      {[]step{named(3), made(4), names(5, -1), names(6, 1)}, false},
		"named again, and struck off":            {[]step{named(3), made(4), names(5, -1), named(6), names(7, 1)}, true},
		"named by one that is deleted":           {[]step{named(3), made(4), func(l *Ledger) { l.seeInventory(watch.Deleted, facility(5, 1)) }}, false},
		"made while its namer's status was lost": {[]step{names(3, -1), made(4)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			for _, step := range test.steps {
				step(l)
			}
			if found := len(l.Forgotten()) > 0; found != test.want {
				t.Errorf("forgotten: %v", l.Forgotten())
			}
			l.Close()
			if left := l.Forgotten(); len(left) > 0 {
				t.Errorf("still forgotten: %v", left)
			}
		})
	}
}
