package v1alpha1

import (
	"fmt"
	"regexp"
)

// What the schema refuses in typed fields, the operator refuses in patches. CEL
// cannot refer to Go, so each pattern stands in a marker once more; a test holds
// the two together.

// parameterName is what the name of a PostgreSQL parameter looks like. PostgreSQL
// reads names without regard to case, so only one way of writing them is taken.
const parameterName = `^[a-z_][a-z0-9_]*([.][a-z_][a-z0-9_]*)?$`

// refusedParameters are the PostgreSQL parameters that nobody sets: what setting
// one would do, and a regular expression over whole names.
var refusedParameters = [][2]string{
	{"would lose or corrupt records", "fsync|full_page_writes|synchronous_commit|wal_sync_method|zero_damaged_pages|ignore_.*|data_sync_retry|allow_.*|session_replication_role"},
	{"would break backups and replicas", "wal_level|wal_log_hints|archive_.*|restore_command|recovery_.*|hot_standby|promote_trigger_file|primary_.*|max_wal_senders|synchron.*_standby_.*"},
	{"would open the database to others", "ssl|ssl_.*|password_encryption|scram_iterations|krb_.*|gss_.*|db_user_namespace|oauth_.*|lo_compat_privileges|listen_addresses|port|unix_socket_.*|bonjour.*"},
	{"would load code or read other files", ".*_preload_libraries|dynamic_library_path|extension_control_path|jit_provider|include.*|data_directory|.*_file|temp_tablespaces|stats_temp_directory"},
	{"would write records into the log or end the audit trail", "log_statement.*|log_min_duration_.*|log_min_error_statement|log_parameter_.*|log_transaction_sample_rate|log_destination|log_directory|log_file.*|log_rotation_.*|log_truncate_.*|logging_collector|syslog_.*|event_source|debug_.*|trace_.*|auto_explain[.].*|pgaudit[.].*"},
	{"would take from CloudNativePG what it sets itself", "cluster_name|restart_after_crash|cnpg[.].*|pg_failover_slots[.].*"},
}

// CheckParameter says why a PostgreSQL parameter is refused, if it is.
func CheckParameter(name string) error {
	if !parameterNames.MatchString(name) {
		return fmt.Errorf("%q is no parameter's name in lower case, such as max_connections", name)
	}
	for i, pattern := range refusedPatterns {
		if pattern.MatchString(name) {
			return fmt.Errorf("%s %s: take it out", name, refusedParameters[i][0])
		}
	}
	return nil
}

var parameterNames = regexp.MustCompile(parameterName)

// refusedPatterns are compiled from refusedParameters, in their order.
var refusedPatterns = func() (patterns []*regexp.Regexp) {
	for _, refused := range refusedParameters {
		patterns = append(patterns, regexp.MustCompile("^("+refused[1]+")$"))
	}
	return patterns
}()

// ReservedEnv matches the names of environment variables that the operator
// provides, now or once a facility is connected, and those that a loader, a
// shell or PostgreSQL's client obeys.
const ReservedEnv = "^(DB_.*|PWS_.*|SATUSEHAT_.*|FACILITY_.*|DISTRICT_.*|ADMIN_PASSWORD|SECRET_KEY|COOKIE_SECURE|PUBLIC_HOST|RAWAT_INAP|TZ|TIME_ZONE|PG.*|LD_.*|BASH_.*|ENV|KUBERNETES_.*)$"

// EnvName is what a variable's name looks like; Kubernetes would take more, such
// as the functions of a shell.
const EnvName = "^[A-Za-z_][A-Za-z0-9_]*$"

// OwnKey matches keys of labels and annotations that mean nothing to software of
// the cluster: those without a domain, or with one in Indonesia.
const OwnKey = "^(([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+id/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"

// ControllerKeys are labels without a domain by which Kubernetes finds pods.
const ControllerKeys = "^(pod-template-hash|pod-template-generation|controller-revision-hash|controller-uid|job-name)$"

// HarmlessAnnotations are keys with a domain of others that decide about nothing
// but the pod itself.
const HarmlessAnnotations = "^(cluster-autoscaler[.]kubernetes[.]io/safe-to-evict|karpenter[.]sh/do-not-disrupt|kubectl[.]kubernetes[.]io/restartedAt|prometheus[.]io/(scrape|scheme|path|port))$"

// KubernetesKey matches keys of taints that Kubernetes sets itself, on its
// control plane for instance.
const KubernetesKey = "^([a-z0-9.-]+[.])?(kubernetes|k8s)[.]io/"

// TaintKey is what the key of a taint looks like.
const TaintKey = "^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"

// LabelText is what the value of a label looks like.
const LabelText = "^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$"

// PlainResources are those that a container may ask for: none is a device.
const PlainResources = "^(cpu|memory|ephemeral-storage|hugepages-.*)$"
