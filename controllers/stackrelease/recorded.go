package stackrelease

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/record"
)

// indexRecorded finds the namespaces in which a release is written down.
const indexRecorded = "recorded.release"

var namespaceKind = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}

// recorded lists the releases that are written down in a namespace.
func recorded(namespace client.Object) []string {
	var names []string
	for _, writer := range record.Writers(namespace.GetAnnotations()) {
		names = append(names, recordedBy(namespace, writer)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// recordedBy lists the releases that one writer runs or is brought to. A record
// that cannot be read names none; its writer says so.
func recordedBy(namespace client.Object, writer string) []string {
	r, err := record.Read(namespace.GetAnnotations(), writer)
	if err != nil || r == nil {
		return nil
	}
	names := append([]string{r.Target, r.Running, r.Dashboard}, r.Schema...)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// recorders wakes the releases of records that come, change or go.
var recorders = handler.Funcs{
	CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { enqueue(q, recorded(e.Object)) },
	UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
		before, after := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
		for _, writer := range slices.Concat(record.Writers(before), record.Writers(after)) {
			if before[record.Key(writer)] != after[record.Key(writer)] {
				enqueue(q, recordedBy(e.ObjectOld, writer))
				enqueue(q, recordedBy(e.ObjectNew, writer))
			}
		}
	},
	DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { enqueue(q, recorded(e.Object)) },
}

// users are the Districts and Puskesmas that run a release or are brought to it,
// by their status or, since that can be lost, by what they have written down. A
// record that nobody lives by any more, of data that was retained, does not count.
func (r *Reconciler) users(ctx context.Context, release string) (districts, puskesmas map[types.UID]bool, err error) {
	districts, puskesmas = map[types.UID]bool{}, map[types.UID]bool{}
	var d v1alpha1.DistrictList
	if err := r.Client.List(ctx, &d, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("list districts: %w", err)
	}
	var p v1alpha1.PuskesmasList
	if err := r.Client.List(ctx, &p, client.MatchingFields{indexInUse: release}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("list Puskesmas: %w", err)
	}
	for i := range p.Items {
		puskesmas[p.Items[i].UID] = true
	}
	writers, err := r.writers(ctx, release)
	if err != nil {
		return nil, nil, err
	}
	for i := range d.Items {
		item := &d.Items[i]
		if slices.Contains(inUse(item), release) || writers[v1alpha1.NamespaceFor(item.Spec.Code)][record.District] {
			districts[item.UID] = true
		}
	}
	for namespace, names := range writers {
		var p v1alpha1.PuskesmasList
		if err := r.Client.List(ctx, &p, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			return nil, nil, fmt.Errorf("list Puskesmas: %w", err)
		}
		for i := range p.Items {
			if names[record.WriterOf(p.Items[i].Spec.Code)] {
				puskesmas[p.Items[i].UID] = true
			}
		}
	}
	return districts, puskesmas, nil
}

// writers tells who has written a release down, by namespace.
func (r *Reconciler) writers(ctx context.Context, release string) (map[string]map[string]bool, error) {
	namespaces := &metav1.PartialObjectMetadataList{}
	namespaces.SetGroupVersionKind(namespaceKind.GroupVersion().WithKind("NamespaceList"))
	if err := r.Client.List(ctx, namespaces, client.MatchingFields{indexRecorded: release}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("find records of %s: %w", release, err)
	}
	writers := map[string]map[string]bool{}
	for i := range namespaces.Items {
		namespace := &namespaces.Items[i]
		writers[namespace.Name] = map[string]bool{}
		for _, writer := range record.Writers(namespace.Annotations) {
			writers[namespace.Name][writer] = slices.Contains(recordedBy(namespace, writer), release)
		}
	}
	return writers, nil
}
