package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Wave is a group of districts that is brought to one release, stage by stage.
// Districts join by spec.waveRef; membership is the user's data, never compiled in.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,categories=ilp
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Year",type=integer,JSONPath=`.spec.year`
// +kubebuilder:printcolumn:name="Programme",type=string,JSONPath=`.spec.programme`
// +kubebuilder:printcolumn:name="Release",type=string,JSONPath=`.spec.release`
// +kubebuilder:printcolumn:name="Target",type=integer,JSONPath=`.spec.targetDistricts`
// +kubebuilder:printcolumn:name="Registered",type=integer,JSONPath=`.status.districts`
// +kubebuilder:printcolumn:name="Done",type=string,JSONPath=`.status.progress.summary`
// +kubebuilder:printcolumn:name="Stage",type=string,JSONPath=`.status.currentStage`
// +kubebuilder:printcolumn:name="In Flight",type=integer,priority=1,JSONPath=`.status.progress.inFlight`
// +kubebuilder:printcolumn:name="Failed",type=integer,JSONPath=`.status.progress.failed`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Wave struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the Wave.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what the national team wants.
	// +required
	Spec WaveSpec `json:"spec,omitempty,omitzero"`
	// status is what the operator sees.
	// +optional
	// +default={"observedGeneration":-1}
	Status WaveStatus `json:"status,omitempty,omitzero"`
}

// WaveSpec is a group of districts and how a release reaches them.
//
// +kubebuilder:validation:XValidation:rule="!has(self.approvedStages) || (has(self.rollout) && self.approvedStages.all(a, self.rollout.stages.exists(s, s.name == a)))",fieldPath=".approvedStages",message="approvedStages names a stage that rollout.stages does not have: approve stages by their name"
type WaveSpec struct {
	// year of the wave.
	// +required
	// +kubebuilder:validation:Minimum=2022
	// +kubebuilder:validation:Maximum=2100
	Year int32 `json:"year,omitempty"`
	// programme that the wave belongs to, such as GF-RSSH.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Programme string `json:"programme,omitempty"`
	// fundingSource pays for it, such as "Global Fund", APBN or APBD.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	FundingSource string `json:"fundingSource,omitempty"`
	// targetDistricts is how many districts the programme promises (15, 15, 10).
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=514
	TargetDistricts int32 `json:"targetDistricts,omitempty"`
	// release names the StackRelease that the districts are brought to.
	// +required
	Release ObjectName `json:"release,omitempty"`
	// state is Active (default) or Suspended, which starts nothing new.
	// +optional
	// +default="Active"
	State WaveState `json:"state,omitempty"`
	// rollout says in which order and how carefully.
	// +optional
	Rollout Rollout `json:"rollout,omitzero"`
	// approvedStages names the stages that a person has approved.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	ApprovedStages []ObjectName `json:"approvedStages,omitempty"`
}

// WaveState is what a person wants a wave to do.
//
// +kubebuilder:validation:Enum=Active;Suspended
type WaveState string

const (
	// WaveStateActive brings districts to the release.
	WaveStateActive WaveState = "Active"
	// WaveStateSuspended starts nothing new.
	WaveStateSuspended WaveState = "Suspended"
)

// Rollout says in which order and how carefully districts are changed.
type Rollout struct {
	// stages in their order. A district belongs to the first that selects it; the last takes who is left.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Stages []Stage `json:"stages,omitempty"`
	// failureBudget is how many districts may fail before the wave holds.
	// +optional
	// +default={"total":1}
	FailureBudget FailureBudget `json:"failureBudget,omitzero"`
	// districtTimeoutMinutes is how long one district may take before it counts as failed, 120 by default.
	// +optional
	// +default=120
	// +kubebuilder:validation:Minimum=5
	// +kubebuilder:validation:Maximum=10080
	DistrictTimeoutMinutes int32 `json:"districtTimeoutMinutes,omitempty"`
	// maintenanceWindow limits when a district may be changed, in its own time zone.
	// +optional
	MaintenanceWindow MaintenanceWindow `json:"maintenanceWindow,omitzero"`
}

// FailureBudget is how many districts may fail before the wave holds, in all and
// by what failed. A cause without a number of its own counts to the total only.
// +kubebuilder:validation:MinProperties=1
type FailureBudget struct {
	// total of districts that may fail, whatever the cause; 1 by default.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=514
	Total *int32 `json:"total,omitempty"`
	// infrastructure is how many may fail for want of a node, a volume or an image.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=514
	Infrastructure *int32 `json:"infrastructure,omitempty"`
	// application is how many may fail because the release's software crashes,
	// never answers its probe, or cannot bring the schema about.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=514
	Application *int32 `json:"application,omitempty"`
	// configuration is how many may fail because of what their spec says.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=514
	Configuration *int32 `json:"configuration,omitempty"`
}

// Of returns the number for a cause, or nil if it has none of its own.
func (b FailureBudget) Of(cause FailureCause) *int32 {
	switch cause {
	case CauseInfrastructure:
		return b.Infrastructure
	case CauseApplication:
		return b.Application
	case CauseConfiguration:
		return b.Configuration
	default:
		return nil
	}
}

// Stage is a part of a wave that goes together.
//
// +kubebuilder:validation:XValidation:rule="(has(self.districts) ? 1 : 0) + (has(self.labelSelector) ? 1 : 0) + (has(self.count) ? 1 : 0) <= 1",messageExpression="'stage ' + self.name + ' selects districts in more than one way: use one of districts, labelSelector and count'"
type Stage struct {
	// name of the stage.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// districts are selected by the name of the District.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=514
	Districts []ObjectName `json:"districts,omitempty"`
	// labelSelector selects Districts by label.
	// +optional
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
	// count takes this many of the districts that are left, in order of their code.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=514
	Count int32 `json:"count,omitempty"`
	// maxConcurrent is how many districts are changed at once, as a number or a
	// percentage of the stage (at least one), 1 by default.
	// +optional
	// +default=1
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=4
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 514 : self.matches('^([1-9][0-9]?|100)%$')",message="maxConcurrent must be a number from 1 to 514 or a percentage from 1% to 100%"
	MaxConcurrent *intstr.IntOrString `json:"maxConcurrent,omitempty"`
	// soakMinutes is how long the stage must stay healthy before the next begins, 0 by default.
	// +optional
	// +default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=40320
	SoakMinutes *int32 `json:"soakMinutes,omitempty"`
	// approval is Automatic (default) or Required: then the stage waits until
	// approvedStages names it.
	// +optional
	// +default="Automatic"
	// +kubebuilder:validation:Enum=Automatic;Required
	Approval string `json:"approval,omitempty"`
}

// MaintenanceWindow opens by cron and stays open for some minutes, in each
// district's own time zone.
type MaintenanceWindow struct {
	// cron says when it opens: minute, hour, day of month, month, day of week.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9*,/-]+ +[0-9*,/-]+ +[0-9*,/-]+ +[0-9A-Za-z*,/-]+ +[0-9A-Za-z*,/-]+$')",messageExpression="\"'\" + self + \"' is not a cron expression of five fields: write minute hour day month weekday, such as 0 21 * * 5\""
	Cron string `json:"cron,omitempty"`
	// minutes that it stays open.
	// +required
	// +kubebuilder:validation:Minimum=15
	// +kubebuilder:validation:Maximum=10080
	Minutes int32 `json:"minutes,omitempty"`
}

// WaveStatus is what the operator sees of a wave.
// +kubebuilder:validation:MinProperties=1
// +structType=atomic
type WaveStatus struct {
	// observedGeneration is the spec's generation that this status speaks of; -1 before the first look.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Reconciling and Stalled (kstatus).
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// districts is how many Districts name this wave.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Districts *int32 `json:"districts,omitempty"`
	// progress counts the districts by how far they are.
	// +optional
	Progress WaveProgress `json:"progress,omitzero"`
	// currentStage is the first stage that is not over; empty when all are.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	CurrentStage string `json:"currentStage,omitempty"`
	// blocked groups the districts that wait for the release, or failed with it,
	// by what blocks them: one reason for each.
	// +optional
	// +listType=map
	// +listMapKey=reason
	// +kubebuilder:validation:MaxItems=16
	Blocked []BlockedDistricts `json:"blocked,omitempty"`
	// admitted are the districts that the wave lets go to the release and that have
	// not written it down as their target yet. An entry that is late moves nobody.
	// +optional
	// +listType=map
	// +listMapKey=code
	// +kubebuilder:validation:MaxItems=514
	Admitted []Admission `json:"admitted,omitempty"`
	// memory is what the wave must not forget and cannot see in the cluster.
	// +optional
	Memory WaveMemory `json:"memory,omitzero"`
}

// WaveProgress counts districts; each is counted once.
// +kubebuilder:validation:MinProperties=1
type WaveProgress struct {
	// done run the release and are Ready.
	// +required
	// +kubebuilder:validation:Minimum=0
	Done *int32 `json:"done,omitempty"`
	// inFlight are admitted to the release, or go there, and are not Ready yet.
	// +required
	// +kubebuilder:validation:Minimum=0
	InFlight *int32 `json:"inFlight,omitempty"`
	// failed go to the release and are Stalled, or take too long.
	// +required
	// +kubebuilder:validation:Minimum=0
	Failed *int32 `json:"failed,omitempty"`
	// failedByCause counts the failed by what has to be mended.
	// +optional
	// +listType=map
	// +listMapKey=cause
	// +kubebuilder:validation:MaxItems=4
	FailedByCause []CauseCount `json:"failedByCause,omitempty"`
	// pinned name a release of their own in their spec.
	// +required
	// +kubebuilder:validation:Minimum=0
	Pinned *int32 `json:"pinned,omitempty"`
	// held are not admitted to the release yet.
	// +required
	// +kubebuilder:validation:Minimum=0
	Held *int32 `json:"held,omitempty"`
	// summary is done/districts without the pinned, for people.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=16
	Summary string `json:"summary,omitempty"`
}

// CauseCount is how many districts failed for one cause.
type CauseCount struct {
	// cause of the failure.
	// +required
	Cause FailureCause `json:"cause,omitempty"`
	// count of districts.
	// +required
	// +kubebuilder:validation:Minimum=1
	Count int32 `json:"count,omitempty"`
}

// BlockedDistricts are the districts that one reason blocks.
type BlockedDistricts struct {
	// reason is one of the Reason constants of the API.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`
	// message says of the first district what it waits for and what to do.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// count is how many districts this reason blocks.
	// +required
	// +kubebuilder:validation:Minimum=1
	Count int32 `json:"count,omitempty"`
	// districts names the first of them.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=10
	Districts []ObjectName `json:"districts,omitempty"`
}

// WaveMemory is what the planner takes from one look at the fleet to the next,
// beside the admissions. It speaks of one release; naming another one empties it,
// but for those that were called back.
// +kubebuilder:validation:MinProperties=1
type WaveMemory struct {
	// release that stages and started speak of.
	// +optional
	Release ObjectName `json:"release,omitempty"`
	// stages that every district has passed through, with the time of it.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Stages []StageMemory `json:"stages,omitempty"`
	// started are the districts that have been admitted to the release, or go there
	// already, and are not done. Each takes a place.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=514
	Started []StartedDistrict `json:"started,omitempty"`
	// calledBack are the districts whose admission was taken back, and who may have
	// gone before they saw it. Each takes a place for a few minutes.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=514
	CalledBack []CalledBackDistrict `json:"calledBack,omitempty"`
}

// StageMemory is when a stage was seen complete.
type StageMemory struct {
	// name of the stage.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// completedAt is since when all its districts are done without a break.
	// +required
	CompletedAt metav1.Time `json:"completedAt,omitempty,omitzero"`
	// soakedAt is when it had stayed so for soakMinutes; that lasts.
	// +optional
	SoakedAt metav1.Time `json:"soakedAt,omitzero"`
}

// StartedDistrict is when a district was admitted to the release.
type StartedDistrict struct {
	// name of the District.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// since when it is on its way.
	// +required
	Since metav1.Time `json:"since,omitempty,omitzero"`
}

// CalledBackDistrict is when the admission of a district was taken back.
type CalledBackDistrict struct {
	// name of the District.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// at is when.
	// +required
	At metav1.Time `json:"at,omitempty,omitzero"`
}

// WaveList is a list of Waves.
// +kubebuilder:object:root=true
type WaveList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Wave `json:"items"`
}
