package v1alpha1

// DatabaseSpec is the district's PostgreSQL, run by CloudNativePG.
type DatabaseSpec struct {
	// instances is the number of PostgreSQL servers: one primary, the others
	// follow it. 1 (default) survives a restart, 2 and more survive a node.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=9
	Instances int32 `json:"instances,omitempty"`
	// storage of each instance. It can grow where the StorageClass allows it, and
	// never shrinks below what the volumes have (status.storage).
	// +required
	Storage StorageSize `json:"storage,omitempty"`
	// storageClassName of the volumes; the cluster's default class otherwise. It
	// cannot change once there are volumes.
	// +optional
	StorageClassName ObjectName `json:"storageClassName,omitempty"`
	// resources of each instance.
	// +optional
	Resources ResourceRequirements `json:"resources,omitzero"`
	// parameters of postgresql.conf, such as max_connections.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^[a-z_][a-z0-9_]*([.][a-z_][a-z0-9_]*)?$'))",message="a parameter's name is written in lower case, such as max_connections"
	// +kubebuilder:validation:XValidation:rule="!self.exists(k, k.matches('^(fsync|full_page_writes|synchronous_commit|wal_sync_method|zero_damaged_pages|ignore_.*|data_sync_retry|allow_.*|session_replication_role)$'))",message="fsync, full_page_writes, synchronous_commit, wal_sync_method, zero_damaged_pages, ignore_*, data_sync_retry, allow_*, session_replication_role would lose or corrupt records: take it out"
	// +kubebuilder:validation:XValidation:rule="!self.exists(k, k.matches('^(wal_level|wal_log_hints|archive_.*|restore_command|recovery_.*|hot_standby|promote_trigger_file|primary_.*|max_wal_senders|synchron.*_standby_.*)$'))",message="wal_level, wal_log_hints, archive_*, restore_command, recovery_*, hot_standby, promote_trigger_file, primary_*, max_wal_senders, synchron*_standby_* would break backups and replicas: take it out"
	// +kubebuilder:validation:XValidation:rule="!self.exists(k, k.matches('^(ssl|ssl_.*|password_encryption|scram_iterations|krb_.*|gss_.*|db_user_namespace|oauth_.*|lo_compat_privileges|listen_addresses|port|unix_socket_.*|bonjour.*)$'))",message="ssl, ssl_*, password_encryption, scram_iterations, krb_*, gss_*, db_user_namespace, oauth_*, lo_compat_privileges, listen_addresses, port, unix_socket_*, bonjour* would open the database to others: take it out"
	// +kubebuilder:validation:XValidation:rule="!self.exists(k, k.matches('^(.*_preload_libraries|dynamic_library_path|extension_control_path|jit_provider|include.*|data_directory|.*_file|temp_tablespaces|stats_temp_directory)$'))",message="*_preload_libraries, dynamic_library_path, extension_control_path, jit_provider, include*, data_directory, *_file, temp_tablespaces, stats_temp_directory would load code or read other files: take it out"
	// +kubebuilder:validation:XValidation:rule="!self.exists(k, k.matches('^(log_statement.*|log_min_duration_.*|log_min_error_statement|log_parameter_.*|log_transaction_sample_rate|log_destination|log_directory|log_file.*|log_rotation_.*|log_truncate_.*|logging_collector|syslog_.*|event_source|debug_.*|trace_.*|auto_explain[.].*|pgaudit[.].*)$'))",message="log_statement*, log_min_duration_*, log_min_error_statement, log_parameter_*, log_transaction_sample_rate, log_destination, log_directory, log_file*, log_rotation_*, log_truncate_*, logging_collector, syslog_*, event_source, debug_*, trace_*, auto_explain.*, pgaudit.* would write records into the log or end the audit trail: take it out"
	// +kubebuilder:validation:XValidation:rule="!self.exists(k, k.matches('^(cluster_name|restart_after_crash|cnpg[.].*|pg_failover_slots[.].*)$'))",message="cluster_name, restart_after_crash, cnpg.*, pg_failover_slots.* would take from CloudNativePG what it sets itself: take it out"
	Parameters map[string]string `json:"parameters,omitempty"`
	// backup to object storage. Without it data has no copy outside the cluster.
	// +optional
	Backup BackupSpec `json:"backup,omitzero"`
}

// BackupSpec says where base backups and the write-ahead log go.
type BackupSpec struct {
	// destination is the URL of an object store, such as s3://ilp-backup/6105.
	// +required
	// +kubebuilder:validation:MinLength=6
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^(s3|gs|https)://[^ ]+$')",messageExpression="\"'\" + self + \"' is not an object store's URL: write s3://bucket/path, gs://bucket/path or https://account/container\""
	Destination string `json:"destination,omitempty"`
	// endpointURL of an S3-compatible store other than AWS.
	// +optional
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=512
	EndpointURL string `json:"endpointURL,omitempty"`
	// credentialsSecretRef names the Secret with ACCESS_KEY_ID and ACCESS_SECRET_KEY.
	// +required
	CredentialsSecretRef SecretReference `json:"credentialsSecretRef,omitempty,omitzero"`
	// schedule of base backups: cron with seconds, as CloudNativePG reads it. By default at 02:00.
	// +optional
	// +default="0 0 2 * * *"
	// +kubebuilder:validation:MinLength=9
	// +kubebuilder:validation:MaxLength=64
	Schedule string `json:"schedule,omitempty"`
	// retentionDays is how long base backups are kept, 30 by default. This is
	// about copies; the records themselves stay dataProtection.retentionYears.
	// +optional
	// +default=30
	// +kubebuilder:validation:Minimum=7
	// +kubebuilder:validation:Maximum=3650
	RetentionDays int32 `json:"retentionDays,omitempty"`
}
