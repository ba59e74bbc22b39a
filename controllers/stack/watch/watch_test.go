package watch

import (
	"context"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/pace"
)

// watched is a Deployment that the operator has applied, and a watch of it.
type watched struct {
	owned *Owned
	// answer is what the API server answered the apply: the operator's echo.
	answer *appsv1.Deployment
}

func watchOne(t *testing.T) watched {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := appsv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	server := fake.NewClientBuilder().WithScheme(scheme).WithReturnManagedFields().Build()
	applier := apply.New(server, server, server, clock.RealClock{}, pace.Default())
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{
			"name": "tebidah-rme", "namespace": "ilp-6105",
			"labels": map[string]any{v1alpha1.LabelManagedBy: v1alpha1.ManagerName, v1alpha1.LabelPuskesmas: "tebidah"},
		},
	}}
	// Twice, so that there is a version before the last one.
	for replicas := range int64(2) {
		_ = unstructured.SetNestedField(object.Object, replicas, "spec", "replicas")
		if err := applier.Apply(t.Context(), []*unstructured.Unstructured{object}, apply.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	w := watched{answer: &appsv1.Deployment{}, owned: &Owned{Applier: applier, Owner: func(_ context.Context, obj client.Object) []reconcile.Request {
		if name := obj.GetLabels()[v1alpha1.LabelPuskesmas]; name != "" {
			return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: name}}}
		}
		return nil
	}}}
	if err := server.Get(t.Context(), client.ObjectKeyFromObject(object), w.answer); err != nil {
		t.Fatal(err)
	}
	return w
}

// shown is the Deployment as the cache shows it, changed as a test says.
func (w watched) shown(t *testing.T, changes ...func(*appsv1.Deployment)) *appsv1.Deployment {
	t.Helper()
	d := w.answer.DeepCopy()
	for _, change := range changes {
		change(d)
	}
	if _, err := live.Strip(d); err != nil {
		t.Fatal(err)
	}
	return d
}

// woken are the resources that an event has woken.
func (w watched) woken(t *testing.T, see func(handler eventHandler, q queue)) []string {
	t.Helper()
	q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer q.ShutDown()
	see(w.owned.handler(live.Deployments), q)
	var names []string
	for q.Len() > 0 {
		request, _ := q.Get()
		q.Done(request)
		names = append(names, request.Name)
	}
	slices.Sort(names)
	return names
}

type eventHandler interface {
	Create(context.Context, event.CreateEvent, queue)
	Update(context.Context, event.UpdateEvent, queue)
	Delete(context.Context, event.DeleteEvent, queue)
}

func serving(d *appsv1.Deployment) {
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}
}

func version(v string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.ResourceVersion = v }
}

// edited is what the managed fields tell when somebody else has taken a field.
func edited(d *appsv1.Deployment) {
	for i := range d.ManagedFields {
		d.ManagedFields[i].FieldsV1 = metav1.NewFieldsV1(`{"f:metadata":{}}`)
	}
}

func labelled(owner string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Labels[v1alpha1.LabelPuskesmas] = owner }
}

func TestWakesItsOwner(t *testing.T) {
	begins := func(d *appsv1.Deployment) { d.Status.Replicas = 1 }
	for name, test := range map[string]struct {
		before, after []func(*appsv1.Deployment)
		want          []string
	}{
		"not by its own echo":                         {after: []func(*appsv1.Deployment){version("9")}},
		"not by a step on the way":                    {after: []func(*appsv1.Deployment){version("9"), begins}},
		"not by a cache that shows the moment before": {after: []func(*appsv1.Deployment){version("1"), edited}},
		"when it has begun to serve":                  {after: []func(*appsv1.Deployment){version("9"), serving}, want: []string{"tebidah"}},
		"when it no longer serves":                    {before: []func(*appsv1.Deployment){serving}, after: []func(*appsv1.Deployment){version("9")}, want: []string{"tebidah"}},
		"when somebody has edited it":                 {after: []func(*appsv1.Deployment){version("9"), edited}, want: []string{"tebidah"}},
		"both, when a label leads to another": {
			after: []func(*appsv1.Deployment){version("9"), edited, labelled("aman")}, want: []string{"aman", "tebidah"},
		},
		"the one before, when the label is gone": {
			after: []func(*appsv1.Deployment){version("9"), edited, labelled("")}, want: []string{"tebidah"},
		},
		"when it is being deleted": {
			after: []func(*appsv1.Deployment){version("9"), func(d *appsv1.Deployment) { d.DeletionTimestamp = &metav1.Time{} }}, want: []string{"tebidah"},
		},
		"when it is another of its name": {
			after: []func(*appsv1.Deployment){version("9"), func(d *appsv1.Deployment) { d.UID = "another" }}, want: []string{"tebidah"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := watchOne(t)
			got := w.woken(t, func(h eventHandler, q queue) {
				h.Update(t.Context(), event.UpdateEvent{ObjectOld: w.shown(t, test.before...), ObjectNew: w.shown(t, test.after...)}, q)
			})
			if !slices.Equal(got, test.want) {
				t.Errorf("it woke %v, want %v", got, test.want)
			}
		})
	}
}

func TestWakesItsOwnerWhenItComesAndGoes(t *testing.T) {
	w := watchOne(t)
	come := func(d *appsv1.Deployment) []string {
		return w.woken(t, func(h eventHandler, q queue) { h.Create(t.Context(), event.CreateEvent{Object: d}, q) })
	}
	if got := come(w.shown(t)); got != nil {
		t.Errorf("the operator's own creation woke %v", got)
	}
	if got := come(w.shown(t, serving)); !slices.Equal(got, []string{"tebidah"}) {
		t.Errorf("one that serves already woke %v", got)
	}
	if got := come(w.shown(t, edited)); !slices.Equal(got, []string{"tebidah"}) {
		t.Errorf("somebody else's creation woke %v", got)
	}
	gone := w.woken(t, func(h eventHandler, q queue) { h.Delete(t.Context(), event.DeleteEvent{Object: w.shown(t)}, q) })
	if !slices.Equal(gone, []string{"tebidah"}) {
		t.Errorf("its deletion woke %v", gone)
	}
	if got := come(w.shown(t)); !slices.Equal(got, []string{"tebidah"}) {
		t.Errorf("one that came after the deletion, and is not the operator's echo, woke %v", got)
	}
}

// TestBegunComesFirst: what is half way up comes before what waits for its turn.
func TestBegunComesFirst(t *testing.T) {
	w := watchOne(t)
	q := priorityqueue.New[reconcile.Request]("watch")
	defer q.ShutDown()
	waits := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "ilp-6105", Name: "waits"}}
	q.Add(waits)
	w.owned.handler(live.Deployments).Update(t.Context(), event.UpdateEvent{ObjectOld: w.shown(t), ObjectNew: w.shown(t, version("9"), serving)}, q)
	if first, priority, _ := q.GetWithPriority(); first.Name != "tebidah" || priority != begun {
		t.Errorf("first came %s with priority %d", first.Name, priority)
	}
}

func TestLostFinalizer(t *testing.T) {
	with := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Finalizers: []string{v1alpha1.Finalizer, "example.test/other"}}}
	without := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Finalizers: []string{"example.test/other"}}}
	going := without.DeepCopy()
	going.DeletionTimestamp = &metav1.Time{}
	lost := LostFinalizer()
	for name, test := range map[string]struct {
		before, after client.Object
		want          bool
	}{
		"lost":             {with, without, true},
		"given":            {without, with, false},
		"kept":             {with, with, false},
		"never had":        {without, without, false},
		"taken at the end": {with, going, false},
	} {
		if got := lost.Update(event.UpdateEvent{ObjectOld: test.before, ObjectNew: test.after}); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	if lost.Create(event.CreateEvent{Object: with}) || lost.Delete(event.DeleteEvent{Object: with}) || lost.Generic(event.GenericEvent{Object: with}) {
		t.Error("it lets through what is no loss")
	}
}

// TestLostStatus: a status that is taken away wakes its resource, one that is
// sent does not.
func TestLostStatus(t *testing.T) {
	at := func(generation int64) client.Object {
		return &v1alpha1.Wave{Status: v1alpha1.WaveStatus{ObservedGeneration: generation}}
	}
	lost := LostStatus()
	for name, test := range map[string]struct {
		before, after int64
		want          bool
	}{
		"is taken away":    {3, -1, true},
		"is emptied":       {3, 0, true},
		"is sent":          {-1, 1, false},
		"is sent again":    {3, 4, false},
		"is not there yet": {-1, -1, false},
	} {
		if got := lost.Update(event.UpdateEvent{ObjectOld: at(test.before), ObjectNew: at(test.after)}); got != test.want {
			t.Errorf("a status that %s wakes its resource: %v, want %v", name, got, test.want)
		}
	}
}
