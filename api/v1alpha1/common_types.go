package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KabKotaCode is the Kemendagri code of a kabupaten or kota, PP.KK: province,
// dot, 01-69 for a kabupaten or 71-99 for a kota. BPS codes have the same
// digits for other places (Sintang is Kemendagri 61.05 and BPS 6107), which no
// format check can find; the dot at least keeps the bare BPS form out.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=8
// +kubebuilder:validation:XValidation:rule="self.matches('^[1-9][0-9][.](0[1-9]|[1-6][0-9]|7[1-9]|[89][0-9])$')",messageExpression="\"'\" + self + \"' is not a Kemendagri code of a kabupaten or kota: write province, dot, 01-69 (kabupaten) or 71-99 (kota), such as 61.05; codes without a dot are BPS codes, another system\""
// +kubebuilder:validation:XValidation:rule="!self.matches('^[1-9][0-9][.]') || self.substring(0, 2) in ['11','12','13','14','15','16','17','18','19','21','31','32','33','34','35','36','51','52','53','61','62','63','64','65','71','72','73','74','75','76','81','82','91','92','93','94','95','96']",messageExpression="\"'\" + self + \"' starts with a province code that does not exist: the 38 provinces are 11-19, 21, 31-36, 51-53, 61-65, 71-76, 81, 82 and 91-96\""
type KabKotaCode string

// KecamatanCode is the Kemendagri code of a kecamatan, PP.KK.CC.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=12
// +kubebuilder:validation:XValidation:rule="self.matches('^[1-9][0-9][.][0-9]{2}[.](0[1-9]|[1-9][0-9])$')",messageExpression="\"'\" + self + \"' is not a Kemendagri code of a kecamatan: write it as PP.KK.CC, such as 61.05.15\""
type KecamatanCode string

// DesaCode is the Kemendagri code of a desa or kelurahan, PP.KK.CC.DDDD; the
// fifth group starts with 1 for a kelurahan, 2 for a desa, 3 for a desa adat.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=16
// +kubebuilder:validation:XValidation:rule="self.matches('^[1-9][0-9][.][0-9]{2}[.][0-9]{2}[.][123][0-9]{3}$')",messageExpression="\"'\" + self + \"' is not a Kemendagri code of a desa or kelurahan: write it as PP.KK.CC.DDDD with D = 1 (kelurahan), 2 (desa) or 3 (desa adat), such as 61.05.15.2001\""
type DesaCode string

// ImageReference names a container image by tag or digest. A tag that moves
// would let two Puskesmas of one release run different software.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9._:/-]*[a-z0-9])?(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[a-f0-9]{64})?$')",messageExpression="\"'\" + self + \"' is not an image reference: write repository:tag or repository@sha256:digest\""
// +kubebuilder:validation:XValidation:rule="self.contains('@sha256:') || self.matches(':[A-Za-z0-9_][A-Za-z0-9._-]*$')",messageExpression="\"'\" + self + \"' has neither tag nor digest: pin the image, such as gnuhealth:5.0.6 or gnuhealth@sha256:…\""
// +kubebuilder:validation:XValidation:rule="self.contains('@sha256:') || !self.endsWith(':latest')",messageExpression="\"'\" + self + \"' uses the tag latest, which moves: pin a version or a digest\""
type ImageReference string

// StorageSize is a quantity of bytes such as 20Gi, of 16Ti at most: that is where
// common file systems and block storage end.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:XValidation:rule="isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))",messageExpression="\"'\" + self + \"' is not a size: write a quantity above zero, such as 20Gi\""
// +kubebuilder:validation:XValidation:rule="!isQuantity(self) || quantity(self).compareTo(quantity('16Ti')) <= 0",messageExpression="\"'\" + self + \"' is more than 16Ti, where common file systems (ext4) and block storage end: ask for less\""
type StorageSize string

// SemanticVersion is a version by semver.org 2.0.0 without a leading v.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule="self.matches('^(0|[1-9][0-9]*)[.](0|[1-9][0-9]*)[.](0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?([+][0-9A-Za-z.-]+)?$')",messageExpression="\"'\" + self + \"' is not a semantic version: write MAJOR.MINOR.PATCH, such as 1.4.0\""
type SemanticVersion string

// ObjectName is the name of another object of the cluster.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",messageExpression="\"'\" + self + \"' is not an object's name: use lower-case letters, digits, '-' and '.'\""
type ObjectName string

// HostName is a DNS name below which services are published.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$')",messageExpression="\"'\" + self + \"' is not a host name: use lower-case letters, digits, '-' and dots, such as sintang.example.go.id\""
type HostName string

// State is what a person wants a stack to do.
//
// +kubebuilder:validation:Enum=Active;Suspended;Hibernated
type State string

const (
	// StateActive reconciles and serves.
	StateActive State = "Active"
	// StateSuspended stops reconciling; whatever runs keeps running.
	StateSuspended State = "Suspended"
	// StateHibernated reconciles with every workload scaled to zero and the
	// database stopped; data stays.
	StateHibernated State = "Hibernated"
)

// RMEProfile chooses how an RME is rendered; each value but none other is a
// folder config/stack/rme/<profile>.
//
// +kubebuilder:validation:Enum=gnuhealth;hapi-fhir;custom
type RMEProfile string

const (
	// RMEProfileGNUHealth runs GNU Health with its web client.
	RMEProfileGNUHealth RMEProfile = "gnuhealth"
	// RMEProfileHAPIFHIR runs the HAPI FHIR server, a store without screens and
	// without a login, and therefore never published.
	RMEProfileHAPIFHIR RMEProfile = "hapi-fhir"
	// RMEProfileCustom runs any image that keeps the contract in docs/custom-rme.md.
	RMEProfileCustom RMEProfile = "custom"
)

// DashboardProfile chooses how the dashboard is rendered; each value is a
// folder config/stack/dashboard/<profile>.
//
// +kubebuilder:validation:Enum=superset
type DashboardProfile string

// DashboardProfileSuperset runs Apache Superset.
const DashboardProfileSuperset DashboardProfile = "superset"

// SecretReference names a Secret in the namespace of the resource that refers to it.
type SecretReference struct {
	// name of the Secret.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// ResourceRequirements are the requests and limits of one container.
// +kubebuilder:validation:MinProperties=1
type ResourceRequirements struct {
	// requests is what the scheduler sets aside, for example cpu 100m and memory 512Mi.
	// +optional
	// +kubebuilder:validation:MaxProperties=8
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^(cpu|memory|ephemeral-storage|hugepages-.*)$'))",message="only cpu, memory, ephemeral-storage and hugepages-<size> are given to a container, no devices"
	Requests map[corev1.ResourceName]resource.Quantity `json:"requests,omitempty"`
	// limits is what the container may never exceed.
	// +optional
	// +kubebuilder:validation:MaxProperties=8
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^(cpu|memory|ephemeral-storage|hugepages-.*)$'))",message="only cpu, memory, ephemeral-storage and hugepages-<size> are given to a container, no devices"
	// +kubebuilder:validation:XValidation:rule="self.all(k, type(self[k]) == string ? quantity(self[k]).isGreaterThan(quantity('0')) : int(self[k]) > 0)",message="amounts are above zero: 0 would be no limit at all"
	Limits map[corev1.ResourceName]resource.Quantity `json:"limits,omitempty"`
}

// Patch is a kustomize patch, applied last to everything that is rendered: the
// way out of what this API did not foresee.
type Patch struct {
	// patch is a strategic merge patch or a list of JSON 6902 operations, in YAML or JSON.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	Patch string `json:"patch,omitempty"`
	// target selects the objects; without it the patch's own kind and name do.
	// +optional
	Target PatchTarget `json:"target,omitzero"`
}

// PatchTarget selects rendered objects by what kubectl shows of them.
// +kubebuilder:validation:MinProperties=1
type PatchTarget struct {
	// group of the object's API; empty for the core group or any group.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`
	// kind of the object, such as Deployment.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`
	// name is a regular expression over the object's name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// labelSelector selects by label, in kubectl's notation.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	LabelSelector string `json:"labelSelector,omitempty"`
}

// ConsentAction is what a person agrees to.
//
// +kubebuilder:validation:Enum=Delete;Prune;Recreate;ChangeProfile
type ConsentAction string

const (
	// ConsentDelete agrees that data goes with the resource that is deleted.
	ConsentDelete ConsentAction = "Delete"
	// ConsentPrune agrees that a stateful object which the spec no longer asks for is deleted.
	ConsentPrune ConsentAction = "Prune"
	// ConsentRecreate agrees to begin anew, without the data that is missing:
	// what is gone is made again, empty, and what has other contents is taken as it is.
	ConsentRecreate ConsentAction = "Recreate"
	// ConsentChangeProfile agrees that another program works on the database of a
	// Puskesmas, which it may not understand or may change.
	ConsentChangeProfile ConsentAction = "ChangeProfile"
)

// Consent is a person's word that data may be lost: one action, on one
// district or Puskesmas, for a reason, for 30 days at most. Nothing stateful is
// deleted or replaced without it.
//
// +kubebuilder:validation:XValidation:rule="!has(self.issuedAt) || !has(self.expiresAt) || self.expiresAt > self.issuedAt",fieldPath=".expiresAt",message="a consent ends after it is given: write an expiresAt after issuedAt, at most 30 days later"
// +kubebuilder:validation:XValidation:rule="!has(self.issuedAt) || !has(self.expiresAt) || self.expiresAt <= self.issuedAt + duration('720h')",fieldPath=".expiresAt",message="a consent lasts 30 days at most: write an expiresAt at most 30 days after issuedAt"
type Consent struct {
	// action that is agreed to.
	// +required
	Action ConsentAction `json:"action,omitempty"`
	// code repeats the code of the district or Puskesmas it is given for, so
	// that a consent copied to another resource has no effect.
	// +required
	// +kubebuilder:validation:MinLength=5
	// +kubebuilder:validation:MaxLength=16
	Code string `json:"code,omitempty"`
	// reason says why, for the audit trail. It names no persons.
	// +required
	// +kubebuilder:validation:MinLength=10
	// +kubebuilder:validation:MaxLength=512
	Reason string `json:"reason,omitempty"`
	// issuedAt is when the consent is given. One from the future has no effect.
	// +required
	IssuedAt metav1.Time `json:"issuedAt,omitempty,omitzero"`
	// expiresAt ends the consent, at most 30 days after issuedAt; from then on it
	// is as if it had not been given. A deletion that has begun by then goes on.
	// +required
	ExpiresAt metav1.Time `json:"expiresAt,omitempty,omitzero"`
}

// InventoryEntry names one object that a version before 0.2.0 made for a resource.
type InventoryEntry struct {
	// id is namespace_name_group_kind, as Flux writes it; empty parts stay empty.
	// +required
	// +kubebuilder:validation:MinLength=4
	// +kubebuilder:validation:MaxLength=512
	ID string `json:"id,omitempty"`
	// v is the API version within the group.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Version string `json:"v,omitempty"`
}

// Admission lets a District, or a Puskesmas, go from one release to another. It
// counts only while from is the release that the stack itself has written down
// as its target: one that is late, or comes twice, moves nobody.
type Admission struct {
	// code of the District or of the Puskesmas.
	// +required
	// +kubebuilder:validation:MinLength=5
	// +kubebuilder:validation:MaxLength=16
	Code string `json:"code,omitempty"`
	// from is the release that it runs or is brought to; empty for one that runs none.
	// +optional
	From ObjectName `json:"from,omitempty"`
	// to is the release that it may go to.
	// +required
	To ObjectName `json:"to,omitempty"`
	// at is when it was admitted. Nothing depends on it.
	// +required
	At metav1.Time `json:"at,omitempty,omitzero"`
}
