package admission

import (
	"context"
	"fmt"
	"regexp"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"

	"ilp.health/operator/api/v1alpha1"
)

// policy is a ValidatingAdmissionPolicy that is compiled as the API server does.
type policy struct {
	name     string
	rules    []admissionregistrationv1.NamedRuleWithOperations
	selector labels.Selector
	// namespaces selects by the labels of the object's namespace.
	namespaces labels.Selector
	validator  validating.Validator
}

func newPolicy(object *unstructured.Unstructured) (*policy, error) {
	source := &admissionregistrationv1.ValidatingAdmissionPolicy{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, source); err != nil {
		return nil, err
	}
	spec := &source.Spec
	p := &policy{name: source.Name, rules: spec.MatchConstraints.ResourceRules, selector: labels.Everything(), namespaces: labels.Everything()}
	var err error
	if spec.MatchConstraints.ObjectSelector != nil {
		if p.selector, err = metav1.LabelSelectorAsSelector(spec.MatchConstraints.ObjectSelector); err != nil {
			return nil, err
		}
	}
	if spec.MatchConstraints.NamespaceSelector != nil {
		if p.namespaces, err = metav1.LabelSelectorAsSelector(spec.MatchConstraints.NamespaceSelector); err != nil {
			return nil, err
		}
	}
	if p.validator, err = compile(source); err != nil {
		return nil, err
	}
	return p, p.validator.CompileError()
}

// compile puts a policy's expressions together; the API server's own function
// that does so is not exported.
func compile(source *admissionregistrationv1.ValidatingAdmissionPolicy) (validating.Validator, error) {
	spec := &source.Spec
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return nil, err
	}
	var variables []cel.NamedExpressionAccessor
	for _, v := range spec.Variables {
		variables = append(variables, &validating.Variable{Name: v.Name, Expression: v.Expression})
	}
	withAuthorizer := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	compiler.CompileAndStoreVariables(variables, withAuthorizer, environment.StoredExpressions)

	var conditions, validations, messages []cel.ExpressionAccessor
	for i := range spec.MatchConditions {
		conditions = append(conditions, (*matchconditions.MatchCondition)(&spec.MatchConditions[i]))
	}
	for _, v := range spec.Validations {
		validations = append(validations, &validating.ValidationCondition{Expression: v.Expression, Message: v.Message, Reason: v.Reason})
		// One entry for each validation: they are found by their place.
		var text cel.ExpressionAccessor
		if v.MessageExpression != "" {
			text = &validating.MessageExpressionCondition{MessageExpression: v.MessageExpression}
		}
		messages = append(messages, text)
	}
	condition := func(list []cel.ExpressionAccessor, optional cel.OptionalVariableDeclarations) cel.ConditionEvaluator {
		return compiler.CompileCondition(list, optional, environment.StoredExpressions)
	}
	var matcher matchconditions.Matcher
	if len(conditions) > 0 {
		matcher = matchconditions.NewMatcher(condition(conditions, withAuthorizer), spec.FailurePolicy, "policy", "validate", source.Name)
	}
	return validating.NewValidator(condition(validations, withAuthorizer), matcher, condition(nil, withAuthorizer),
		condition(messages, cel.OptionalVariableDeclarations{}), spec.FailurePolicy, nil), nil
}

// check says what the policy has against the creation of an object.
func (p *policy) check(ctx context.Context, object *unstructured.Unstructured, resource schema.GroupVersionResource) []string {
	namespace := object.GetNamespace()
	gvk := object.GroupVersionKind()
	if gvk.Group == "" && gvk.Kind == "Namespace" {
		namespace = object.GetName() // as the API server does
	}
	attributes := admission.NewAttributesRecord(object, nil, gvk, namespace, object.GetName(), resource, "",
		admission.Create, &metav1.CreateOptions{}, false, somebody)
	if !p.matches(attributes) || !p.selector.Matches(labels.Set(object.GetLabels())) {
		return nil
	}
	in := namespaceOf(object)
	if in != nil && !p.namespaces.Matches(labels.Set(in.Labels)) {
		return nil
	}
	versioned := &admission.VersionedAttributes{Attributes: attributes, VersionedKind: gvk, VersionedObject: object}
	var refused []string
	result := p.validator.Validate(ctx, resource, versioned, nil, in, celconfig.RuntimeCELCostBudget, nil)
	for _, decision := range result.Decisions {
		switch {
		case decision.Evaluation == validating.EvalError:
			refused = append(refused, fmt.Sprintf("policy %s cannot be evaluated: %s", p.name, decision.Message))
		case decision.Action == validating.ActionDeny:
			refused = append(refused, decision.Message)
		}
	}
	return refused
}

// somebody is who creates an object: a person or a pipeline, whom no policy knows.
var somebody = &user.DefaultInfo{Name: "somebody"}

// districtNamespace is the form of the name of a district's namespace.
var districtNamespace = regexp.MustCompile(`^ilp-(\d{2})(\d{2})$`)

// namespaceOf is the namespace in which an object is to be created, with the
// label that a district's has. It is nil for an object that is in none.
func namespaceOf(object *unstructured.Unstructured) *corev1.Namespace {
	if object.GetNamespace() == "" {
		return nil
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: object.GetNamespace()}}
	if code := districtNamespace.FindStringSubmatch(namespace.Name); code != nil {
		namespace.Labels = map[string]string{v1alpha1.LabelDistrict: code[1] + "." + code[2]}
	}
	return namespace
}

func (p *policy) matches(attributes admission.Attributes) bool {
	for i := range p.rules {
		matcher := rules.Matcher{Rule: p.rules[i].RuleWithOperations, Attr: attributes}
		if matcher.Matches() {
			return true
		}
	}
	return false
}
