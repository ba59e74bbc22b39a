package harness

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
)

// Ledger proves that nothing is made and forgotten: no object of the operator's
// exists, from its first revision on, that nobody owns or finds.
//
// What runs is owned by the District or Puskesmas that it was made for, so that
// Kubernetes finds it when that goes. Isolation and data have no owner, so that
// nothing takes them; they are found by their labels, and Secrets, which are never
// listed, by their names.
type Ledger struct {
	mu     sync.Mutex
	births map[types.UID]*unstructured.Unstructured // objects as they were first seen
	latest map[types.UID]*metav1.OwnerReference     // who owns those that exist
	owners map[types.UID]bool                       // every District and Puskesmas; false once it is gone
}

// generated are the Secrets that the operator knows by name: of a District, and of
// a Puskesmas behind its name.
var generated = map[bool][]string{
	false: {"superset", "pws-reader", "dashboard-admin", "dashboard-secret-key"},
	true:  {"-database", "-rme-admin"},
}

func newLedger() *Ledger {
	return &Ledger{births: map[types.UID]*unstructured.Unstructured{}, latest: map[types.UID]*metav1.OwnerReference{}, owners: map[types.UID]bool{}}
}

// StartLedger looks from now on at what exists and who owns it.
func StartLedger(ctx context.Context, c client.WithWatch) *Ledger {
	l := newLedger()
	kinds := slices.Concat(live.BuiltinKinds, cnpg.Kinds, []schema.GroupVersionKind{Core("Secret")})
	for _, gvk := range kinds {
		Follow(ctx, c, gvk, l.seeObject, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagerName})
	}
	for _, gvk := range []schema.GroupVersionKind{DistrictKind, PuskesmasKind} {
		Follow(ctx, c, gvk, l.seeOwner)
	}
	return l
}

func (l *Ledger) seeObject(event watch.EventType, object *unstructured.Unstructured) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.births[object.GetUID()] == nil {
		l.births[object.GetUID()] = object.DeepCopy()
	}
	l.latest[object.GetUID()] = metav1.GetControllerOf(object)
	if event != watch.Deleted {
		return
	}
	delete(l.latest, object.GetUID())
	if object.GetKind() == "Namespace" {
		// What was in it went with it; here nobody tells of each.
		maps.DeleteFunc(l.births, func(_ types.UID, other *unstructured.Unstructured) bool {
			return other.GetNamespace() == object.GetName()
		})
	}
}

func (l *Ledger) seeOwner(event watch.EventType, resource *unstructured.Unstructured) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owners[resource.GetUID()] = event != watch.Deleted
}

// Forgotten lists the objects that nobody owned or found when they were made, and
// those that outlive an owner with whom they were to go.
func (l *Ledger) Forgotten() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Values(l.findings()))
}

// Close drops what Forgotten lists, so that one spec fails of it and no other.
func (l *Ledger) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for uid := range l.findings() {
		delete(l.births, uid)
		delete(l.latest, uid)
	}
}

func (l *Ledger) findings() map[types.UID]string {
	out := map[types.UID]string{}
	for uid, object := range l.births {
		problem := l.problem(object)
		if owner := l.latest[uid]; problem == "" && owner != nil && owner.APIVersion == v1alpha1.GroupVersion.String() && !l.owners[owner.UID] {
			problem = "is still there although " + owner.Kind + " " + owner.Name + " is gone"
		}
		if problem != "" {
			out[uid] = fmt.Sprintf("%s %s/%s %s", object.GetKind(), object.GetNamespace(), object.GetName(), problem)
		}
	}
	return out
}

// problem says why an object would be forgotten, if so.
func (l *Ledger) problem(object *unstructured.Unstructured) string {
	labels, owner := object.GetLabels(), metav1.GetControllerOf(object)
	facility := labels[v1alpha1.LabelPuskesmas]
	switch {
	case !madeByOperator(object):
		return ""
	case labels[v1alpha1.LabelDistrict] == "":
		return "has no label by which it is found"
	case apply.Outlives(object) && len(object.GetOwnerReferences()) > 0:
		return "has an owner, with which it would go"
	case object.GetKind() == "Secret" && !slices.Contains(generated[facility != ""], strings.TrimPrefix(object.GetName(), facility)):
		return "is a Secret of a name that nobody knows"
	case apply.Outlives(object):
		return ""
	case owner == nil:
		return "has no owner"
	case owner.BlockOwnerDeletion == nil || *owner.BlockOwnerDeletion:
		return "would hold its owner up"
	case (owner.Kind == "Puskesmas") != (facility != ""):
		return "is owned by a " + owner.Kind
	}
	if _, known := l.owners[owner.UID]; !known {
		return "is owned by nobody there is"
	}
	return ""
}

func madeByOperator(object *unstructured.Unstructured) bool {
	return slices.ContainsFunc(object.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool { return m.Manager == v1alpha1.ManagerName })
}
