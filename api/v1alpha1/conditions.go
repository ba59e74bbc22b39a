package v1alpha1

// Condition types. Ready, Reconciling and Stalled follow kstatus: Ready tells
// whether everything asked for stands, Reconciling is there (True) while the
// operator works or waits, Stalled is there (True) when it needs a person.
// All others are True when their concern is in order.
const (
	ConditionReady       = "Ready"
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"

	// District.
	ConditionIsolationReady = "IsolationReady"
	ConditionDatabaseReady  = "DatabaseReady" // District and Puskesmas
	ConditionBackupReady    = "BackupReady"   // information; never holds Ready back
	ConditionDashboardReady = "DashboardReady"
	ConditionPuskesmasReady = "PuskesmasReady"
	// ConditionWilayahVerified informs and never holds Ready back. It is missing
	// where the cluster has no registry of the district's province.
	ConditionWilayahVerified = "WilayahVerified"

	// Puskesmas.
	ConditionSchemaReady = "SchemaReady"
	ConditionRMEReady    = "RMEReady"
	// ConditionSatuSehatConfigured and ConditionPustuStaffingMet inform and
	// never hold Ready back.
	ConditionSatuSehatConfigured = "SatuSehatConfigured"
	ConditionPustuStaffingMet    = "PustuStaffingMet"
)

// Reasons of conditions.
const (
	// ReasonSucceeded: everything asked for stands.
	ReasonSucceeded = "Succeeded"
	// ReasonProgressing: applied, and waited for; the message says what for.
	ReasonProgressing = "Progressing"
	// ReasonDependencyNotReady: something else must be ready first.
	ReasonDependencyNotReady = "DependencyNotReady"
	// ReasonUpgrading: on the way from one release to another; the message says how far.
	ReasonUpgrading = "Upgrading"
	// ReasonUnhealthy: an object reports a failure that may pass by itself.
	ReasonUnhealthy = "Unhealthy"
	// ReasonInfrastructureFailed: a node, a volume, an image or room for the pods
	// is missing. It goes on by itself when that is there.
	ReasonInfrastructureFailed = "InfrastructureFailed"
	// ReasonApplicationFailed: the software crashes, never answers its probe, or
	// could not bring the schema about.
	ReasonApplicationFailed = "ApplicationFailed"
	// ReasonConfigurationFailed: what a person wrote cannot be brought about.
	ReasonConfigurationFailed = "ConfigurationFailed"
	// ReasonApplyFailed: the API server could not be reached, or refused for now.
	ReasonApplyFailed = "ApplyFailed"
	// ReasonObjectInvalid: the API server refuses an object as it is.
	ReasonObjectInvalid = "ObjectInvalid"
	// ReasonRenderFailed: the components could not be rendered, mostly by a patch.
	ReasonRenderFailed = "RenderFailed"
	// ReasonPruneFailed: an object that is no longer asked for could not be deleted.
	ReasonPruneFailed = "PruneFailed"
	// ReasonConsentRequired: the next step would lose data; nobody has agreed.
	ReasonConsentRequired = "ConsentRequired"
	// ReasonStorageRefused: the volumes that the spec asks for cannot be had, and
	// those that are there stay as they are.
	ReasonStorageRefused = "StorageRefused"
	// ReasonDataMissing: data that was there is gone, or is there with other
	// contents. It is not made anew without consent.
	ReasonDataMissing = "DataMissing"
	// ReasonRecordMissing: something runs, and neither a record nor the status says
	// of which release.
	ReasonRecordMissing = "RecordMissing"
	// ReasonObjectNotOwned: an object of somebody else has the name of one that
	// the operator would make.
	ReasonObjectNotOwned = "ObjectNotOwned"
	// ReasonNamespaceNotOwned: the district's namespace exists and belongs to somebody else.
	ReasonNamespaceNotOwned = "NamespaceNotOwned"
	// ReasonDuplicateCode: an older resource has the same code.
	ReasonDuplicateCode = "DuplicateCode"
	// ReasonReleaseNotFound: the named StackRelease does not exist, or there is no default.
	ReasonReleaseNotFound = "ReleaseNotFound"
	// ReasonReleaseIncomplete: the StackRelease has no image for the profile.
	ReasonReleaseIncomplete = "ReleaseIncomplete"
	// ReasonReleaseInvalid: the StackRelease contradicts itself.
	ReasonReleaseInvalid = "ReleaseInvalid"
	// ReasonMissingDependency: the cluster lacks something, such as CloudNativePG.
	ReasonMissingDependency = "MissingDependency"
	// ReasonDistrictNotFound: no District has the code of this namespace.
	ReasonDistrictNotFound = "DistrictNotFound"
	// ReasonAwaitingRelease: the wave has not yet admitted this District to a
	// release, or the District has none yet for this Puskesmas.
	ReasonAwaitingRelease = "AwaitingRelease"
	// ReasonSuspended: spec.state is Suspended.
	ReasonSuspended = "Suspended"
	// ReasonHibernated: spec.state is Hibernated.
	ReasonHibernated = "Hibernated"
	// ReasonDeleting: the resource is being deleted.
	ReasonDeleting = "Deleting"
	// ReasonNotConfigured: the spec does not ask for it.
	ReasonNotConfigured = "NotConfigured"
	// ReasonCredentialsMissing: the Secret with the credentials does not exist or lacks a key.
	ReasonCredentialsMissing = "CredentialsMissing"
	// ReasonNotInRegistry: a code is not in the registry, or is another place there.
	ReasonNotInRegistry = "NotInRegistry"
	// ReasonRegistryInvalid: the registry cannot be read; the message says where.
	ReasonRegistryInvalid = "RegistryInvalid"
	// ReasonBelowMinimum: a Pustu has less staff than the minimum.
	ReasonBelowMinimum = "BelowMinimum"
)
