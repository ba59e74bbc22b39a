package v1alpha1

// RMEPod is what a facility adds to the pods of its RME. env, nodeSelector and
// tolerations hold for the Job that migrates its schema, too.
//
// +kubebuilder:validation:MinProperties=1
type RMEPod struct {
	// env are further environment variables with plain values. What is secret
	// comes from the operator.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Env []PodVariable `json:"env,omitempty"`
	// nodeSelector keeps the pods on nodes with these labels, besides those of
	// the district's dataProtection.residencyNodeSelector.
	// +optional
	// +kubebuilder:validation:MaxProperties=8
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$'))",message="a node's label has a key such as disk or example.go.id/disk"
	NodeSelector map[string]LabelValue `json:"nodeSelector,omitempty"`
	// tolerations let the pods onto nodes with these taints.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Tolerations []PodToleration `json:"tolerations,omitempty"`
	// labels of the RME's pods, such as cost-centre.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^(([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+id/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$') && !k.matches('^(pod-template-hash|pod-template-generation|controller-revision-hash|controller-uid|job-name)$'))",message="a label's key has no domain or one in Indonesia, such as cost-centre or dinkes.example.go.id/unit: others decide about isolation"
	Labels map[string]LabelValue `json:"labels,omitempty"`
	// annotations of the RME's pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^(([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+id/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$') || k.matches('^(cluster-autoscaler[.]kubernetes[.]io/safe-to-evict|karpenter[.]sh/do-not-disrupt|kubectl[.]kubernetes[.]io/restartedAt|prometheus[.]io/(scrape|scheme|path|port))$'))",message="an annotation's key has no domain or one in Indonesia, such as note or dinkes.example.go.id/note: others decide about isolation"
	Annotations map[string]AnnotationValue `json:"annotations,omitempty"`
}

// LabelValue is the value of a label.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$')",message="a label's value is made of letters and digits, with '-', '_' and '.' between them"
type LabelValue string

// AnnotationValue is the value of an annotation.
//
// +kubebuilder:validation:MaxLength=1024
type AnnotationValue string

// PodVariable is an environment variable with a plain value.
type PodVariable struct {
	// name of the variable: none that the operator provides.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z_][A-Za-z0-9_]*$')",messageExpression="\"'\" + self + \"' is no name of a variable: use letters, digits and _\""
	// +kubebuilder:validation:XValidation:rule="!self.matches('^(DB_.*|PWS_.*|SATUSEHAT_.*|FACILITY_.*|DISTRICT_.*|ADMIN_PASSWORD|SECRET_KEY|COOKIE_SECURE|PUBLIC_HOST|RAWAT_INAP|TZ|TIME_ZONE|PG.*|LD_.*|BASH_.*|ENV|KUBERNETES_.*)$')",messageExpression="\"'\" + self + \"' is a name that the operator provides or that a program's loader obeys: choose another\""
	Name string `json:"name,omitempty"`
	// value as it stands, without references to other variables.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:XValidation:rule="!self.contains('$(')",message="a value refers to other variables by $(…): write a plain value"
	Value string `json:"value,omitempty"`
}

// PodToleration lets pods onto nodes with a taint.
type PodToleration struct {
	// key of the taint: one of your own, not of Kubernetes.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$') && !self.matches('^([a-z0-9.-]+[.])?(kubernetes|k8s)[.]io/')",messageExpression="\"'\" + self + \"' is not the key of a taint of your own: those of Kubernetes guard the control plane and broken nodes\""
	Key string `json:"key,omitempty"`
	// value of the taint; any without it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	Value LabelValue `json:"value,omitempty"`
	// effect of the taint; any without it.
	// +optional
	// +kubebuilder:validation:Enum=NoSchedule;PreferNoSchedule;NoExecute
	Effect string `json:"effect,omitempty"`
}
