// Package v1alpha1 holds the resources of the ILP operator: District,
// Puskesmas, Wave and StackRelease.
//
// A release flows down through one field, spec.release (Wave → District →
// Puskesmas); health flows up through one condition, Ready. Spec is intent and
// belongs to Git, status is observation and belongs to the operator. There is
// no webhook: everything that can be refused is refused by the CEL rules in
// these types and by the ValidatingAdmissionPolicies in config/policy.
//
// +kubebuilder:object:generate=true
// +groupName=ilp.health
package v1alpha1
