package parts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/record"
)

const labelComponent = "app.kubernetes.io/component"

type kind = schema.GroupVersionKind

var (
	namespaces  = kind{Version: "v1", Kind: "Namespace"}
	pods        = kind{Version: "v1", Kind: "Pod"}
	claims      = kind{Version: "v1", Kind: "PersistentVolumeClaim"}
	jobs        = kind{Group: "batch", Version: "v1", Kind: "Job"}
	replicaSets = kind{Group: "apps", Version: "v1", Kind: "ReplicaSet"}
)

// reader lists each kind of a namespace once: a district has many objects of few kinds.
type reader struct {
	client    client.Client
	namespace string
	kinds     map[kind]*listing
	// owned are the objects that a controller made for another, by the owner's UID.
	owned map[types.UID][]client.Object
}

// listing is all objects of a kind, or why they cannot be read.
type listing struct {
	objects map[types.NamespacedName]client.Object
	state   State
	message string
}

// list reads the objects of a kind in the form in which health looks at them. Of
// most it is metadata, so that no value of a Secret ever gets here.
func (r *reader) list(ctx context.Context, gvk kind) (*listing, error) {
	if known := r.kinds[gvk]; known != nil {
		return known, nil
	}
	found := &listing{objects: map[types.NamespacedName]client.Object{}}
	r.kinds[gvk] = found
	err := r.fill(ctx, gvk, found)
	switch {
	case meta.IsNoMatchError(err) || apierrors.IsNotFound(err):
		found.state, found.message = Missing, fmt.Sprintf("the cluster has no kind %s of %s", gvk.Kind, gvk.Group)
	case apierrors.IsForbidden(err):
		found.state, found.message = Unknown, "you may not read this kind"
	case err != nil:
		return nil, fmt.Errorf("list %s: %w", gvk.Kind, err)
	}
	return found, nil
}

func (r *reader) fill(ctx context.Context, gvk kind, found *listing) error {
	add := func(o runtime.Object) error {
		if object, ok := o.(client.Object); ok {
			found.objects[client.ObjectKeyFromObject(object)] = object
		}
		return nil
	}
	if gvk == namespaces {
		object := live.Prototype(gvk)
		if err := r.client.Get(ctx, client.ObjectKey{Name: r.namespace}, object); err != nil {
			return client.IgnoreNotFound(err)
		}
		return add(object)
	}
	list := listOf(gvk)
	if err := r.client.List(ctx, list, client.InNamespace(r.namespace)); err != nil {
		return err
	}
	return meta.EachListItem(list, add)
}

func listOf(gvk kind) client.ObjectList {
	switch o := live.Prototype(gvk).(type) {
	case *appsv1.Deployment:
		return &appsv1.DeploymentList{}
	case *batchv1.Job:
		return &batchv1.JobList{}
	case *unstructured.Unstructured:
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(o.GroupVersionKind())
		return list
	}
	switch gvk {
	case pods:
		return &corev1.PodList{}
	case claims:
		return &corev1.PersistentVolumeClaimList{}
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(gvk)
	return list
}

// readOwned reads what controllers make for the operator's objects.
func (r *reader) readOwned(ctx context.Context) error {
	r.owned = map[types.UID][]client.Object{}
	for _, gvk := range []kind{replicaSets, jobs, pods, claims} {
		found, err := r.list(ctx, gvk)
		if err != nil {
			return err
		}
		for _, object := range found.objects {
			if owner := metav1.GetControllerOf(object); owner != nil {
				r.owned[owner.UID] = append(r.owned[owner.UID], object)
			}
		}
	}
	return nil
}

var (
	secrets = kind{Version: "v1", Kind: "Secret"}
	// madeKinds are all that the operator makes.
	madeKinds = slices.Concat(live.BuiltinKinds, cnpg.Kinds, []kind{live.RouteKind, secrets})
)

// made are the operator's objects of a district, by the Puskesmas that they were
// made for; under no name the district's own.
func (r *reader) made(ctx context.Context, code string) (map[string][]*Part, error) {
	made := map[string][]*Part{}
	for _, gvk := range madeKinds {
		found, err := r.list(ctx, gvk)
		if err != nil {
			return nil, err
		}
		for _, object := range found.objects {
			labels := object.GetLabels()
			if labels[v1alpha1.LabelManagedBy] == v1alpha1.ManagerName && labels[v1alpha1.LabelDistrict] == code {
				facility := labels[v1alpha1.LabelPuskesmas]
				made[facility] = append(made[facility], r.part(gvk.Kind, object))
			}
		}
	}
	return made, nil
}

// withData adds to what was found of a writer of records the data that it has
// written down and that was not found.
func (r *reader) withData(ctx context.Context, found []*Part, writer string) ([]*Part, error) {
	namespace, err := r.list(ctx, namespaces)
	if err != nil {
		return nil, err
	}
	var recorded *record.Record
	if object := namespace.objects[types.NamespacedName{Name: r.namespace}]; object != nil {
		if recorded, err = record.Read(object.GetAnnotations(), writer); err != nil {
			return nil, err
		}
	}
	for _, data := range dataOf(recorded, writer) {
		if slices.ContainsFunc(found, func(p *Part) bool { return p.Kind == data.kind.Kind && p.Name == data.name }) {
			continue
		}
		listed, err := r.list(ctx, data.kind)
		if err != nil {
			return nil, err
		}
		part := &Part{Kind: data.kind.Kind, Name: data.name, State: listed.state, Message: listed.message}
		if part.State == "" {
			part.State, part.Message = Missing, "was there and is gone"
		}
		found = append(found, part)
	}
	sortParts(found)
	return found, nil
}

// datum is an object that holds data, or lets it be read.
type datum struct {
	kind kind
	name string
}

// dataOf is what a writer has written down.
func dataOf(recorded *record.Record, writer string) []datum {
	if recorded == nil {
		return nil
	}
	var data []datum
	if writer == record.District && recorded.SystemID != "" {
		cluster := cnpg.Cluster("")
		data = append(data, datum{cluster.GVK, cluster.Key.Name})
	}
	for object := range recorded.Objects {
		kindName, name, _ := strings.Cut(object, "/")
		if i := slices.IndexFunc(madeKinds, func(gvk kind) bool { return gvk.Kind == kindName }); i >= 0 {
			data = append(data, datum{madeKinds[i], name})
		}
	}
	return data
}

// part judges an object and everything that belongs to it.
func (r *reader) part(kind string, object client.Object) *Part {
	p := &Part{Kind: kind, Name: object.GetName(), Object: object, Component: object.GetLabels()[labelComponent]}
	p.State, p.Message = judge(object)
	for _, owned := range r.owned[object.GetUID()] {
		switch o := owned.(type) {
		case *corev1.Pod:
			p.Parts = append(p.Parts, r.part(pods.Kind, o))
		case *corev1.PersistentVolumeClaim:
			p.Parts = append(p.Parts, r.part(claims.Kind, o))
		case *batchv1.Job:
			p.Parts = append(p.Parts, r.part(jobs.Kind, o))
		default:
			p.ReplicaSets = append(p.ReplicaSets, o.GetName())
			p.Parts = append(p.Parts, r.part(replicaSets.Kind, o).Parts...)
		}
	}
	if kind == jobs.Kind && p.State == Ready {
		// It is done; which attempts failed before does not matter any more.
		p.Parts = slices.DeleteFunc(p.Parts, func(pod *Part) bool { return pod.State != Ready })
	}
	sortParts(p.Parts)
	return p
}

// order in which kinds depend on each other; all others follow by name.
var order = []string{"Namespace", "Cluster", "Database", "DatabaseRole", "Job", "Deployment", "Pod", "Service", "Ingress", "HTTPRoute"}

func sortParts(parts []*Part) {
	rank := func(kind string) int {
		if i := slices.Index(order, kind); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortFunc(parts, func(a, b *Part) int {
		return cmp.Or(cmp.Compare(rank(a.Kind), rank(b.Kind)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
}
