package fleet

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
	"ilp.health/operator/config"
	"ilp.health/operator/controllers/district"
	"ilp.health/operator/controllers/puskesmas"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/upgrade"
)

// credentialsVersion stands for the version of a Secret that only the cluster knows.
const credentialsVersion = "unknown"

// Render returns what the operator applies for every District and Puskesmas
// once they stand on their release, by the operator's own code. What cannot be
// rendered becomes a problem.
func (f *Fleet) Render(ctx context.Context) []*unstructured.Unstructured {
	renderer := render.New(config.Stack())
	var all []*unstructured.Unstructured
	add := func(object manifest.Object, rendered []*unstructured.Unstructured, err error) {
		if err != nil {
			f.Problems = append(f.Problems, refused(object, err))
			return
		}
		all = append(all, rendered...)
	}
	districts := slices.SortedFunc(slices.Values(f.districts), byName)
	for _, d := range districts {
		facilities := f.membersOf(d.Value)
		unsound := func(p placed[v1alpha1.Puskesmas]) bool { return !p.sound }
		if !d.sound || slices.ContainsFunc(facilities, unsound) {
			continue // its problems are told
		}
		release := f.releaseOf(d.Value)
		if release == nil {
			if len(f.releases) > 0 { // without any there is a note already
				f.notef("%s is not rendered and its patches are not checked: its release is not known", d.Title())
			}
			continue
		}
		var members []v1alpha1.Puskesmas
		for _, p := range facilities {
			members = append(members, *p.Value)
		}
		objects, err := district.Offline(ctx, renderer, district.DefaultIdentity, d.Value, members, release)
		add(d.Object, objects, err)
		for _, p := range facilities {
			own := release
			if name := p.Value.Spec.Release; name != "" {
				if own = f.release(name); own == nil {
					continue // told as a problem
				}
			}
			objects, err := puskesmas.Offline(ctx, renderer, d.Value, p.Value, own, credentialsVersion)
			add(p.Object, objects, err)
		}
	}
	f.Problems = manifest.Sort(f.Problems)
	return all
}

// membersOf are the Puskesmas of a district, by name.
func (f *Fleet) membersOf(d *v1alpha1.District) []placed[v1alpha1.Puskesmas] {
	var members []placed[v1alpha1.Puskesmas]
	for _, p := range f.puskesmas {
		if p.GetNamespace() == v1alpha1.NamespaceFor(d.Spec.Code) {
			members = append(members, p)
		}
	}
	slices.SortFunc(members, byName)
	return members
}

func byName[T any](a, b placed[T]) int { return cmp.Compare(a.GetName(), b.GetName()) }

// releaseOf is the release that a district comes to stand on: its own, its
// wave's, or the default; nil if it is not among the files.
func (f *Fleet) releaseOf(d *v1alpha1.District) *v1alpha1.StackRelease {
	if d.Spec.Release != "" {
		return f.release(d.Spec.Release)
	}
	if name := d.Spec.WaveRef.Name; name != "" {
		for _, w := range f.waves {
			if w.GetName() == string(name) {
				return f.release(w.Value.Spec.Release)
			}
		}
		return nil
	}
	var releases []v1alpha1.StackRelease
	for _, r := range f.releases {
		releases = append(releases, *r.Value)
	}
	return upgrade.Default(releases)
}

func (f *Fleet) release(name v1alpha1.ObjectName) *v1alpha1.StackRelease {
	for _, r := range f.releases {
		if r.GetName() == string(name) {
			return r.Value
		}
	}
	return nil
}

var atPatch = regexp.MustCompile(`^(spec\.patches\[[0-9]+\])(?: \((.*?)\))?: `)

// refused tells what the operator would say of a spec that it cannot render.
func refused(object manifest.Object, err error) manifest.Problem {
	message := err.Error()
	var stop *status.Stop
	if errors.As(err, &stop) {
		message = stop.Message
	}
	if at := atPatch.FindStringSubmatch(message); at != nil {
		message = message[len(at[0]):]
		if at[2] != "" {
			message = at[2] + ": " + message
		}
		return object.Problem(at[1], message)
	}
	return object.Problem("", message)
}
