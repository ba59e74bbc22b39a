package cnpg

// Metadata are the labels and annotations that CloudNativePG reads or writes, by
// their key.
var Metadata = judged(map[Judgement][]string{
	// Refused by policy keep-data-fields, on the object that has them.
	Destroys: {
		"cnpg.io/validation", "cnpg.io/skipEmptyWalArchiveCheck", "cnpg.io/skipWalArchiving", "cnpg.io/podPatch", "alpha.cnpg.io/unrecoverable",
	},
	// By these CloudNativePG knows the volumes of an instance. On claims only it may
	// change any key of its own (policy keep-data-identity).
	Fixed: {
		"cnpg.io/cluster", "cnpg.io/instanceName", "cnpg.io/instanceRole", "cnpg.io/pvcRole", "cnpg.io/pvcStatus", "cnpg.io/nodeSerial",
		"cnpg.io/tablespaceName", "cnpg.io/majorVersion",
	},
	// Passwords as they are, plugins, a profiler: ways in.
	Exposes: {
		"cnpg.io/passwordPassthrough", "cnpg.io/podRole", "cnpg.io/poolerName", "cnpg.io/pluginName", "cnpg.io/pluginClientSecret",
		"cnpg.io/pluginServerSecret", "cnpg.io/pluginPort", "cnpg.io/pluginServerName", "alpha.cnpg.io/enableInstancePprof", "cnpg.io/coredumpFilter",
	},
	// They stop or delay PostgreSQL or its operator, or are only told.
	Harmless: {
		"cnpg.io/hibernation", "cnpg.io/fencedInstances", "cnpg.io/reconciliationLoop", "cnpg.io/reconcilePodSpec", "cnpg.io/reload",
		"cnpg.io/reloadedAt", "alpha.cnpg.io/livenessPinger", "alpha.cnpg.io/failoverQuorum", "cnpg.io/jobRole", "cnpg.io/userType",
		"cnpg.io/backupName", "cnpg.io/immediateBackup", "cnpg.io/scheduled-backup", "cnpg.io/backupTimeline", "cnpg.io/backupYear",
		"cnpg.io/backupMonth", "cnpg.io/backupDate", "cnpg.io/onlineBackup", "cnpg.io/isManaged", "cnpg.io/operatorVersion",
		"cnpg.io/hibernateClusterManifest", "cnpg.io/hibernatePgControlData", "cnpg.io/podEnvHash", "cnpg.io/podSpec",
		"cnpg.io/clusterManifest", "cnpg.io/pgControldata", "cnpg.io/forceLegacyBackup", "cnpg.io/poolerSpecHash", "cnpg.io/managedSecrets",
		"cnpg.io/hash", "cnpg.io/backupStartWAL", "cnpg.io/backupEndWAL", "cnpg.io/backupStartTime", "cnpg.io/backupEndTime",
		"cnpg.io/backupLabelFile", "cnpg.io/backupTablespaceMapFile", "cnpg.io/volumeSnapshotDeadline", "cnpg.io/snapshotStartTime",
		"cnpg.io/snapshotEndTime", "cnpg.io/updateStrategy", "cnpg.io/lastAppliedSpec",
	},
})

func judged(keys map[Judgement][]string) map[string]Judgement {
	out := map[string]Judgement{}
	for judgement, list := range keys {
		for _, key := range list {
			out[key] = judgement
		}
	}
	return out
}
