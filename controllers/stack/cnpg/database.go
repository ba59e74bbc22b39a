package cnpg

import "slices"

var (
	presence = []string{"present", "absent"}
	reclaim  = []string{"delete", "retain"}
)

// databaseFields are those of Database, which the instance manager of the primary
// carries out by SQL.
var databaseFields = slices.Concat(
	[]Field{
		{
			Path: "spec.ensure", Judgement: Destroys, Why: "absent is DROP DATABASE",
			Refused: "spec: {ensure: absent}", Rendered: "spec: {ensure: present}", Values: presence,
		},
		{
			Path: "spec.databaseReclaimPolicy", Judgement: Destroys, Why: "delete is DROP DATABASE once the object is deleted",
			Refused: "spec: {databaseReclaimPolicy: delete}", Rendered: "spec: {databaseReclaimPolicy: retain}", Values: reclaim,
		},
		{
			Path: "spec.schemas[].ensure", Judgement: Destroys, Why: "absent is DROP SCHEMA",
			Refused: "spec: {schemas: [{name: public, ensure: absent}]}", Rendered: "spec: {schemas: []}", Values: presence,
		},
		{
			Path: "spec.extensions[].ensure", Judgement: Destroys, Why: "absent is DROP EXTENSION, with the types that columns have",
			Refused: "spec: {extensions: [{name: hstore, ensure: absent}]}", Rendered: "spec: {extensions: []}", Values: presence,
		},
		{
			Path: "spec.fdws[].ensure", Judgement: Destroys, Why: "absent is DROP FOREIGN DATA WRAPPER",
			Refused: "spec: {fdws: [{name: files, ensure: absent}]}", Rendered: "spec: {fdws: []}", Values: presence,
		},
		{
			Path: "spec.fdws[].options[].ensure", Judgement: Destroys, Why: "absent takes an option away by which rows are found",
			Refused: "spec: {fdws: [{name: files, options: [{name: path, value: x, ensure: absent}]}]}", Values: presence,
		},
		{
			Path: "spec.servers[].ensure", Judgement: Destroys, Why: "absent is DROP SERVER",
			Refused: "spec: {servers: [{name: lab, fdw: files, ensure: absent}]}", Rendered: "spec: {servers: []}", Values: presence,
		},
		{
			Path: "spec.servers[].options[].ensure", Judgement: Destroys, Why: "absent takes an option away by which rows are found",
			Refused: "spec: {servers: [{name: lab, fdw: files, options: [{name: host, value: x, ensure: absent}]}]}", Values: presence,
		},
	},
	all(Fixed, "the schema lets it be said once only",
		"spec.cluster.name", "spec.name", "spec.template", "spec.encoding", "spec.locale", "spec.localeProvider", "spec.localeCollate",
		"spec.localeCType", "spec.icuLocale", "spec.icuRules", "spec.builtinLocale", "spec.collationVersion"),
	all(Exposes, "who owns the database may read, change and drop all that is in it", "spec.owner"),
	all(Exposes, "any role that may create databases could copy it", "spec.isTemplate"),
	all(Exposes, "who owns a schema may read, change and drop what is in it", "spec.schemas[].owner"),
	all(Exposes, "what is installed runs in PostgreSQL and may reach files and the network",
		"spec.extensions[].name", "spec.extensions[].schema", "spec.extensions[].version",
		"spec.fdws[].name", "spec.fdws[].handler", "spec.fdws[].validator", "spec.fdws[].owner",
		"spec.fdws[].options[].name", "spec.fdws[].options[].value", "spec.fdws[].usage[].name", "spec.fdws[].usage[].type",
		"spec.servers[].name", "spec.servers[].fdw", "spec.servers[].options[].name", "spec.servers[].options[].value",
		"spec.servers[].usage[].name", "spec.servers[].usage[].type"),
	all(Harmless, "a schema that is there stays, one that is not is created empty", "spec.schemas[].name"),
	all(Harmless, "the database cannot be opened, or by fewer at once; its rows stay", "spec.allowConnections", "spec.connectionLimit"),
	all(Harmless, "PostgreSQL moves the files and keeps the rows", "spec.tablespace"),
)

// databaseRoleFields are those of DatabaseRole.
var databaseRoleFields = slices.Concat(
	[]Field{
		{
			Path: "spec.ensure", Judgement: Fixed, Why: "absent is DROP ROLE; the schema refuses it for this kind",
			Rendered: "spec: {ensure: present}", Values: presence,
		},
		{
			Path: "spec.databaseRoleReclaimPolicy", Judgement: Destroys, Why: "delete is DROP ROLE once the object is deleted",
			Refused: "spec: {databaseRoleReclaimPolicy: delete}", Rendered: "spec: {databaseRoleReclaimPolicy: retain}", Values: reclaim,
		},
		{Path: "spec.superuser", Judgement: Exposes, Why: "it may do anything in every database", Rendered: "spec: {superuser: false}"},
		{Path: "spec.createdb", Judgement: Exposes, Why: "it may copy templates and fill the disk", Rendered: "spec: {createdb: false}"},
		{Path: "spec.createrole", Judgement: Exposes, Why: "it may make roles and change their passwords", Rendered: "spec: {createrole: false}"},
		{Path: "spec.replication", Judgement: Exposes, Why: "it may copy every database", Rendered: "spec: {replication: false}"},
		{Path: "spec.bypassrls", Judgement: Exposes, Why: "it sees rows that policies hide", Rendered: "spec: {bypassrls: false}"},
		{Path: "spec.inRoles", Judgement: Exposes, Why: "it has the rights of those roles", Rendered: "spec: {inRoles: []}"},
	},
	all(Fixed, "the schema lets it be said once only", "spec.cluster.name", "spec.name"),
	all(Exposes, "it is another way to be this role", "spec.passwordSecret.name", "spec.clientCertificate.enabled"),
	all(Harmless, "the role may come in, or not; what it owns stays",
		"spec.login", "spec.disablePassword", "spec.validUntil", "spec.connectionLimit", "spec.inherit", "spec.comment"),
)

// scheduledBackupFields are those of ScheduledBackup.
var scheduledBackupFields = slices.Concat(
	[]Field{{
		Path: "spec.backupOwnerReference", Judgement: Destroys, Why: "the backups go with the schedule, or with the cluster that they are for",
		Refused: "spec: {backupOwnerReference: self}", Values: []string{"none", "self", "cluster"},
	}},
	all(Harmless, "when and how backups are taken from now on; those that are there stay",
		"spec.cluster.name", "spec.immediate", "spec.schedule", "spec.suspend", "spec.target", "spec.online", "spec.method",
		"spec.onlineConfiguration.immediateCheckpoint", "spec.onlineConfiguration.waitForArchive"),
	all(Exposes, "the plugin is given all that is backed up", "spec.pluginConfiguration.name", "spec.pluginConfiguration.parameters"),
)
