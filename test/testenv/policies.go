package testenv

import (
	"context"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// probeName names the policy by which enforcePolicies sees that the API server
// has caught up, and the ConfigMap that it refuses.
const probeName = "probe.testenv.ilp.health"

// refusal is what the probe says.
const refusal = "the policies are in force"

// enforcePolicies creates the policies of a folder and returns once the API
// server enforces them, which it begins to do a moment after they exist.
//
// It sees policies, and bindings, in the order in which they were made. So a
// policy made last and seen to refuse shows that all the others are in force.
func (e *Environment) enforcePolicies(ctx context.Context, folder string) {
	e.t.Helper()
	for _, object := range Kustomize(e.t, folder) {
		if err := e.Client.Create(ctx, object); err != nil {
			e.t.Fatalf("create %s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}

	probe := probePolicy()
	for _, object := range probe {
		if err := e.Client.Create(ctx, object); err != nil {
			e.t.Fatalf("create the probe of the policies: %v", err)
		}
	}
	refused := func(ctx context.Context) (bool, error) {
		err := e.Client.Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: probeName, Namespace: metav1.NamespaceDefault},
		}, client.DryRunAll)
		if err != nil && strings.Contains(err.Error(), refusal) {
			return true, nil
		}
		// The API server makes the namespace default a moment after its start.
		return false, client.IgnoreNotFound(err)
	}
	if err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, refused); err != nil {
		e.t.Fatalf("wait for the admission policies of %s to be in force: %v", folder, err)
	}
	for _, object := range probe {
		if err := e.Client.Delete(ctx, object); err != nil {
			e.t.Fatalf("delete the probe of the policies: %v", err)
		}
	}
}

func probePolicy() []client.Object {
	meta := metav1.ObjectMeta{Name: probeName}
	fail := admissionv1.Fail
	return []client.Object{
		&admissionv1.ValidatingAdmissionPolicy{
			ObjectMeta: meta,
			Spec: admissionv1.ValidatingAdmissionPolicySpec{
				FailurePolicy: &fail,
				MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
					ResourceNames: []string{probeName},
					RuleWithOperations: admissionv1.RuleWithOperations{
						Operations: []admissionv1.OperationType{admissionv1.Create},
						Rule: admissionv1.Rule{
							APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"},
						},
					},
				}}},
				Validations: []admissionv1.Validation{{Expression: "false", Message: refusal}},
			},
		},
		&admissionv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: meta,
			Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
				PolicyName:        probeName,
				ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			},
		},
	}
}
