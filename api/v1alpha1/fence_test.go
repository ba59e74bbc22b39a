package v1alpha1

import (
	"fmt"
	"os"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// TestSchemaHoldsThePatterns finds what is written in Go in the schema's rules,
// so that typed fields and patches are judged alike.
func TestSchemaHoldsThePatterns(t *testing.T) {
	type rule struct{ crd, path, rule, message string }
	rules := []rule{
		{"districts", "spec.database.parameters", "self.all(k, k.matches('" + parameterName + "'))", ""},
		{"puskesmas", "spec.rme.pod.env[].name", "self.matches('" + EnvName + "')", ""},
		{"puskesmas", "spec.rme.pod.env[].name", "!self.matches('" + ReservedEnv + "')", ""},
		{"puskesmas", "spec.rme.pod.labels", "self.all(k, k.matches('" + OwnKey + "') && !k.matches('" + ControllerKeys + "'))", ""},
		{"puskesmas", "spec.rme.pod.annotations", "self.all(k, k.matches('" + OwnKey + "') || k.matches('" + HarmlessAnnotations + "'))", ""},
		{"puskesmas", "spec.rme.pod.tolerations[].key", "self.matches('" + TaintKey + "') && !self.matches('" + KubernetesKey + "')", ""},
		{"puskesmas", "spec.rme.pod.nodeSelector", "self.all(k, k.matches('" + TaintKey + "'))", ""},
		{"puskesmas", "spec.rme.pod.tolerations[].value", "self.matches('" + LabelText + "')", ""},
		{"puskesmas", "spec.rme.resources.limits", "self.all(k, k.matches('" + PlainResources + "'))", ""},
		{"districts", "spec.database.resources.requests", "self.all(k, k.matches('" + PlainResources + "'))", ""},
	}
	for _, refused := range refusedParameters {
		why, names := refused[0], refused[1]
		message := strings.NewReplacer(".*", "*", "[.]", ".", "|", ", ").Replace(names) + " " + why + ": take it out"
		rules = append(rules, rule{"districts", "spec.database.parameters", "!self.exists(k, k.matches('^(" + names + ")$'))", message})
	}
	for _, wanted := range rules {
		found := false
		for _, r := range schemaAt(t, wanted.crd, wanted.path).XValidations {
			found = found || r.Rule == wanted.rule && (wanted.message == "" || r.Message == wanted.message)
		}
		if !found {
			t.Errorf("%s of %s has no rule\n%s\n%s", wanted.path, wanted.crd, wanted.rule, wanted.message)
		}
	}
	if n := len(schemaAt(t, "districts", "spec.database.parameters").XValidations); n != 1+len(refusedParameters) {
		t.Errorf("spec.database.parameters has %d rules, of which Go knows %d", n, 1+len(refusedParameters))
	}
}

func schemaAt(t *testing.T, crd, path string) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	content, err := os.ReadFile("../../config/crd/bases/ilp.health_" + crd + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(content, &definition); err != nil {
		t.Fatal(err)
	}
	at := *definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	for step := range strings.SplitSeq(path, ".") {
		name, list := strings.CutSuffix(step, "[]")
		at = at.Properties[name]
		if list {
			at = *at.Items.Schema
		}
	}
	return at
}

func TestCheckParameter(t *testing.T) {
	for _, name := range []string{
		"max_connections", "shared_buffers", "work_mem", "temp_file_limit", "autovacuum_naptime", "log_lock_waits", "log_connections", "statement_timeout",
		"idle_in_transaction_session_timeout", "pg_stat_statements.max", "hot_standby_feedback", "max_wal_size", "wal_compression", "wal_keep_size", "max_locks_per_transaction",
	} {
		if err := CheckParameter(name); err != nil {
			t.Errorf("%s is refused: %v", name, err)
		}
	}
	for name, why := range map[string]string{
		"fsync": "fsync would lose or corrupt records: take it out", "ignore_checksum_failure": "corrupt", "synchronous_commit": "lose", "session_replication_role": "corrupt", "debug_print_parse": "into the log",
		"archive_command": "backups", "archive_timeout": "backups", "recovery_target_time": "backups", "synchronous_standby_names": "replicas", "synchronized_standby_slots": "replicas",
		"ssl": "open the database", "ssl_min_protocol_version": "open the database", "db_user_namespace": "open the database", "password_encryption": "open the database",
		"shared_preload_libraries": "load code", "local_preload_libraries": "load code", "hba_file": "read other files", "include_if_exists": "read other files", "include": "read other files",
		"log_statement": "into the log", "log_statement_sample_rate": "into the log", "log_min_duration_statement": "into the log", "log_parameter_max_length_on_error": "into the log",
		"auto_explain.log_min_duration": "into the log", "pgaudit.log": "audit trail", "cnpg.config_sha256": "CloudNativePG", "cluster_name": "CloudNativePG",
		"FSYNC": "in lower case", "fsync=": "in lower case", "x\nfsync": "in lower case", "": "in lower case", "a.b.c": "in lower case",
	} {
		if err := CheckParameter(name); err == nil || !strings.Contains(fmt.Sprint(err), why) {
			t.Errorf("%q gives %v, want %q", name, err, why)
		}
	}
}

// TestCloudNativePGsParametersAreRefused has the names that CloudNativePG 1.30
// refuses itself, where they are written as it knows them.
func TestCloudNativePGsParametersAreRefused(t *testing.T) {
	for name := range strings.FieldsSeq(`
		allow_system_table_mods archive_mode bonjour bonjour_name cluster_name config_file data_directory data_sync_retry event_source
		external_pid_file hba_file hot_standby ident_file jit_provider listen_addresses logging_collector port primary_conninfo
		primary_slot_name recovery_target recovery_target_action recovery_target_inclusive recovery_target_lsn recovery_target_name
		recovery_target_time recovery_target_timeline recovery_target_xid restore_command shared_preload_libraries temp_tablespaces
		unix_socket_directories unix_socket_group unix_socket_permissions archive_cleanup_command archive_command log_destination
		log_directory log_file_mode log_filename log_rotation_age log_rotation_size log_truncate_on_rotation
		pg_failover_slots.primary_dsn pg_failover_slots.standby_slot_names promote_trigger_file recovery_end_command
		recovery_min_apply_delay restart_after_crash ssl ssl_ca_file ssl_cert_file ssl_crl_file ssl_dh_params_file ssl_ecdh_curve
		ssl_key_file ssl_passphrase_command ssl_passphrase_command_supports_reload ssl_prefer_server_ciphers stats_temp_directory
		synchronous_standby_names synchronized_standby_slots syslog_facility syslog_ident syslog_sequence_numbers syslog_split_messages`) {
		if CheckParameter(name) == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
