package cnpg

import "slices"

// clusterFields are those of Cluster.
var clusterFields = slices.Concat(
	clusterDestroys,
	clusterRoles,
	// At birth.
	all(Harmless, "read once, when the first volume is empty; the method and the names are judged above", "spec.bootstrap.initdb.*"),
	all(Exposes, "SQL that runs as superuser when the first volume is empty",
		"spec.bootstrap.initdb.postInitSQL", "spec.bootstrap.initdb.postInitApplicationSQL", "spec.bootstrap.initdb.postInitTemplateSQL",
		"spec.bootstrap.initdb.postInitSQLRefs.*", "spec.bootstrap.initdb.postInitApplicationSQLRefs.*",
		"spec.bootstrap.initdb.postInitTemplateSQLRefs.*", "spec.bootstrap.initdb.import.*"),
	// Volumes.
	all(Fixed, "CloudNativePG refuses to shrink it, and Kubernetes to shrink the claim", "spec.storage.size", "spec.walStorage.size", "spec.tablespaces[].storage.size"),
	all(Harmless, "only volumes that are still to be made have it",
		"spec.storage.storageClass", "spec.walStorage.storageClass", "spec.tablespaces[].storage.storageClass",
		"spec.storage.pvcTemplate.*", "spec.walStorage.pvcTemplate.*", "spec.tablespaces[].storage.pvcTemplate.*"),
	all(Harmless, "whether a volume grows while it is in use",
		"spec.storage.resizeInUseVolumes", "spec.walStorage.resizeInUseVolumes", "spec.tablespaces[].storage.resizeInUseVolumes"),
	all(Harmless, "whose a tablespace is, or what it is for; its files stay", "spec.tablespaces[].owner.name", "spec.tablespaces[].temporary"),
	all(Fixed, "CloudNativePG refuses the change: the files would be somebody else's", "spec.postgresUID", "spec.postgresGID"),
	// Copies: the primary is never the one that goes.
	all(Harmless, "fewer instances delete replicas with their volumes, never the primary", "spec.instances"),
	all(Harmless, "how much of the last moment a replica may lack when it takes over",
		"spec.minSyncReplicas", "spec.maxSyncReplicas", "spec.postgresql.synchronous.*", "spec.postgresql.syncReplicaElectionConstraint.*",
		"spec.failoverDelay", "spec.switchoverDelay", "spec.postgresql.promotionTimeout", "spec.primaryLease.*"),
	all(Harmless, "slots keep WAL for replicas; without them a replica is made anew from the primary", "spec.replicationSlots.*"),
	// Backups.
	all(Exposes, "where everything is copied to, and by whose keys", "spec.backup.barmanObjectStore.*"),
	all(Harmless, "how backups are taken from now on",
		"spec.backup.target", "spec.backup.volumeSnapshot.annotations", "spec.backup.volumeSnapshot.labels",
		"spec.backup.volumeSnapshot.className", "spec.backup.volumeSnapshot.walClassName", "spec.backup.volumeSnapshot.tablespaceClassName",
		"spec.backup.volumeSnapshot.online", "spec.backup.volumeSnapshot.onlineConfiguration.*"),
	// Ways in.
	all(Exposes, "who may come in, and as whom",
		"spec.enableSuperuserAccess", "spec.superuserSecret.name", "spec.postgresql.pg_hba", "spec.postgresql.pg_ident",
		"spec.postgresql.ldap.*", "spec.podSelectorRefs[].*", "spec.certificates.*"),
	all(Exposes, "code that runs in PostgreSQL or beside it",
		"spec.postgresql.extensions[].*", "spec.postgresql.shared_preload_libraries", "spec.postgresql.enableAlterSystem",
		"spec.plugins[].*", "spec.monitoring.customQueriesConfigMap[].*", "spec.monitoring.customQueriesSecret[].*"),
	all(Exposes, "what the pods are given, and may do",
		"spec.env[].*", "spec.envFrom[].*", "spec.projectedVolumeTemplate.*", "spec.podSecurityContext.*", "spec.securityContext.*",
		"spec.seccompProfile.*", "spec.serviceAccountName", "spec.serviceAccountTemplate.*", "spec.imagePullSecrets[].name",
		"spec.priorityClassName", "spec.schedulerName"),
	all(Exposes, "another PostgreSQL, and by whose keys", "spec.externalClusters[].*"),
	all(Exposes, "further Services in front of PostgreSQL", "spec.managed.services.additional[].*"),
	all(Exposes, "metrics without TLS", "spec.monitoring.tls.enabled"),
	// Where and how it runs.
	all(Harmless, "where pods run; a volume that cannot follow keeps its pod waiting",
		"spec.affinity.additionalPodAffinity.*", "spec.affinity.additionalPodAntiAffinity.*", "spec.affinity.nodeAffinity.*",
		"spec.affinity.tolerations[].*", "spec.affinity.nodeSelector", "spec.affinity.enablePodAntiAffinity",
		"spec.affinity.podAntiAffinityType", "spec.affinity.topologyKey", "spec.topologySpreadConstraints[].*"),
	all(Harmless, "when pods start, stop, and count as alive",
		"spec.probes.*", "spec.livenessProbeTimeout", "spec.startDelay", "spec.stopDelay", "spec.smartShutdownTimeout", "spec.enablePDB",
		"spec.primaryUpdateMethod", "spec.primaryUpdateStrategy", "spec.nodeMaintenanceWindow.inProgress"),
	all(Harmless, "what pods may use; nothing in it outlives them",
		"spec.resources.*", "spec.ephemeralVolumeSource.*", "spec.ephemeralVolumesSizeLimit.*", "spec.imagePullPolicy"),
	all(Harmless, "without its Service nobody reaches PostgreSQL; its rows stay", "spec.managed.services.disabledDefaultServices"),
	all(Harmless, "what is told of it",
		"spec.description", "spec.logLevel", "spec.monitoring.disableDefaultQueries", "spec.monitoring.enablePodMonitor",
		"spec.monitoring.metricsQueriesTTL", "spec.monitoring.podMonitorMetricRelabelings[].*", "spec.monitoring.podMonitorRelabelings[].*"),
)

var clusterDestroys = []Field{
	{
		Path: "spec.managed.roles[].ensure", Judgement: Destroys, Why: "absent is DROP ROLE",
		Refused: "spec: {managed: {roles: [{name: pws, ensure: absent}]}}", Rendered: "spec: {managed: {roles: []}}", Values: presence,
	},
	{
		Path: "spec.nodeMaintenanceWindow.reusePVC", Judgement: Destroys, Why: "in a maintenance window the volumes of a pod that finds no node are deleted",
		Refused: "spec: {nodeMaintenanceWindow: {reusePVC: false}}", Rendered: "spec: {nodeMaintenanceWindow: {inProgress: false, reusePVC: true}}",
	},
	{
		Path: "spec.imageName", Judgement: Destroys, Change: true, Why: "another major version converts the data directory, without a way back",
		Refused: "spec: {imageName: 'registry:5000/postgresql:16-bookworm'}",
	},
	{
		Path: "spec.imageCatalogRef.*", Judgement: Destroys, Change: true, Why: "the catalogue's entry chooses the major version, as imageName does",
		Refused: "spec: {imageName: null, imageCatalogRef: {apiGroup: postgresql.cnpg.io, kind: ImageCatalog, name: postgresql, major: 16}}",
	},
	{
		Path: "spec.replica.*", Judgement: Destroys, Change: true, Why: "a primary becomes a replica, whose rows the other's replace",
		Refused: "spec: {replica: {enabled: true, source: other}}",
	},
	{
		Path: "spec.replica.primary", Judgement: Destroys, Change: true, Why: "it says by name which cluster is not a replica",
		Refused: "spec: {replica: {primary: other, source: other}}",
	},
	{
		Path: "spec.bootstrap.recovery.*", Judgement: Destroys, Change: true, Why: "an empty first volume is filled from there",
		Refused: "spec: {bootstrap: {initdb: null, recovery: {source: other}}}",
	},
	{
		Path: "spec.bootstrap.pg_basebackup.*", Judgement: Destroys, Change: true, Why: "an empty first volume is filled from there",
		Refused: "spec: {bootstrap: {initdb: null, pg_basebackup: {source: other}}}",
	},
	{
		Path: "spec.bootstrap.initdb.database", Judgement: Destroys, Change: true, Why: "it is what CloudNativePG takes for the application's database",
		Refused: "spec: {bootstrap: {initdb: {database: p6107080201}}}", Rendered: "spec: {bootstrap: {initdb: {database: pws}}}",
	},
	{
		Path: "spec.bootstrap.initdb.owner", Judgement: Destroys, Change: true, Why: "CloudNativePG gives this role a password of its own",
		Refused: "spec: {bootstrap: {initdb: {owner: p6107080201}}}", Rendered: "spec: {bootstrap: {initdb: {owner: pws}}}",
	},
	{
		Path: "spec.tablespaces[].name", Judgement: Destroys, Change: true, Why: "without its entry a tablespace's volume is no longer there for PostgreSQL",
		Refused: "spec: {tablespaces: []}",
	},
	{
		Path: "spec.backup.retentionPolicy", Judgement: Destroys, Change: true, Why: "a shorter one deletes the backups that are older",
		Refused: "spec: {backup: {retentionPolicy: 7d}}",
	},
	{
		Path: "spec.backup.volumeSnapshot.snapshotOwnerReference", Judgement: Destroys, Why: "snapshots go with the backup, or with the cluster that they are for",
		Refused: "spec: {backup: {volumeSnapshot: {snapshotOwnerReference: cluster}}}", Values: []string{"none", "cluster", "backup"},
	},
	{
		Path: "spec.inheritedMetadata.annotations", Judgement: Destroys, Why: "CloudNativePG's own annotations on every pod and volume are orders",
		Refused: "spec: {inheritedMetadata: {annotations: {alpha.cnpg.io/unrecoverable: 'true'}}}",
	},
	{
		Path: "spec.inheritedMetadata.labels", Judgement: Destroys, Why: "CloudNativePG's own labels say whose a pod or a volume is",
		Refused:  "spec: {inheritedMetadata: {labels: {cnpg.io/instanceName: database-2}}}",
		Rendered: "spec: {inheritedMetadata: {labels: {ilp.health/stateful: 'true', ilp.health/district: '61.05'}}}",
	},
	{
		Path: "spec.postgresql.parameters", Judgement: Destroys, Why: "with some of them PostgreSQL loses rows in a power cut, or overwrites damaged ones",
		Refused: "spec: {postgresql: {parameters: {fsync: 'off'}}}",
	},
}

// clusterRoles can do what a DatabaseRole can.
var clusterRoles = slices.Concat(
	all(Exposes, "a role with rights, or another way to be it",
		"spec.managed.roles[].name", "spec.managed.roles[].superuser", "spec.managed.roles[].createdb", "spec.managed.roles[].createrole",
		"spec.managed.roles[].replication", "spec.managed.roles[].bypassrls", "spec.managed.roles[].inRoles", "spec.managed.roles[].passwordSecret.name"),
	all(Harmless, "the role may come in, or not; what it owns stays",
		"spec.managed.roles[].login", "spec.managed.roles[].disablePassword", "spec.managed.roles[].validUntil",
		"spec.managed.roles[].connectionLimit", "spec.managed.roles[].inherit", "spec.managed.roles[].comment"),
)
