package harness

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/test/testenv"
)

// World is a simulation: it plays the controllers of Deployments and Jobs and
// CloudNativePG by writing the statuses that they write, at once. Nothing runs.
type World struct {
	client client.WithWatch
	// cnpg is CloudNativePG, which alone may say which data a Cluster serves.
	cnpg client.WithWatch

	mu    sync.Mutex
	rules []rule
	// restored are Clusters, by namespace, that serve data of before.
	restored map[string]string
}

// cloudNativePG is the account of CloudNativePG's operator.
const cloudNativePG = "system:serviceaccount:cnpg-system:cnpg-manager"

// rule is what becomes of the objects of a kind in a namespace whose name
// starts so. Later rules come first.
type rule struct {
	namespace, kind, prefix string
	// image limits the rule to objects that run it; empty is any.
	image   string
	outcome Outcome
}

// Outcome is what becomes of an object.
type Outcome int

// What can become of an object.
const (
	Succeeds Outcome = iota
	// Hangs is never looked at by its controller.
	Hangs
	// Fails reports a failure.
	Fails
	// InUse is a database that somebody is connected to: it cannot be dropped.
	InUse
	// GivenUp is a Cluster of which CloudNativePG says that it is lost.
	GivenUp
)

// finalizerCloudNativePG is how CloudNativePG drops a database before its
// Database goes.
const finalizerCloudNativePG = "cnpg.io/deleteDatabase"

// The kinds that World plays the controllers of.
var (
	DeploymentKind = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	JobKind        = schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}
	ClusterKind    = schema.GroupVersionKind{Group: "postgresql.cnpg.io", Version: "v1", Kind: "Cluster"}
	DatabaseKind   = schema.GroupVersionKind{Group: "postgresql.cnpg.io", Version: "v1", Kind: "Database"}
	RoleKind       = schema.GroupVersionKind{Group: "postgresql.cnpg.io", Version: "v1", Kind: "DatabaseRole"}
	simulatedKinds = []schema.GroupVersionKind{DeploymentKind, JobKind, ClusterKind, DatabaseKind, RoleKind}
)

// StartWorld plays from now on, until the context ends.
func StartWorld(ctx context.Context, e *testenv.Environment) *World {
	c := e.Client
	w := &World{client: c, cnpg: e.As(cloudNativePG), restored: map[string]string{}}
	for _, gvk := range simulatedKinds {
		Follow(ctx, c, gvk, func(event watch.EventType, object *unstructured.Unstructured) {
			if event != watch.Deleted {
				w.play(ctx, object)
			}
		})
	}
	return w
}

// Let says what becomes of objects from now on, and of those that are there.
func (w *World) Let(ctx context.Context, d *District, kind, prefix string, o Outcome) {
	GinkgoHelper()
	w.LetImage(ctx, d, kind, prefix, "", o)
}

// LetImage is let for the objects that run one image.
func (w *World) LetImage(ctx context.Context, d *District, kind, prefix, image string, o Outcome) {
	GinkgoHelper()
	w.mu.Lock()
	w.rules = append(w.rules, rule{d.Namespace, kind, prefix, image, o})
	w.mu.Unlock()
	for _, gvk := range simulatedKinds {
		if gvk.Kind != kind {
			continue
		}
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		Expect(w.client.List(ctx, list, client.InNamespace(d.Namespace))).To(Succeed())
		for i := range list.Items {
			w.play(ctx, &list.Items[i])
		}
	}
}

func (w *World) outcomeOf(object *unstructured.Unstructured) Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.rules) - 1; i >= 0; i-- {
		r := w.rules[i]
		if r.namespace == object.GetNamespace() && r.kind == object.GetKind() && strings.HasPrefix(object.GetName(), r.prefix) &&
			(r.image == "" || r.image == imageOf(object)) {
			return r.outcome
		}
	}
	return Succeeds
}

// imageOf is the image of a workload's first container.
func imageOf(object *unstructured.Unstructured) string {
	containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
	if len(containers) == 0 {
		return ""
	}
	container, _ := containers[0].(map[string]any)
	image, _ := container["image"].(string)
	return image
}

// play writes the status that the object's controller would write. It fails
// when the object has changed or gone meanwhile; then there is another event.
func (w *World) play(ctx context.Context, object *unstructured.Unstructured) {
	o := w.outcomeOf(object)
	if o == Hangs {
		return
	}
	var status map[string]any
	switch object.GetKind() {
	case "Deployment":
		status = deploymentStatus(object, o)
	case "Job":
		status = jobStatus(object, o)
	case "Cluster":
		status = clusterStatus(object, o, w.systemID(object))
	default:
		o = w.atPostgres(ctx, object, o)
		if w.finalize(ctx, object, o) {
			return
		}
		status = appliedStatus(object, o)
	}
	if status == nil {
		return
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": object.GetUID(), "resourceVersion": object.GetResourceVersion()},
		"status":   status,
	})
	Expect(err).NotTo(HaveOccurred())
	as := w.client
	if object.GetKind() == "Cluster" {
		as = w.cnpg
	}
	err = as.Status().Patch(ctx, object.DeepCopy(), client.RawPatch(types.MergePatchType, patch), client.FieldOwner("world"))
	if err != nil && ctx.Err() == nil {
		GinkgoWriter.Printf("world: status of %s %s/%s: %v\n", object.GetKind(), object.GetNamespace(), object.GetName(), err)
	}
}

// atPostgres is what becomes of a Database or DatabaseRole: a database is not
// dropped while a pod of its facility runs, nor a role before its database.
func (w *World) atPostgres(ctx context.Context, object *unstructured.Unstructured, o Outcome) Outcome {
	database, deleted := object.GetKind() == "Database", object.GetDeletionTimestamp() != nil
	ensure, _, _ := unstructured.NestedString(object.Object, "spec", "ensure")
	policy, _, _ := unstructured.NestedString(object.Object, "spec", "databaseReclaimPolicy")
	if !database {
		policy, _, _ = unstructured.NestedString(object.Object, "spec", "databaseRoleReclaimPolicy")
	}
	if dropped := ensure == "absent" || (deleted && policy == "delete"); o != Succeeds || !dropped {
		return o
	}
	labels := client.MatchingLabels{v1alpha1.LabelPuskesmas: object.GetLabels()[v1alpha1.LabelPuskesmas]}
	if !database {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(DatabaseKind.GroupVersion().WithKind("DatabaseList"))
		Expect(w.client.List(ctx, list, client.InNamespace(object.GetNamespace()), labels)).To(Succeed())
		for _, other := range list.Items {
			ensure, _, _ := unstructured.NestedString(other.Object, "spec", "ensure")
			applied, _, _ := unstructured.NestedBool(other.Object, "status", "applied")
			if seen, _, _ := unstructured.NestedInt64(other.Object, "status", "observedGeneration"); seen > 0 && (!applied || ensure != "absent") {
				return Fails
			}
		}
		return Succeeds
	}
	pods := &corev1.PodList{}
	if err := w.client.List(ctx, pods, client.InNamespace(object.GetNamespace()), labels); err != nil || len(pods.Items) > 0 {
		return InUse
	}
	return Succeeds
}

// finalize holds a Database until its database is dropped, as CloudNativePG
// does: it tells of a drop that fails only where `ensure` asks for it, and of
// roles.
func (w *World) finalize(ctx context.Context, object *unstructured.Unstructured, o Outcome) bool {
	after := object.DeepCopy()
	switch {
	case object.GetDeletionTimestamp() == nil:
		if !controllerutil.AddFinalizer(after, finalizerCloudNativePG) {
			return false
		}
	case o == Succeeds:
		controllerutil.RemoveFinalizer(after, finalizerCloudNativePG)
	default:
		return object.GetKind() == "Database"
	}
	_ = w.client.Patch(ctx, after, client.MergeFromWithOptions(object, client.MergeFromWithOptimisticLock{}), client.FieldOwner("world"))
	return true
}

// systemID is PostgreSQL's identifier of the data that a Cluster serves: each
// Cluster has new data, unless it was restored.
func (w *World) systemID(c *unstructured.Unstructured) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id := w.restored[c.GetNamespace()]; id != "" {
		return id
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.GetUID()))
	return strconv.FormatUint(h.Sum64(), 10)
}

// Restore has the district's Cluster, whenever it is made, serve data of before.
func (w *World) Restore(d *District, systemID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.restored[d.Namespace] = systemID
}
