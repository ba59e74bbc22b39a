package v1alpha1

// FailureCause is what kind of thing has to be mended.
//
// +kubebuilder:validation:Enum=Infrastructure;Application;Configuration;Unknown
type FailureCause string

const (
	// CauseInfrastructure is a node, a volume, an image or the API server.
	CauseInfrastructure FailureCause = "Infrastructure"
	// CauseApplication is the software of the release.
	CauseApplication FailureCause = "Application"
	// CauseConfiguration is what a person wrote.
	CauseConfiguration FailureCause = "Configuration"
	// CauseUnknown is none of them for certain, such as a step that takes too long.
	CauseUnknown FailureCause = "Unknown"
)

// causes of the reasons that stand for a failure.
var causes = map[string]FailureCause{
	ReasonInfrastructureFailed: CauseInfrastructure,
	ReasonMissingDependency:    CauseInfrastructure,
	ReasonApplyFailed:          CauseInfrastructure,
	ReasonPruneFailed:          CauseInfrastructure,
	ReasonDataMissing:          CauseInfrastructure,

	ReasonApplicationFailed: CauseApplication,

	ReasonConfigurationFailed: CauseConfiguration,
	ReasonRenderFailed:        CauseConfiguration,
	ReasonObjectInvalid:       CauseConfiguration,
	ReasonConsentRequired:     CauseConfiguration,
	ReasonStorageRefused:      CauseConfiguration,
	ReasonNamespaceNotOwned:   CauseConfiguration,
	ReasonObjectNotOwned:      CauseConfiguration,
	ReasonDistrictNotFound:    CauseConfiguration,
	ReasonDuplicateCode:       CauseConfiguration,
	ReasonReleaseNotFound:     CauseConfiguration,
	ReasonReleaseIncomplete:   CauseConfiguration,
	ReasonReleaseInvalid:      CauseConfiguration,
	ReasonUpgradePath:         CauseConfiguration,
	ReasonDowngrade:           CauseConfiguration,
	ReasonWaveNotFound:        CauseConfiguration,
}

// CauseOf returns the cause that a condition's reason stands for, CauseUnknown
// if it tells of none.
func CauseOf(reason string) FailureCause {
	if cause, ok := causes[reason]; ok {
		return cause
	}
	return CauseUnknown
}
