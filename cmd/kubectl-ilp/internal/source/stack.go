package source

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// Stack is a district with its Puskesmas, by name.
type Stack struct {
	District  v1alpha1.District
	Puskesmas []v1alpha1.Puskesmas
}

// StackOf reads a district's stack. A person may name the district by its code
// or its namespace, too.
func StackOf(ctx context.Context, c client.Client, name string) (*Stack, error) {
	var districts v1alpha1.DistrictList
	if err := c.List(ctx, &districts); err != nil {
		return nil, fmt.Errorf("list districts: %w", err)
	}
	district, err := districtOf(districts.Items, name)
	if err != nil {
		return nil, err
	}
	var puskesmas v1alpha1.PuskesmasList
	namespace := v1alpha1.NamespaceFor(district.Spec.Code)
	if err := c.List(ctx, &puskesmas, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list Puskesmas of %s: %w", namespace, err)
	}
	slices.SortFunc(puskesmas.Items, func(a, b v1alpha1.Puskesmas) int { return cmp.Compare(a.Name, b.Name) })
	return &Stack{*district, puskesmas.Items}, nil
}

func districtOf(districts []v1alpha1.District, name string) (*v1alpha1.District, error) {
	var names []string
	for i := range districts {
		if districts[i].Name == name {
			return &districts[i], nil
		}
		names = append(names, districts[i].Name)
	}
	for i := range districts {
		if code := districts[i].Spec.Code; string(code) == name || v1alpha1.NamespaceFor(code) == name {
			return &districts[i], nil
		}
	}
	return nil, missing("district", name, names)
}

// Facility finds one Puskesmas of the stack by its name or its code.
func (s *Stack) Facility(name string) (*v1alpha1.Puskesmas, error) {
	var names []string
	for i := range s.Puskesmas {
		if p := &s.Puskesmas[i]; p.Name == name || p.Spec.Code == name {
			return p, nil
		}
		names = append(names, s.Puskesmas[i].Name)
	}
	return nil, missing("Puskesmas", name, names)
}

// missing names what there is instead.
func missing(kind, name string, names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("%s %q does not exist, and no other either", kind, name)
	}
	slices.Sort(names)
	return fmt.Errorf("%s %q does not exist: there is %s", kind, name, strings.Join(names, ", "))
}
