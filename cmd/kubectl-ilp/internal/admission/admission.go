// Package admission decides without a cluster what an API server with the
// operator's CRDs and policies would refuse, by the API server's own code.
package admission

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
	"ilp.health/operator/config"
)

// Checker checks objects that are to be created.
type Checker struct {
	kinds    map[schema.GroupVersionKind]*kind
	policies []*policy
	// warns are the names of policies whose binding refuses nothing.
	warns map[string]bool
}

// New returns the Checker of the CRDs and policies that belong to this version.
// It is compiled once, which takes a while, and is safe for concurrent use.
func New() (*Checker, error) { return compiled() }

var compiled = sync.OnceValues(func() (*Checker, error) {
	c := &Checker{kinds: map[schema.GroupVersionKind]*kind{}, warns: map[string]bool{}}
	objects, err := Objects()
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		if err := c.learn(object); err != nil {
			return nil, fmt.Errorf("%s: %w", object.File, err)
		}
	}
	return c, nil
})

// Objects returns the CRDs and policies that belong to this version.
func Objects() ([]manifest.Object, error) {
	var objects []manifest.Object
	err := fs.WalkDir(config.Admission(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(config.Admission(), path)
		if err != nil {
			return err
		}
		objects = append(objects, manifest.Parse(path, content).Objects...)
		return nil
	})
	return objects, err
}

// learn takes a CRD, a policy or its binding; kustomizations say nothing more.
func (c *Checker) learn(object manifest.Object) error {
	switch object.GetKind() {
	case "CustomResourceDefinition":
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, crd); err != nil {
			return err
		}
		for i := range crd.Spec.Versions {
			version := &crd.Spec.Versions[i]
			known, err := newKind(crd, version)
			if err != nil {
				return err
			}
			c.kinds[schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}] = known
		}
	case "ValidatingAdmissionPolicy":
		compiled, err := newPolicy(object.Unstructured)
		if err != nil {
			return err
		}
		c.policies = append(c.policies, compiled)
	case "ValidatingAdmissionPolicyBinding":
		binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, binding); err != nil {
			return err
		}
		c.warns[binding.Spec.PolicyName] = !slices.Contains(binding.Spec.ValidationActions, admissionregistrationv1.Deny)
	}
	return nil
}

// Check says all that the API server would refuse of an object, and gives the
// object its defaults. Kinds of others are only seen by the policies.
func (c *Checker) Check(ctx context.Context, object manifest.Object) []manifest.Problem {
	gvk := object.GroupVersionKind()
	known := c.kinds[gvk]
	if known == nil && gvk.Group == v1alpha1.GroupVersion.Group {
		return []manifest.Problem{object.Problem("", fmt.Sprintf("there is no kind %s in %s: use one of %s", gvk.Kind, gvk.GroupVersion(), c.names()))}
	}
	var problems []manifest.Problem
	resource, _ := meta.UnsafeGuessKindToResource(gvk)
	if known != nil {
		resource.Resource = known.resource
		errs, wellFormed := known.check(ctx, object.Unstructured)
		for _, err := range errs {
			problems = append(problems, object.Problem(problem(err)))
		}
		if !wellFormed {
			return problems
		}
	}
	for _, text := range c.say(ctx, object, resource, false) {
		path, text := splitPath(text)
		problems = append(problems, object.Problem(path, text))
	}
	return problems
}

// Warnings says what the API server would warn of when it takes an object.
func (c *Checker) Warnings(ctx context.Context, object manifest.Object) []string {
	known := c.kinds[object.GroupVersionKind()]
	if known == nil {
		return nil
	}
	return c.say(ctx, object, schema.GroupVersionResource{Group: object.GroupVersionKind().Group, Version: object.GroupVersionKind().Version, Resource: known.resource}, true)
}

// say collects what the policies that warn, or those that refuse, have against an object.
func (c *Checker) say(ctx context.Context, object manifest.Object, resource schema.GroupVersionResource, warning bool) []string {
	var texts []string
	for _, p := range c.policies {
		if c.warns[p.name] == warning {
			texts = append(texts, p.check(ctx, object.Unstructured, resource)...)
		}
	}
	return texts
}

func (c *Checker) names() string {
	var names []string
	for gvk := range c.kinds {
		names = append(names, gvk.Kind+" ("+gvk.GroupVersion().String()+")")
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// splitPath takes the field from the front of a policy's message, if it has one.
func splitPath(text string) (path, rest string) {
	path, rest, found := strings.Cut(text, ": ")
	if !found || strings.ContainsAny(path, " '") || !strings.Contains(path, ".") {
		return "", text
	}
	return path, rest
}
