package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DefaultReleaseAnnotation marks the StackRelease that a District without wave
// and without a pin takes, as Kubernetes marks a default StorageClass. The
// newest version wins if several carry it.
const DefaultReleaseAnnotation = "ilp.health/is-default-release"

// StackRelease is an entry of the catalogue: images that were tested together.
// Its spec never changes; a new set of images is a new StackRelease.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=srel,categories=ilp
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.spec.version`
// +kubebuilder:printcolumn:name="Upgrade From",type=string,JSONPath=`.spec.upgradeFrom`
// +kubebuilder:printcolumn:name="Default",type=string,JSONPath=`.metadata.annotations.ilp\.health/is-default-release`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Districts",type=integer,JSONPath=`.status.districts`
// +kubebuilder:printcolumn:name="Puskesmas",type=integer,JSONPath=`.status.puskesmas`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type StackRelease struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the StackRelease.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is the set of images. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a StackRelease cannot change, since districts run it: create a new one with a new version"
	Spec StackReleaseSpec `json:"spec,omitempty,omitzero"`
	// status is what the operator sees.
	// +optional
	// +default={"observedGeneration":-1}
	Status StackReleaseStatus `json:"status,omitempty,omitzero"`
}

// StackReleaseSpec is a set of images that were tested together.
type StackReleaseSpec struct {
	// version of the set.
	// +required
	Version SemanticVersion `json:"version,omitempty"`
	// upgradeFrom is the range of versions from which this release can be
	// reached, such as ">=1.0.0 <2.0.0"; any version by default.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	UpgradeFrom string `json:"upgradeFrom,omitempty"`
	// schemaRollback says whether software of the release before can run on this
	// release's schema: Safe, or Unsafe (default).
	// +optional
	// +default="Unsafe"
	SchemaRollback SchemaRollback `json:"schemaRollback,omitempty"`
	// database is the PostgreSQL of the districts.
	// +required
	Database DatabaseRelease `json:"database,omitempty,omitzero"`
	// rme lists the RME of each profile that this release offers.
	// +required
	// +listType=map
	// +listMapKey=profile
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	RME []RMERelease `json:"rme,omitempty"`
	// dashboard is the dashboard of the districts.
	// +required
	Dashboard DashboardRelease `json:"dashboard,omitempty,omitzero"`
}

// SchemaRollback says whether earlier software can run on a release's schema.
//
// +kubebuilder:validation:Enum=Safe;Unsafe
type SchemaRollback string

const (
	// SchemaRollbackSafe lets the operator put an RME back that fails.
	SchemaRollbackSafe SchemaRollback = "Safe"
	// SchemaRollbackUnsafe keeps it where it is.
	SchemaRollbackUnsafe SchemaRollback = "Unsafe"
)

// DatabaseRelease is a PostgreSQL image for CloudNativePG.
type DatabaseRelease struct {
	// image whose tag starts with PostgreSQL's version, as CloudNativePG asks.
	// +required
	Image ImageReference `json:"image,omitempty"`
}

// RMERelease is the image of one RME profile.
type RMERelease struct {
	// profile that the image is for.
	// +required
	// +kubebuilder:validation:XValidation:rule="self != 'custom'",message="custom is one facility's own image, never part of a release: set rme.image of that Puskesmas"
	Profile RMEProfile `json:"profile,omitempty"`
	// image of the RME.
	// +required
	Image ImageReference `json:"image,omitempty"`
}

// DashboardRelease is the image of the dashboard.
type DashboardRelease struct {
	// profile that the image is for.
	// +required
	Profile DashboardProfile `json:"profile,omitempty"`
	// image of the dashboard.
	// +required
	Image ImageReference `json:"image,omitempty"`
}

// RMEImage returns the image of a profile, or false if this release has none.
func (s StackReleaseSpec) RMEImage(profile RMEProfile) (ImageReference, bool) {
	for _, r := range s.RME {
		if r.Profile == profile {
			return r.Image, true
		}
	}
	return "", false
}

// StackReleaseStatus is what the operator sees of a release.
// +kubebuilder:validation:MinProperties=1
// +structType=atomic
type StackReleaseStatus struct {
	// observedGeneration is the spec's generation that this status speaks of; -1 before the first look.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Reconciling and Stalled (kstatus).
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// districts is how many Districts run or are being brought to this release.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Districts *int32 `json:"districts,omitempty"`
	// puskesmas is how many Puskesmas run it, are being brought to it, or have its schema.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Puskesmas *int32 `json:"puskesmas,omitempty"`
}

// StackReleaseList is a list of StackReleases.
// +kubebuilder:object:root=true
type StackReleaseList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StackRelease `json:"items"`
}
