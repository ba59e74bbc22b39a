package cnpg

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"ilp.health/operator/controllers/stack/inventory"
)

// Group is the API group of the database operator; its kinds are handled without
// importing its module.
const Group = "postgresql.cnpg.io"

// Kinds that the operator makes.
var (
	Clusters         = kind("Cluster")
	Databases        = kind("Database")
	DatabaseRoles    = kind("DatabaseRole")
	ScheduledBackups = kind("ScheduledBackup")
	// Kinds are all of them.
	Kinds = []schema.GroupVersionKind{Clusters, Databases, DatabaseRoles, ScheduledBackups}
)

func kind(name string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: Group, Version: "v1", Kind: name}
}

const (
	// Name of the Cluster in each district's namespace.
	Name = "database"
	// Host is the Service by which the pods of that namespace reach its primary.
	Host = Name + "-rw"
	// OperatorNamespace is where CloudNativePG's own manifest installs it.
	OperatorNamespace = "cnpg-system"
)

const (
	// LabelCluster is on all that CloudNativePG makes for a Cluster, and names it.
	LabelCluster = "cnpg.io/cluster"
	// LabelPodRole says what a pod is for.
	LabelPodRole = "cnpg.io/podRole"
	// PodRoleServer is the role of the pods of PostgreSQL's servers.
	PodRoleServer = "instance"
	// LabelVolumeRole says what a volume claim is for.
	LabelVolumeRole = "cnpg.io/pvcRole"
	// VolumeRoleData is the role of the claims with the data of PostgreSQL.
	VolumeRoleData = "PG_DATA"
	// ServerContainer is the container of a server's pod that runs PostgreSQL.
	ServerContainer = "postgres"
	// AnnotationHibernation says whether PostgreSQL is stopped, with its volumes kept.
	AnnotationHibernation = "cnpg.io/hibernation"
	// HibernationOn stops PostgreSQL.
	HibernationOn = "on"
	// HibernationOff lets it run.
	HibernationOff = "off"
)

// Cluster is the PostgreSQL of a district's namespace.
func Cluster(namespace string) inventory.Ref {
	return inventory.Ref{GVK: Clusters, Key: types.NamespacedName{Namespace: namespace, Name: Name}}
}
