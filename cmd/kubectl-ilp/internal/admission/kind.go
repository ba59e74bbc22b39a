package admission

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// kind is one version of a CRD.
type kind struct {
	resource   string
	namespaced bool
	structure  *structuralschema.Structural
	schema     validation.SchemaValidator
	rules      *cel.Validator
}

func newKind(crd *apiextensionsv1.CustomResourceDefinition, version *apiextensionsv1.CustomResourceDefinitionVersion) (*kind, error) {
	props := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, props, nil); err != nil {
		return nil, err
	}
	structure, err := structuralschema.NewStructural(props)
	if err != nil {
		return nil, err
	}
	schema, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		return nil, err
	}
	return &kind{
		resource:   crd.Spec.Names.Plural,
		namespaced: crd.Spec.Scope == apiextensionsv1.NamespaceScoped,
		structure:  structure,
		schema:     schema,
		rules:      cel.NewValidator(structure, true, celconfig.PerCallLimit),
	}, nil
}

// check does what an API server does on a create with strict field validation,
// in the same order. Rules in CEL, those of the CRD here and those of policies
// elsewhere, are evaluated only over what is well formed.
func (k *kind) check(ctx context.Context, object *unstructured.Unstructured) (errs field.ErrorList, wellFormed bool) {
	unknown := pruning.PruneWithOptions(object.Object, k.structure, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		errs = append(errs, &field.Error{Type: field.ErrorTypeForbidden, Field: path, Detail: "unknown field: correct its name or take it out"})
	}
	_, _, unknown, err := objectmeta.GetObjectMetaWithOptions(object.Object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return append(errs, field.Invalid(field.NewPath("metadata"), nil, err.Error())), false
	}
	for _, path := range unknown {
		errs = append(errs, &field.Error{Type: field.ErrorTypeForbidden, Field: path, Detail: "unknown field: correct its name or take it out"})
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object.Object, k.structure)
	defaulting.Default(object.Object, k.structure)

	errs = append(errs, apivalidation.ValidateObjectMetaAccessor(object, k.namespaced, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))...)
	errs = append(errs, validation.ValidateCustomResource(nil, object.Object, k.schema)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.structure, object.Object)...)
	if malformed(errs) {
		return errs, false
	}
	broken, _ := k.rules.Validate(ctx, nil, k.structure, object.Object, nil, celconfig.RuntimeCELCostBudget)
	return append(errs, broken...), true
}

// malformed reports whether rules in CEL would stumble over what is wrong.
func malformed(errs field.ErrorList) bool {
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return true
		}
	}
	return false
}

// problem tells an error of the API server's code by its field. Values that
// the text repeats anyhow, and whole objects, are left out.
func problem(err *field.Error) (path, text string) {
	path = err.Field
	if path == "<nil>" { // what a nil *field.Path is written as
		path = ""
	}
	value, simple := err.BadValue.(string)
	switch {
	case err.Type == field.ErrorTypeTypeInvalid && strings.Contains(err.Detail, "of type string"):
		return path, fmt.Sprintf("must be a string, not of type %s: write it in quotes", value)
	case err.Type == field.ErrorTypeTypeInvalid:
		return path, err.Detail
	case err.Type == field.ErrorTypeForbidden:
		return path, err.Detail
	case err.Type == field.ErrorTypeInvalid && (!simple || strings.Contains(err.Detail, value)):
		return path, err.Detail
	default:
		return path, err.ErrorBody()
	}
}
