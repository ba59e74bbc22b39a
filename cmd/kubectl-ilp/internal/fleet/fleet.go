// Package fleet looks at all objects of some folders together: what contradicts
// what, and what the operator would make of them.
package fleet

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/admission"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
)

// Fleet is what the folders hold, with its defaults.
type Fleet struct {
	// Problems that were found so far.
	Problems []manifest.Problem
	// Notes say what could not be looked at for want of other files.
	Notes []string
	// Count is how many objects of the operator's kinds there are.
	Count int

	namespaces []manifest.Object
	districts  []placed[v1alpha1.District]
	puskesmas  []placed[v1alpha1.Puskesmas]
	waves      []placed[v1alpha1.Wave]
	releases   []placed[v1alpha1.StackRelease]
}

// placed is an object with the place it comes from.
type placed[T any] struct {
	manifest.Object
	Value *T
	// sound tells that an API server would take it.
	sound bool
}

// New checks each object by itself, and then all of them together. Objects that
// an API server would refuse are left out of the latter where they cannot be read.
func New(ctx context.Context, checker *admission.Checker, set *manifest.Set) *Fleet {
	f := &Fleet{Problems: set.Problems}
	seen := map[string]string{}
	for _, object := range set.Objects {
		problems := checker.Check(ctx, object)
		f.Problems = append(f.Problems, problems...)
		if object.GroupVersionKind().Group == v1alpha1.GroupVersion.Group {
			f.Count++
		}
		key := object.GroupVersionKind().Group + " " + object.Title()
		if first, again := seen[key]; again {
			f.add(object, "", fmt.Sprintf("is already in %s: one of the two would overwrite the other, keep one", first))
			continue
		}
		seen[key] = object.File
		if len(problems) == 0 {
			for _, warning := range checker.Warnings(ctx, object) {
				f.notef("%s", warning)
			}
		}
		f.take(object, len(problems) == 0)
	}
	f.checkCodes()
	f.checkPlaces()
	f.checkReferences()
	f.Problems = manifest.Sort(f.Problems)
	return f
}

// take keeps what has a meaning for other objects.
func (f *Fleet) take(object manifest.Object, sound bool) {
	gvk := object.GroupVersionKind()
	if gvk.Group == "" && gvk.Kind == "Namespace" {
		f.namespaces = append(f.namespaces, object)
	}
	if gvk.GroupVersion() != v1alpha1.GroupVersion {
		return
	}
	switch gvk.Kind {
	case "District":
		f.districts = keep(f.districts, object, sound)
	case "Puskesmas":
		f.puskesmas = keep(f.puskesmas, object, sound)
	case "Wave":
		f.waves = keep(f.waves, object, sound)
	case "StackRelease":
		f.releases = keep(f.releases, object, sound)
	}
}

// keep adds an object, unless its fields have types that cannot be read: then a
// problem says so already.
func keep[T any](list []placed[T], object manifest.Object, sound bool) []placed[T] {
	value := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.UnstructuredContent(), value); err != nil {
		return list
	}
	return append(list, placed[T]{object, value, sound})
}

func (f *Fleet) add(object manifest.Object, path, message string) {
	f.Problems = append(f.Problems, object.Problem(path, message))
}

func (f *Fleet) notef(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}
