package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/admission"
)

// probe names the objects that the API server is asked to refuse.
const probe = "kubectl-ilp-doctor"

// expected are the objects of a kind that belong to this version.
func expected[T any](kind string) ([]T, error) {
	objects, err := admission.Objects()
	if err != nil {
		return nil, err
	}
	var list []T
	for _, object := range objects {
		if object.GetKind() != kind {
			continue
		}
		var typed T
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed); err != nil {
			return nil, fmt.Errorf("%s: %w", object.File, err)
		}
		list = append(list, typed)
	}
	return list, nil
}

// definitions looks whether the CRDs are those that the plugin knows.
func (p *patient) definitions(ctx context.Context) (finding, error) {
	wanted, err := expected[apiextensionsv1.CustomResourceDefinition]("CustomResourceDefinition")
	if err != nil {
		return finding{}, err
	}
	version := v1alpha1.GroupVersion.Version
	var others []string
	for i := range wanted {
		name := wanted[i].Name
		found := &apiextensionsv1.CustomResourceDefinition{}
		err := p.client.Get(ctx, client.ObjectKey{Name: name}, found)
		switch {
		case apierrors.IsNotFound(err):
			return failed(deploy, "CRD %s is missing", name)
		case err != nil:
			return finding{}, err
		case !established(found):
			return failed("kubectl describe crd "+name, "CRD %s is not established", name)
		}
		theirs, ours := schemaOf(found, version), schemaOf(&wanted[i], version)
		if theirs == nil {
			return failed(deploy, "CRD %s does not serve %s", name, version)
		}
		if same, err := sameJSON(theirs, ours); err != nil || !same {
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		return warned("take plugin and operator of one version", "all %d serve %s, but fields or rules of %s differ from what this plugin knows", len(wanted), version, strings.Join(others, ", "))
	}
	return passed("all %d are established and serve %s as this plugin knows it", len(wanted), version)
}

func established(crd *apiextensionsv1.CustomResourceDefinition) bool {
	return slices.ContainsFunc(crd.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
	})
}

// schemaOf a served version, or nil.
func schemaOf(crd *apiextensionsv1.CustomResourceDefinition, version string) *apiextensionsv1.CustomResourceValidation {
	for i := range crd.Spec.Versions {
		if v := &crd.Spec.Versions[i]; v.Name == version && v.Served {
			return v.Schema
		}
	}
	return nil
}

// sameJSON compares what two values mean: the API server sorts defaults anew.
func sameJSON(a, b any) (bool, error) {
	var texts [2][]byte
	for i, value := range []any{a, b} {
		raw, err := json.Marshal(value)
		if err != nil {
			return false, err
		}
		var plain any
		if err := json.Unmarshal(raw, &plain); err != nil {
			return false, err
		}
		if texts[i], err = json.Marshal(plain); err != nil {
			return false, err
		}
	}
	return bytes.Equal(texts[0], texts[1]), nil
}

// rules tries whether the rules of the CRDs are in force.
func (p *patient) rules(ctx context.Context) (finding, error) {
	bad := &v1alpha1.District{
		ObjectMeta: metav1.ObjectMeta{Name: probe},
		Spec:       v1alpha1.DistrictSpec{Code: "6107", Name: "Kabupaten Sintang", Database: v1alpha1.DatabaseSpec{Storage: "1Gi"}},
	}
	err := p.client.Create(ctx, bad, client.DryRunAll)
	switch {
	case err == nil:
		return failed(deploy, "a District with a BPS code for its code would be accepted")
	case apierrors.IsInvalid(err) && strings.Contains(err.Error(), "spec.code"):
		return passed("a District with a BPS code for its code is refused")
	default:
		return finding{}, err
	}
}

// policies looks whether the admission policies are there and bound.
func (p *patient) policies(ctx context.Context) (finding, error) {
	wanted, err := expected[admissionv1.ValidatingAdmissionPolicy]("ValidatingAdmissionPolicy")
	if err != nil {
		return finding{}, err
	}
	ours, err := expected[admissionv1.ValidatingAdmissionPolicyBinding]("ValidatingAdmissionPolicyBinding")
	if err != nil {
		return finding{}, err
	}
	var bindings admissionv1.ValidatingAdmissionPolicyBindingList
	if err := p.client.List(ctx, &bindings); err != nil {
		return finding{}, err
	}
	var missing, unbound, others []string
	for i := range wanted {
		name := wanted[i].Name
		found := &admissionv1.ValidatingAdmissionPolicy{}
		err := p.client.Get(ctx, client.ObjectKey{Name: name}, found)
		switch {
		case apierrors.IsNotFound(err):
			missing = append(missing, name)
		case err != nil:
			return finding{}, err
		case !acts(bindings.Items, name, actionsOf(ours, name)):
			unbound = append(unbound, name)
		// Who the operator is, in matchConditions, depends on where it runs. A condition too many is what another tool, or
		// an earlier version by another tool, has left.
		case !slices.Equal(conditions(found), conditions(&wanted[i])) || !equality.Semantic.DeepEqual(found.Spec.Validations, wanted[i].Spec.Validations) ||
			!equality.Semantic.DeepEqual(found.Spec.Variables, wanted[i].Spec.Variables):
			others = append(others, name)
		}
	}
	switch {
	case len(missing) > 0:
		return failed(deploy, "missing: %s", strings.Join(missing, ", "))
	case len(unbound) > 0:
		return failed(deploy, "without their bindings: %s", strings.Join(unbound, ", "))
	case len(others) > 0:
		return warned("take plugin and operator of one version", "all %d are bound, but these differ from what this plugin knows: %s", len(wanted), strings.Join(others, ", "))
	}
	return passed("all %d are there and bound", len(wanted))
}

// conditions are the names of a policy's matchConditions.
func conditions(policy *admissionv1.ValidatingAdmissionPolicy) []string {
	var names []string
	for _, condition := range policy.Spec.MatchConditions {
		names = append(names, condition.Name)
	}
	return slices.Sorted(slices.Values(names))
}

// actionsOf are what the binding that belongs to a policy does: most deny, some warn.
func actionsOf(bindings []admissionv1.ValidatingAdmissionPolicyBinding, policy string) []admissionv1.ValidationAction {
	for i := range bindings {
		if bindings[i].Spec.PolicyName == policy {
			return bindings[i].Spec.ValidationActions
		}
	}
	return []admissionv1.ValidationAction{admissionv1.Deny}
}

// acts reports whether a policy is bound so that it does all of that everywhere.
func acts(bindings []admissionv1.ValidatingAdmissionPolicyBinding, policy string, actions []admissionv1.ValidationAction) bool {
	return slices.ContainsFunc(bindings, func(b admissionv1.ValidatingAdmissionPolicyBinding) bool {
		return b.Spec.PolicyName == policy && b.Spec.MatchResources == nil &&
			!slices.ContainsFunc(actions, func(a admissionv1.ValidationAction) bool { return !slices.Contains(b.Spec.ValidationActions, a) })
	})
}

// enforcement tries whether the policies are in force, with one object for each
// that decides on what is created. The others decide on what there is.
func (p *patient) enforcement(ctx context.Context) (finding, error) {
	for _, try := range []struct {
		policy, what string
		object       client.Object
	}{
		{"puskesmas-in-district.ilp.health", "a Puskesmas in namespace default", &v1alpha1.Puskesmas{
			ObjectMeta: metav1.ObjectMeta{Name: probe, Namespace: metav1.NamespaceDefault},
			Spec:       v1alpha1.PuskesmasSpec{Code: "P6107080201", Name: "Tebidah", Kecamatan: v1alpha1.Kecamatan{Code: "61.05.09", Name: "Kayan Hulu"}},
		}},
		{"district-namespace.ilp.health", "a namespace with the label of a district that is not its own", &corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: probe, Labels: map[string]string{v1alpha1.LabelDistrict: "61.05"}},
		}},
	} {
		err := p.client.Create(ctx, try.object, client.DryRunAll)
		switch {
		case err == nil:
			return failed(deploy, "%s would be accepted: policy %s is not in force", try.what, try.policy)
		case !strings.Contains(err.Error(), try.policy):
			return finding{}, err
		}
	}
	return passed("a Puskesmas outside of a district, and a namespace with a false label, are refused")
}
