package v1alpha1

// Reasons that hold a wave, or a district in it. ReasonSuspended,
// ReasonReleaseNotFound and ReasonReleaseInvalid are used too.
const (
	// ReasonAwaitingDistricts: no District names this wave.
	ReasonAwaitingDistricts = "AwaitingDistricts"
	// ReasonStageInvalid: the stages leave a district out, or one selects none.
	ReasonStageInvalid = "StageInvalid"
	// ReasonWindowInvalid: the maintenance window cannot be read or never opens.
	ReasonWindowInvalid = "WindowInvalid"
	// ReasonBudgetSpent: more districts have failed than the failure budget allows.
	ReasonBudgetSpent = "BudgetSpent"
	// ReasonAwaitingStage: an earlier stage is not complete.
	ReasonAwaitingStage = "AwaitingStage"
	// ReasonSoaking: the earlier stage is complete and must stay so for a while.
	ReasonSoaking = "Soaking"
	// ReasonAwaitingApproval: approvedStages does not name the stage.
	ReasonAwaitingApproval = "AwaitingApproval"
	// ReasonOutsideWindow: the maintenance window is closed where the district is.
	ReasonOutsideWindow = "OutsideWindow"
	// ReasonAwaitingSlot: maxConcurrent others of the stage are in flight.
	ReasonAwaitingSlot = "AwaitingSlot"
	// ReasonDistrictInactive: the District is suspended or hibernated.
	ReasonDistrictInactive = "DistrictInactive"
	// ReasonDowngrade: the district runs, or is on its way to, a later version.
	ReasonDowngrade = "Downgrade"
	// ReasonUpgradePath: the release cannot be reached from what the district runs.
	ReasonUpgradePath = "UpgradePath"
	// ReasonDistrictFailed: the district is Stalled with the release, or takes too
	// long, and tells of no cause. With one it is ReasonInfrastructureFailed,
	// ReasonApplicationFailed or ReasonConfigurationFailed.
	ReasonDistrictFailed = "DistrictFailed"
	// ReasonWaveNotFound: spec.waveRef names a Wave that does not exist.
	ReasonWaveNotFound = "WaveNotFound"
)
