package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// District is a kabupaten or kota with a stack of its own: a namespace, a
// database, the RME of each of its Puskesmas and a dashboard down to every desa.
// It owns the namespace ilp-<code without dot>.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=dist,categories=ilp
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Code",type=string,JSONPath=`.spec.code`
// +kubebuilder:printcolumn:name="District",type=string,JSONPath=`.spec.name`
// +kubebuilder:printcolumn:name="Wave",type=string,JSONPath=`.spec.waveRef.name`
// +kubebuilder:printcolumn:name="Release",type=string,JSONPath=`.status.release.current`
// +kubebuilder:printcolumn:name="Puskesmas",type=string,JSONPath=`.status.puskesmas.summary`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$') && size(self.metadata.name) <= 63",message="metadata.name must be a DNS label of at most 63 characters, such as sintang"
// +kubebuilder:validation:XValidation:rule="self.spec.database.storage == oldSelf.spec.database.storage || !has(oldSelf.status) || !has(oldSelf.status.storage) || !isQuantity(self.spec.database.storage) || !isQuantity(oldSelf.status.storage) || quantity(self.spec.database.storage).compareTo(quantity(oldSelf.status.storage)) >= 0",fieldPath=".spec.database.storage",messageExpression="'storage cannot shrink to ' + self.spec.database.storage + ': the volumes have ' + oldSelf.status.storage + ' (status.storage) and never shrink; keep that or ask for more'"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.status) || !has(oldSelf.status.storage) || !has(oldSelf.spec.database.storageClassName) || (has(self.spec.database.storageClassName) && self.spec.database.storageClassName == oldSelf.spec.database.storageClassName)",fieldPath=".spec.database.storageClassName",message="storageClassName cannot change: existing volumes stay where they are; restore a backup into a new District to move"
type District struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the District; its name is free, the code identifies it.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what the national team and the dinkes want.
	// +required
	Spec DistrictSpec `json:"spec,omitempty,omitzero"`
	// status is what the operator sees.
	// +optional
	// +default={"observedGeneration":-1}
	Status DistrictStatus `json:"status,omitempty,omitzero"`
}

// DistrictSpec is the wanted state of a district's stack.
//
// +kubebuilder:validation:XValidation:rule="self.code == oldSelf.code",fieldPath=".code",messageExpression="'code cannot change from ' + oldSelf.code + ' to ' + self.code + ': create another District for the other code'"
// +kubebuilder:validation:XValidation:rule="!self.code.matches('^[1-9][0-9][.](0[1-9]|[1-6][0-9]|7[1-9]|[89][0-9])$') || (self.code.substring(3) < '70' ? self.name.startsWith('Kabupaten ') : self.name.startsWith('Kota '))",fieldPath=".name",messageExpression="\"name '\" + self.name + \"' does not agree with code \" + self.code + ': ' + (self.code.substring(3) < '70' ? \"01-69 is a kabupaten, write 'Kabupaten …'\" : \"71-99 is a kota, write 'Kota …'\")"
// +kubebuilder:validation:XValidation:rule="!has(self.dataProtection) || !has(self.dataProtection.consent) || self.dataProtection.consent.code == self.code",fieldPath=".dataProtection.consent.code",messageExpression="\"'\" + self.dataProtection.consent.code + \"' is the code of something else: a consent must repeat the code of this district, \" + self.code"
type DistrictSpec struct {
	// code is the Kemendagri code of the kabupaten or kota. It cannot change.
	// +required
	Code KabKotaCode `json:"code,omitempty"`
	// name as in the Kemendagri list, starting with Kabupaten or Kota.
	// +required
	// +kubebuilder:validation:MinLength=6
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`
	// timeZone is the district's IANA time zone; the province's by default
	// (Kalimantan Barat and Tengah may choose Asia/Pontianak).
	// +optional
	// +kubebuilder:validation:Enum=Asia/Jakarta;Asia/Pontianak;Asia/Makassar;Asia/Jayapura
	TimeZone string `json:"timeZone,omitempty"`
	// waveRef names the Wave that this district belongs to.
	// +optional
	WaveRef WaveReference `json:"waveRef,omitzero"`
	// release pins the district to a StackRelease. Without it a district in a wave
	// goes where its wave admits it, and a new one without a wave takes the
	// default StackRelease; what runs stays as it is until then.
	// +optional
	Release ObjectName `json:"release,omitempty"`
	// state is Active (default), Suspended (hands off) or Hibernated (workloads
	// stopped, data kept).
	// +optional
	// +default="Active"
	State State `json:"state,omitempty"`
	// exposure says under which names the stack is reached from outside.
	// +optional
	Exposure Exposure `json:"exposure,omitzero"`
	// database is the PostgreSQL of the district.
	// +required
	Database DatabaseSpec `json:"database,omitempty,omitzero"`
	// rme holds the defaults for the RME of every Puskesmas.
	// +optional
	RME RMEDefaults `json:"rme,omitzero"`
	// dashboard is the district's dashboard.
	// +optional
	Dashboard DashboardSpec `json:"dashboard,omitzero"`
	// satusehat says with which national environment the RMEs exchange data.
	// +optional
	SatuSehat SatuSehatEnvironment `json:"satusehat,omitzero"`
	// dataProtection says how long data is kept, where, and what becomes of it
	// when the District is deleted.
	// +optional
	// +default={"retentionYears":25}
	DataProtection DataProtection `json:"dataProtection,omitzero"`
	// upgrade says how carefully the Puskesmas are brought to another release.
	// +optional
	Upgrade UpgradeSpec `json:"upgrade,omitzero"`
	// images says where container images come from.
	// +optional
	Images ImageSource `json:"images,omitzero"`
	// timPembina describes the district's coordinating team; information only.
	// +optional
	TimPembina TimPembina `json:"timPembina,omitzero"`
	// patches are kustomize patches over the district's own objects (not those
	// of its Puskesmas), applied last.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Patches []Patch `json:"patches,omitempty"`
}

// WaveReference names a Wave.
type WaveReference struct {
	// name of the Wave.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// Exposure says under which names a stack is reached.
// +kubebuilder:validation:MinProperties=1
type Exposure struct {
	// domain below which the hosts are made: dashboard.<domain> and
	// <puskesmas>.<domain>. Without a domain nothing is published.
	// +optional
	Domain HostName `json:"domain,omitempty"`
	// ingressClassName of the Ingresses; the cluster's default class otherwise.
	// +optional
	IngressClassName ObjectName `json:"ingressClassName,omitempty"`
	// tlsSecretName names a Secret in the district's namespace with a
	// certificate for *.<domain>.
	// +optional
	TLSSecretName ObjectName `json:"tlsSecretName,omitempty"`
	// gateway on which HTTPRoutes are published instead of Ingresses, where set;
	// the cluster must have the Gateway API.
	// +optional
	Gateway GatewayReference `json:"gateway,omitzero"`
}

// GatewayReference names a Gateway of the Gateway API.
type GatewayReference struct {
	// name of the Gateway.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// namespace of the Gateway.
	// +required
	Namespace ObjectName `json:"namespace,omitempty"`
}

// RMEDefaults are taken by every Puskesmas that does not say otherwise.
// +kubebuilder:validation:MinProperties=1
type RMEDefaults struct {
	// profile of the RME, gnuhealth by default.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self != 'custom'",message="custom is one facility's own image and no default for all: set rme.profile, rme.image and rme.custom of that Puskesmas"
	Profile RMEProfile `json:"profile,omitempty"`
	// replicas of each RME, 1 by default.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	Replicas int32 `json:"replicas,omitempty"`
	// resources of each RME container; the profile's own by default.
	// +optional
	Resources ResourceRequirements `json:"resources,omitzero"`
}

// DashboardSpec is the district's dashboard.
// +kubebuilder:validation:MinProperties=1
type DashboardSpec struct {
	// profile of the dashboard, superset by default.
	// +optional
	Profile DashboardProfile `json:"profile,omitempty"`
	// replicas of the dashboard, 1 by default.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	Replicas int32 `json:"replicas,omitempty"`
	// resources of the dashboard container; the profile's own by default.
	// +optional
	Resources ResourceRequirements `json:"resources,omitzero"`
}

// SatuSehatEnvironment chooses the national platform's environment.
// +kubebuilder:validation:MinProperties=1
type SatuSehatEnvironment struct {
	// environment is Sandbox (default) or Production.
	// +optional
	// +kubebuilder:validation:Enum=Sandbox;Production
	Environment string `json:"environment,omitempty"`
	// baseURL replaces the environment's own address, for a proxy for instance.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^https://[^ ]+[^/ ]$')",messageExpression="\"'\" + self + \"' is not a base address: write https://host without a slash at the end\""
	BaseURL string `json:"baseURL,omitempty"`
}

// DeletionPolicy says what becomes of data when its District is deleted.
//
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

const (
	// DeletionRetain stops workloads and keeps namespace, data, secrets and backups.
	DeletionRetain DeletionPolicy = "Retain"
	// DeletionDelete deletes the data too, if there is a valid consent.
	DeletionDelete DeletionPolicy = "Delete"
)

// DataProtection carries the duties of Permenkes 24/2022 (retention) and UU
// 17/2023 art. 346 (processing in Indonesia).
// +kubebuilder:validation:MinProperties=1
type DataProtection struct {
	// retentionYears is how long medical records are kept after the last visit;
	// Permenkes 24/2022 art. 39 asks for at least 25.
	// +optional
	// +default=25
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:validation:XValidation:rule="self >= 25",message="that is less than the law allows: Permenkes 24/2022 art. 39 asks for at least 25 years after the last visit"
	RetentionYears *int32 `json:"retentionYears,omitempty"`
	// deletionPolicy is Retain (default) or Delete; Delete has effect only with
	// a consent to the action Delete.
	// +optional
	// +default="Retain"
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
	// residencyNodeSelector keeps database and RME on nodes that carry these
	// labels, for example those of a data centre in Indonesia.
	// +optional
	// +kubebuilder:validation:MaxProperties=8
	ResidencyNodeSelector map[string]string `json:"residencyNodeSelector,omitempty"`
	// consent to an action that loses data.
	// +optional
	Consent Consent `json:"consent,omitzero"`
}

// UpgradeSpec says how carefully the Puskesmas of a district are brought to
// another release. Pilots come first, then the others by ilp.priority and name.
// +kubebuilder:validation:MinProperties=1
type UpgradeSpec struct {
	// maxConcurrent is how many Puskesmas are changed at once, as a number or a
	// percentage of the district's (at least one); 25% by default.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=4
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 100 : self.matches('^([1-9][0-9]?|100)%$')",message="maxConcurrent must be a number from 1 to 100 or a percentage from 1% to 100%"
	MaxConcurrent *intstr.IntOrString `json:"maxConcurrent,omitempty"`
}

// ImageSource says where container images come from.
// +kubebuilder:validation:MinProperties=1
type ImageSource struct {
	// registry replaces the registry of every image of the release: a mirror in
	// the country, such as registry.example.go.id/ilp.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*$')",messageExpression="\"'\" + self + \"' is not a registry: write host[:port][/path] without scheme and without a slash at the end\""
	Registry string `json:"registry,omitempty"`
	// pullSecrets name Secrets in the district's namespace.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	PullSecrets []SecretReference `json:"pullSecrets,omitempty"`
}

// TimPembina is information about the coordinating team. It names offices, never persons.
// +kubebuilder:validation:MinProperties=1
type TimPembina struct {
	// decree that set the team up, such as "SK Bupati 440/123/2025".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Decree string `json:"decree,omitempty"`
	// contacts are offices that answer for this district.
	// +optional
	// +listType=map
	// +listMapKey=office
	// +kubebuilder:validation:MaxItems=8
	Contacts []Contact `json:"contacts,omitempty"`
}

// Contact is how an office is reached.
type Contact struct {
	// office by its name, such as "Dinas Kesehatan Kabupaten Sintang".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Office string `json:"office,omitempty"`
	// address is the office's own mail address, telephone number or web page.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Address string `json:"address,omitempty"`
}

// DistrictStatus is what the operator sees of a district.
// +kubebuilder:validation:MinProperties=1
// +structType=atomic
type DistrictStatus struct {
	// observedGeneration is the spec's generation that this status speaks of; -1 before the first look.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Reconciling and Stalled (kstatus) and one per concern.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// release says which StackRelease runs and which is on its way.
	// +optional
	Release DistrictReleaseStatus `json:"release,omitzero"`
	// namespace that holds the stack.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// storage is the size that every volume of PostgreSQL has; spec.database.storage
	// cannot go below it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Storage string `json:"storage,omitempty"`
	// puskesmas counts the Puskesmas of the district.
	// +optional
	Puskesmas PuskesmasCount `json:"puskesmas,omitzero"`
	// admitted are the Puskesmas that the district lets go to its release and that
	// have not written it down as their target yet.
	// +optional
	// +listType=map
	// +listMapKey=code
	// +kubebuilder:validation:MaxItems=256
	Admitted []Admission `json:"admitted,omitempty"`
	// dashboardURL is where the dashboard is published.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	DashboardURL string `json:"dashboardURL,omitempty"`
	// lastHandledRetry is the value of the annotation ilp.health/retry-requested-at
	// that was last acted on.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	LastHandledRetry string `json:"lastHandledRetry,omitempty"`
	// inventory is what versions before 0.2.0 made for this District. It is read once
	// and dropped, and nothing writes it any more: whose an object is says its owner
	// reference.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	Inventory []InventoryEntry `json:"inventory,omitempty"`
}

// DistrictReleaseStatus says which StackRelease runs and which is on its way.
// +kubebuilder:validation:MinProperties=1
type DistrictReleaseStatus struct {
	// current is the StackRelease that was last brought to Ready.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Current string `json:"current,omitempty"`
	// target is the StackRelease that is being brought about.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Target string `json:"target,omitempty"`
	// asked is the StackRelease that a pin or the wave asks for and that the
	// district has not begun to go to; what is in the way is in Ready.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Asked string `json:"asked,omitempty"`
	// database is the StackRelease whose PostgreSQL runs on every server.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Database string `json:"database,omitempty"`
	// dashboard is the StackRelease that the dashboard is of, or is being brought
	// to: it comes after the Puskesmas.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Dashboard string `json:"dashboard,omitempty"`
}

// PuskesmasCount counts Puskesmas by how far they are.
type PuskesmasCount struct {
	// total is how many are registered.
	// +required
	// +kubebuilder:validation:Minimum=0
	Total *int32 `json:"total,omitempty"`
	// ready is how many are Ready.
	// +required
	// +kubebuilder:validation:Minimum=0
	Ready *int32 `json:"ready,omitempty"`
	// pinned is how many hold a release of their own by Git.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Pinned *int32 `json:"pinned,omitempty"`
	// summary is ready/total, for people.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=16
	Summary string `json:"summary,omitempty"`
}

// DistrictList is a list of Districts.
// +kubebuilder:object:root=true
type DistrictList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []District `json:"items"`
}
