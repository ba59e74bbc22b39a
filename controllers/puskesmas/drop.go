package puskesmas

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/status"
)

// Steps of a deletion with data, for people.
const (
	stepUsers    = "step 1 of 3, stop what uses the database"
	stepDatabase = "step 2 of 3, drop the database"
	stepRole     = "step 3 of 3, drop the role and delete the rest"
)

// data are the facility's objects that stand for what PostgreSQL holds.
type data struct {
	databases, roles []*unstructured.Unstructured
}

// findData reads them from the API server; what is gone, or somebody else's, is
// not among them.
func (r *Reconciler) findData(ctx context.Context, s *scope) (*data, error) {
	refs, err := r.Applier.Find(ctx, s.puskesmas.Namespace, s.ownerLabels(), cnpg.Databases, cnpg.DatabaseRoles)
	if err != nil {
		return nil, err
	}
	found := &data{}
	for _, ref := range refs {
		obj, err := r.read(ctx, ref.GVK, ref.Key)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", ref, err)
		}
		switch {
		case obj == nil || !s.owner().Owns(obj):
		case ref.GVK == cnpg.Databases:
			found.databases = append(found.databases, obj)
		default:
			found.roles = append(found.roles, obj)
		}
	}
	return found, nil
}

// begun reports whether PostgreSQL has been told to drop a database.
func (d *data) begun(code string) bool {
	for _, database := range d.databases {
		if ordered(database, code) {
			return true
		}
	}
	return false
}

// ordered reports whether a Database carries the order to drop it.
func ordered(database *unstructured.Unstructured, code string) bool {
	ensure, _, _ := unstructured.NestedString(database.Object, "spec", "ensure")
	return ensure == "absent" && database.GetAnnotations()[v1alpha1.AnnotationDeleteData] == code
}

// dropDatabase has PostgreSQL drop the database, by `ensure: absent`: of a drop
// that fails in a Database's finalizer CloudNativePG tells in its log only. The
// resource itself stays for now.
func (r *Reconciler) dropDatabase(ctx context.Context, s *scope, database *unstructured.Unstructured) error {
	applied, _, _ := unstructured.NestedBool(database.Object, "status", "applied")
	seen, _, _ := unstructured.NestedInt64(database.Object, "status", "observedGeneration")
	message, _, _ := unstructured.NestedString(database.Object, "status", "message")
	begun := ordered(database, s.districtCode())
	if begun && applied && seen >= database.GetGeneration() {
		return nil
	}
	cluster, err := r.clusterOf(ctx, database)
	if err != nil || cluster == nil {
		return err // without a Cluster nothing holds the database any more
	}
	if err := r.unable(s, cluster, begun); err != nil {
		return err
	}
	waiting := "waiting for PostgreSQL to drop database " + s.databaseName()
	switch {
	case !begun:
		spec := map[string]any{"ensure": "absent", "databaseReclaimPolicy": "delete"}
		if err := r.order(ctx, s, database, spec); err != nil {
			return err
		}
	case seen == 0 && strings.Contains(message, "already managed by object"):
		return nil // PostgreSQL's database is another Database's, and stays
	case database.GetDeletionTimestamp() != nil:
		// Somebody has deleted it already; then the finalizer drops it.
		waiting = fmt.Sprintf("waiting for CloudNativePG to drop database %s. If it stays so, the log says why: kubectl logs -n %s %s -c postgres",
			s.databaseName(), s.puskesmas.Namespace, cnpg.Primary(cluster))
	case !applied && message != "":
		waiting = fmt.Sprintf("PostgreSQL does not drop database %s: %s. It is tried again every 30 seconds. Whoever else is connected, such as a backup, a person's psql or a port-forward, has to end: "+
			"kubectl exec -n %s %s -c postgres -- psql -c \"SELECT pid, usename, application_name, client_addr FROM pg_stat_activity WHERE datname = '%s'\"",
			s.databaseName(), message, s.puskesmas.Namespace, cnpg.Primary(cluster), s.databaseName())
	}
	return r.dropping(s, stepDatabase, waiting)
}

// dropRole has CloudNativePG drop the role before its resource goes, and waits
// until that is gone.
func (r *Reconciler) dropRole(ctx context.Context, s *scope, role *unstructured.Unstructured) error {
	cluster, err := r.clusterOf(ctx, role)
	if err != nil {
		return err
	}
	if cluster != nil {
		if err := r.unable(s, cluster, true); err != nil {
			return err
		}
	}
	if policy, _, _ := unstructured.NestedString(role.Object, "spec", "databaseRoleReclaimPolicy"); policy != "delete" {
		if err := r.order(ctx, s, role, map[string]any{"databaseRoleReclaimPolicy": "delete"}); err != nil {
			return err
		}
	}
	waiting := "waiting for CloudNativePG to drop role " + s.databaseName()
	applied, found, _ := unstructured.NestedBool(role.Object, "status", "applied")
	if message, _, _ := unstructured.NestedString(role.Object, "status", "message"); role.GetDeletionTimestamp() != nil && found && !applied && message != "" {
		waiting = fmt.Sprintf("the database is gone, and PostgreSQL does not drop its role %s: %s. It is tried again every 30 seconds; take from the role what the message names", s.databaseName(), message)
	}
	return r.release(ctx, s, role, stepRole, waiting)
}

// order writes what drops data, together with the consent that the policies ask
// for, from the operator too.
func (r *Reconciler) order(ctx context.Context, s *scope, obj *unstructured.Unstructured, spec map[string]any) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"uid":         obj.GetUID(),
			"annotations": map[string]any{v1alpha1.AnnotationDeleteData: s.districtCode()},
		},
		"spec": spec,
	})
	if err != nil {
		return err
	}
	if err := r.Client.Patch(ctx, obj, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(v1alpha1.ManagerName)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("order the drop of %s: %w", inventory.RefOf(obj), err)
	}
	return nil
}

// release deletes a resource of CloudNativePG, and waits until it is gone.
func (r *Reconciler) release(ctx context.Context, s *scope, obj *unstructured.Unstructured, step, waiting string) error {
	ref := inventory.RefOf(obj)
	if obj.GetDeletionTimestamp() == nil {
		uid := obj.GetUID()
		if err := r.Client.Delete(ctx, obj, client.Preconditions{UID: &uid}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete %s: %w", ref, err)
		}
	}
	left, err := r.read(ctx, ref.GVK, ref.Key)
	if err != nil {
		return fmt.Errorf("read %s: %w", ref, err)
	}
	if left != nil && left.GetUID() == obj.GetUID() {
		return r.dropping(s, step, waiting)
	}
	return nil
}

// dropping tells of a step that is waited for.
func (r *Reconciler) dropping(s *scope, step, waiting string) error {
	s.conditions.False(v1alpha1.ConditionDatabaseReady, v1alpha1.ReasonDeleting, step+": "+waiting)
	return status.Waiting(r.Pace.DropRecheck, v1alpha1.ReasonDeleting, "%s: %s", step, waiting)
}

// clusterOf reads the Cluster that holds a Database; it is nil if that is gone.
func (r *Reconciler) clusterOf(ctx context.Context, database *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	name, _, _ := unstructured.NestedString(database.Object, "spec", "cluster", "name")
	cluster, err := r.read(ctx, cnpg.Clusters, types.NamespacedName{Namespace: database.GetNamespace(), Name: name})
	if err != nil {
		return nil, fmt.Errorf("read Cluster %s: %w", name, err)
	}
	return cluster, nil
}

// unable says why PostgreSQL can drop nothing now, if so. Then nothing is
// ordered, so that nothing is dropped at some time later.
func (r *Reconciler) unable(s *scope, cluster *unstructured.Unstructured, begun bool) error {
	instead := ""
	if !begun {
		instead = ". To keep the data instead, take spec.consent out of this Puskesmas"
	}
	instances, _, _ := unstructured.NestedInt64(cluster.Object, "status", "readyInstances")
	switch {
	case cluster.GetDeletionTimestamp() != nil:
		return r.dropping(s, stepDatabase, "PostgreSQL itself is being deleted, with all its databases")
	case cluster.GetAnnotations()[cnpg.AnnotationHibernation] == cnpg.HibernationOn:
		message := fmt.Sprintf("%s: PostgreSQL is stopped and drops nothing: set spec.state of District %s to Active, or apply that District again if it is gone%s", stepDatabase, s.districtCode(), instead)
		s.conditions.False(v1alpha1.ConditionDatabaseReady, v1alpha1.ReasonHibernated, message)
		return &status.Stop{Stalled: true, Reason: v1alpha1.ReasonDependencyNotReady, Message: message, RetryAfter: r.Pace.StoppedRecheck}
	case !cnpg.IsReady(cluster) && instances == 0:
		return r.dropping(s, stepDatabase, fmt.Sprintf("PostgreSQL does not run (%s) and drops nothing; see DatabaseReady of the District%s", cnpg.Phase(cluster), instead))
	}
	return nil
}

// read reads an object from the API server; it is nil if there is none, or no
// such kind.
func (r *Reconciler) read(ctx context.Context, gvk schema.GroupVersionKind, key types.NamespacedName) (*unstructured.Unstructured, error) {
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(gvk)
	err := r.APIReader.Get(ctx, key, obj)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nil, nil
	}
	return obj, err
}
