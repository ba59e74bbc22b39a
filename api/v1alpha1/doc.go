// Package v1alpha1 holds the resources of the ILP operator: District,
// Puskesmas, Wave and StackRelease.
//
// Which release a stack is of is found by reading: its own pin, else its Wave,
// else its District, else what it runs. Health flows up through one condition,
// Ready. Spec is intent and belongs to Git; status is observation, belongs to the
// operator, and can be lost. There is no webhook: everything that can be refused
// is refused by the CEL rules in these types and by the
// ValidatingAdmissionPolicies in config/policy.
//
// +kubebuilder:object:generate=true
// +groupName=ilp.health
package v1alpha1
