package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Puskesmas is a primary care facility with its own RME. It belongs to the
// district in whose namespace it lives, so nobody can attach a facility to
// somebody else's district.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=puskesmas,singular=puskesmas,shortName=pkm,categories=ilp
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Code",type=string,JSONPath=`.spec.code`
// +kubebuilder:printcolumn:name="Puskesmas",type=string,JSONPath=`.spec.name`
// +kubebuilder:printcolumn:name="ILP",type=string,JSONPath=`.spec.ilp.stage`
// +kubebuilder:printcolumn:name="Release",type=string,JSONPath=`.status.release.current`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="URL",type=string,priority=1,JSONPath=`.status.rmeURL`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$') && size(self.metadata.name) <= 40",message="metadata.name must start with a letter and be a DNS label of at most 40 characters, such as sungai-durian: the names of its objects are made from it"
type Puskesmas struct {
	metav1.TypeMeta `json:",inline"`
	// metadata of the Puskesmas; its name is free within the district, the code identifies it.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what the dinkes wants for this facility.
	// +required
	Spec PuskesmasSpec `json:"spec,omitempty,omitzero"`
	// status is what the operator sees.
	// +optional
	// +default={"observedGeneration":-1}
	Status PuskesmasStatus `json:"status,omitempty,omitzero"`
}

// PuskesmasSpec is the wanted state of a facility.
//
// +kubebuilder:validation:XValidation:rule="self.code == oldSelf.code",fieldPath=".code",messageExpression="'code cannot change from ' + oldSelf.code + ' to ' + self.code + ': its database is named by it; create another Puskesmas'"
// +kubebuilder:validation:XValidation:rule="!has(self.lintasKlaster) || !('RawatInap' in self.lintasKlaster) || self.category == 'RawatInap'",fieldPath=".lintasKlaster",message="lintasKlaster lists RawatInap but category is NonRawatInap: set category to RawatInap or take the service out"
// +kubebuilder:validation:XValidation:rule="!has(self.consent) || self.consent.code == self.code",fieldPath=".consent.code",messageExpression="\"'\" + self.consent.code + \"' is the code of something else: a consent must repeat the code of this Puskesmas, \" + self.code"
// +kubebuilder:validation:XValidation:rule="!has(self.rme) || !has(self.rme.custom) || (has(self.rme.profile) && self.rme.profile == 'custom')",fieldPath=".rme.custom",message="rme.custom is set but rme.profile is not custom: set rme.profile to custom or take rme.custom out"
type PuskesmasSpec struct {
	// code is the kode Puskesmas: P, seven digits, 1 or 2, two digits. Its
	// digits are BPS's, so they never agree with Kemendagri codes. It cannot change.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^P[0-9]{7}[12](0[1-9]|[1-9][0-9])$')",messageExpression="\"'\" + self + \"' is not a kode Puskesmas: write P, seven digits, 1 or 2, and a number from 01 to 99, such as P6107080201\""
	Code string `json:"code,omitempty"`
	// name without the word Puskesmas, such as Tebidah.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`
	// kecamatan in which it stands.
	// +required
	Kecamatan Kecamatan `json:"kecamatan,omitempty,omitzero"`
	// desa and kelurahan that it serves.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=200
	// +kubebuilder:validation:XValidation:rule="[self.map(d, d.code)].all(codes, codes.all(i, code, codes.indexOf(code) == i))",messageExpression="\"desa '\" + [self.map(d, d.code)].map(codes, codes.transformList(i, code, codes.indexOf(code) != i, code))[0][0] + \"' is listed twice: list each desa once\""
	Desa []Desa `json:"desa,omitempty"`
	// category says whether it has beds: RawatInap or NonRawatInap (default).
	// +optional
	// +default="NonRawatInap"
	// +kubebuilder:validation:Enum=RawatInap;NonRawatInap
	Category string `json:"category,omitempty"`
	// ilp says how far the facility is with integrated primary care.
	// +optional
	ILP ILPStatus `json:"ilp,omitzero"`
	// klaster that are served (KMK HK.01.07/MENKES/2015/2023); all four by default.
	// +optional
	// +listType=atomic
	// +default=["Manajemen","IbuDanAnak","UsiaDewasaDanLansia","PenanggulanganPenyakitMenular"]
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:XValidation:rule="self.all(i, k, self.indexOf(k) == i)",messageExpression="\"'\" + self.transformList(i, k, self.indexOf(k) != i, k)[0] + \"' is listed twice: list each klaster once\""
	Klaster []Klaster `json:"klaster,omitempty"`
	// lintasKlaster lists services that serve every klaster.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:XValidation:rule="self.all(i, k, self.indexOf(k) == i)",messageExpression="\"'\" + self.transformList(i, k, self.indexOf(k) != i, k)[0] + \"' is listed twice: list each service once\""
	LintasKlaster []LintasKlaster `json:"lintasKlaster,omitempty"`
	// pustu are the Puskesmas Pembantu. A desa may have several; desa and name
	// together say which one it is.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="[self.map(p, p.desa + ' ' + p.name)].all(keys, keys.all(i, key, keys.indexOf(key) == i))",messageExpression="\"Pustu '\" + [self.map(p, p.desa + ' ' + p.name)].map(keys, keys.transformList(i, key, keys.indexOf(key) != i, key))[0][0] + \"' is listed twice: give each Pustu of a desa a name of its own\""
	Pustu []Pustu `json:"pustu,omitempty"`
	// posyandu counts the Posyandu of each desa.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=200
	// +kubebuilder:validation:XValidation:rule="[self.map(p, p.desa)].all(desa, desa.all(i, code, desa.indexOf(code) == i))",messageExpression="\"the Posyandu of desa '\" + [self.map(p, p.desa)].map(desa, desa.transformList(i, code, desa.indexOf(code) != i, code))[0][0] + \"' are counted twice: write one entry with all of them\""
	Posyandu []Posyandu `json:"posyandu,omitempty"`
	// rme is the facility's medical record, by default as the district says.
	// +optional
	RME RMESpec `json:"rme,omitzero"`
	// satusehat connects the RME to the national platform.
	// +optional
	SatuSehat SatuSehatSpec `json:"satusehat,omitzero"`
	// connectivity describes the line; information only, Ready never depends on it.
	// +optional
	// +kubebuilder:validation:Enum=Good;Intermittent;None
	Connectivity string `json:"connectivity,omitempty"`
	// release pins the Puskesmas to a StackRelease. Without it the Puskesmas goes
	// where its District admits it; a new one takes that of its District.
	// +optional
	Release ObjectName `json:"release,omitempty"`
	// state is Active (default), Suspended (hands off) or Hibernated (RME
	// stopped, data kept).
	// +optional
	// +default="Active"
	State State `json:"state,omitempty"`
	// consent to an action that loses this facility's data.
	// +optional
	Consent Consent `json:"consent,omitzero"`
	// patches is deprecated and goes in a later version: rme.image, replicas,
	// resources, host, pod and custom say the same. They are kustomize patches over
	// this facility's objects, applied last; what they may change is in
	// docs/operations.md.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Patches []Patch `json:"patches,omitempty"`
}

// Kecamatan is a subdistrict by code and name. The code identifies it; the name
// is what dashboards show and what lets a reader notice a code of somewhere else.
type Kecamatan struct {
	// code of the kecamatan.
	// +required
	Code KecamatanCode `json:"code,omitempty"`
	// name as in the Kemendagri list, such as Kayan Hulu.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`
}

// Desa is a desa, kelurahan or desa adat by code and name. The code identifies
// it; the name is what dashboards show and what lets a reader notice a code of
// somewhere else.
type Desa struct {
	// code of the desa.
	// +required
	Code DesaCode `json:"code,omitempty"`
	// name as in the Kemendagri list, such as Nanga Tebidah.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`
}

// ILPStatus says how far a facility is with integrated primary care.
// +kubebuilder:validation:MinProperties=1
type ILPStatus struct {
	// stage is Preparing, Pilot (lokus) or Running. Pilots are upgraded first.
	// +optional
	// +kubebuilder:validation:Enum=Preparing;Pilot;Running
	Stage string `json:"stage,omitempty"`
	// priority orders facilities of one stage; lower numbers come first.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Priority *int32 `json:"priority,omitempty"`
}

// Klaster of integrated primary care.
//
// +kubebuilder:validation:Enum=Manajemen;IbuDanAnak;UsiaDewasaDanLansia;PenanggulanganPenyakitMenular
type Klaster string

// LintasKlaster is a service across the klaster.
//
// +kubebuilder:validation:Enum=KegawatDaruratan;RawatInap;Laboratorium;Kefarmasian
type LintasKlaster string

// Pustu is a Puskesmas Pembantu. The minimum is 1 bidan, 1 perawat and 2 kader
// (KMK HK.01.07/MENKES/2015/2023); less is reported, never refused.
type Pustu struct {
	// desa in which it stands.
	// +required
	Desa DesaCode `json:"desa,omitempty"`
	// name of the Pustu.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`
	// bidan is the number of midwives.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Bidan int32 `json:"bidan,omitempty"`
	// perawat is the number of nurses.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Perawat int32 `json:"perawat,omitempty"`
	// kader is the number of community health workers.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Kader int32 `json:"kader,omitempty"`
}

// MeetsMinimum reports whether the staff reaches the minimum of a Pustu:
// 1 bidan, 1 perawat, 2 kader (KMK HK.01.07/MENKES/2015/2023).
func (p Pustu) MeetsMinimum() bool {
	return p.Bidan >= 1 && p.Perawat >= 1 && p.Kader >= 2
}

// Posyandu are counted by desa; they have no codes of their own.
type Posyandu struct {
	// desa in which they stand.
	// +required
	Desa DesaCode `json:"desa,omitempty"`
	// count is the number of Posyandu in the desa.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=200
	Count int32 `json:"count,omitempty"`
	// kader is the number of community health workers in all of them.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5000
	Kader int32 `json:"kader,omitempty"`
}

// RMESpec is a facility's medical record.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.pod) || !has(self.pod.env) || !has(self.custom) || !has(self.custom.env) || !self.pod.env.exists(e, e.name in self.custom.env)",fieldPath=".pod.env",message="a variable stands in both pod.env and custom.env: take it out of one of them"
// +kubebuilder:validation:XValidation:rule="!has(self.profile) || self.profile != 'custom' || (has(self.custom) && has(self.image))",message="profile custom needs image and custom: name the image and its port"
type RMESpec struct {
	// profile of the RME; the district's by default.
	// +optional
	Profile RMEProfile `json:"profile,omitempty"`
	// image replaces the release's image.
	// +optional
	Image ImageReference `json:"image,omitempty"`
	// replicas of the RME; the district's by default.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	Replicas int32 `json:"replicas,omitempty"`
	// resources of the RME container; the district's by default.
	// +optional
	Resources ResourceRequirements `json:"resources,omitzero"`
	// host under which the RME is published; <name>.<domain of the district> by default.
	// +optional
	Host HostName `json:"host,omitempty"`
	// pod says what else the RME's pods have: variables, nodes, labels.
	// +optional
	Pod RMEPod `json:"pod,omitzero"`
	// custom describes an image of one's own, for profile custom.
	// +optional
	Custom CustomRME `json:"custom,omitzero"`
}

// CustomRME is the contract with an image of one's own.
type CustomRME struct {
	// port that the image listens on.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
	// readinessPath answers 200 when the RME can serve; / by default.
	// +optional
	// +default="/"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.startsWith('/')",messageExpression="\"'\" + self + \"' is not a path: start it with /\""
	ReadinessPath string `json:"readinessPath,omitempty"`
	// migrateCommand creates or upgrades the schema, run to its end before the
	// RME starts; without it the RME does so itself at start.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=1024
	MigrateCommand []string `json:"migrateCommand,omitempty"`
	// env maps names that the image expects to names that the operator
	// provides: DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD, DB_SSLMODE,
	// ADMIN_PASSWORD, FACILITY_CODE, FACILITY_NAME, PUBLIC_HOST, TZ and SATUSEHAT_*.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Env map[string]string `json:"env,omitempty"`
}

// SatuSehatSpec connects one facility to SATUSEHAT. One client id serves one
// Organization ID, so each facility has a Secret of its own.
type SatuSehatSpec struct {
	// organizationID of the facility at SATUSEHAT.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{8,10}$')",messageExpression="\"'\" + self + \"' is not a SATUSEHAT Organization ID: write its 8 to 10 digits\""
	OrganizationID string `json:"organizationID,omitempty"`
	// credentialsSecretRef names the Secret with client_id and client_secret.
	// It is supplied by people, never generated, and reaches this RME only.
	// +required
	CredentialsSecretRef SecretReference `json:"credentialsSecretRef,omitempty,omitzero"`
}

// PuskesmasStatus is what the operator sees of a facility.
// +kubebuilder:validation:MinProperties=1
// +structType=atomic
type PuskesmasStatus struct {
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
	Release PuskesmasReleaseStatus `json:"release,omitzero"`
	// lastHandledRetry holds the values of the annotation
	// ilp.health/retry-requested-at, of the district and of this Puskesmas, that
	// were last acted on.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=520
	LastHandledRetry string `json:"lastHandledRetry,omitempty"`
	// database is the name of the facility's database and of the role that owns it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Database string `json:"database,omitempty"`
	// rmeURL is where the RME is published.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	RMEURL string `json:"rmeURL,omitempty"`
	// inventory is what versions before 0.2.0 made for this Puskesmas. It is read once
	// and dropped, and nothing writes it any more: whose an object is says its owner
	// reference.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Inventory []InventoryEntry `json:"inventory,omitempty"`
}

// PuskesmasReleaseStatus says which StackRelease runs, which is on its way, and
// which one the database's schema is of.
// +kubebuilder:validation:MinProperties=1
type PuskesmasReleaseStatus struct {
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
	// schema is the StackRelease that the database's schema is of, or is being
	// brought to; written before the first change to it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Schema string `json:"schema,omitempty"`
	// rolledBack tells of a release whose RME failed here and was put back. It is
	// not tried again until the spec changes or a retry is requested.
	// +optional
	RolledBack RolledBackRelease `json:"rolledBack,omitzero"`
}

// RolledBackRelease is a release whose RME failed.
type RolledBackRelease struct {
	// name of the StackRelease.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`
	// generation of the spec with which it failed.
	// +required
	// +kubebuilder:validation:Minimum=1
	Generation int64 `json:"generation,omitempty"`
	// message says how it failed.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// PuskesmasList is a list of Puskesmas.
// +kubebuilder:object:root=true
type PuskesmasList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Puskesmas `json:"items"`
}
