package harness

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
)

// NeverMakes looks for a while that no object of a kind appears whose name starts so.
func (d *District) NeverMakes(ctx context.Context, gvk schema.GroupVersionKind, prefix string) {
	GinkgoHelper()
	Consistently(func() []string {
		var names []string
		for _, object := range d.Objects(ctx, gvk) {
			if strings.HasPrefix(object.GetName(), prefix) {
				names = append(names, object.GetName())
			}
		}
		return names
	}, AWhile).Should(BeEmpty())
}

// ImageOf is the image that a Deployment runs.
func (d *District) ImageOf(ctx context.Context, name string) string {
	GinkgoHelper()
	container := d.Container(ctx, name)
	image, _ := container["image"].(string)
	return image
}

// ApplyWithPuskesmas creates a district that has one facility and a domain.
func (d *District) ApplyWithPuskesmas(ctx context.Context) {
	GinkgoHelper()
	d.Apply(ctx, func(r *v1alpha1.District) { r.Spec.Exposure.Domain = "example.test" })
	d.AddPuskesmas(ctx, "tebidah")
}

// hashed are names that end in a hash of what is in the object, which differs
// from district to district.
var hashed = regexp.MustCompile(`-[0-9a-z]{8,10}$`)

// Made lists what the operator has made and exists, without what differs from
// district to district.
func (d *District) Made(ctx context.Context) []string {
	GinkgoHelper()
	var out []string
	for _, gvk := range slices.Concat(live.BuiltinKinds, cnpg.Kinds, []schema.GroupVersionKind{Core("Secret")}) {
		if gvk.Kind == "Namespace" {
			continue
		}
		for _, object := range d.Objects(ctx, gvk) {
			out = append(out, gvk.Kind+" "+hashed.ReplaceAllString(object.GetName(), ""))
		}
	}
	slices.Sort(out)
	return out
}

// ExpectOwned wants everything that the operator made to have the owner that it
// was made for, or none if it outlives it.
func (d *District) ExpectOwned(ctx context.Context) {
	GinkgoHelper()
	of := map[string]types.UID{"": d.Get(ctx).UID}
	for _, p := range d.Every(ctx, PuskesmasKind) {
		of[p.GetName()] = p.GetUID()
	}
	for _, gvk := range slices.Concat(live.BuiltinKinds, cnpg.Kinds, []schema.GroupVersionKind{Core("Secret")}) {
		if gvk.Kind == "Namespace" {
			continue
		}
		for _, object := range d.Objects(ctx, gvk) {
			if apply.Outlives(&object) {
				Expect(object.GetOwnerReferences()).To(BeEmpty(), "%s %s", gvk.Kind, object.GetName())
				continue
			}
			Expect(object.GetOwnerReferences()).To(HaveExactElements(And(
				HaveField("UID", of[object.GetLabels()[v1alpha1.LabelPuskesmas]]),
				HaveField("Controller", HaveValue(BeTrue())),
				HaveField("BlockOwnerDeletion", HaveValue(BeFalse())),
			)), "%s %s", gvk.Kind, object.GetName())
		}
	}
}

// Background deletes at once, and leaves what depends on the object to the
// garbage collector.
var Background = client.PropagationPolicy(metav1.DeletePropagationBackground)

// Find is the operator's object of a kind whose name starts so.
func (d *District) Find(ctx context.Context, gvk schema.GroupVersionKind, prefix string) *unstructured.Unstructured {
	GinkgoHelper()
	var names []string
	for _, object := range d.Objects(ctx, gvk) {
		if strings.HasPrefix(object.GetName(), prefix) {
			return &object
		}
		names = append(names, object.GetName())
	}
	Fail(fmt.Sprintf("no %s starts with %s among %v", gvk.Kind, prefix, names))
	return nil
}

// Running are the resourceVersions of everything that the operator has made,
// which those of the resources and their statuses are not.
func (d *District) Running(ctx context.Context) map[string]string {
	GinkgoHelper()
	versions := d.Versions(ctx)
	maps.DeleteFunc(versions, func(name, _ string) bool { return name == "District" || strings.HasPrefix(name, "Puskesmas ") })
	return versions
}

// Environment names the variables that a Deployment's container has.
func (d *District) Environment(ctx context.Context, deployment string) []string {
	GinkgoHelper()
	env, _ := d.Container(ctx, deployment)["env"].([]any)
	var names []string
	for _, item := range env {
		name, _ := item.(map[string]any)["name"].(string)
		names = append(names, name)
	}
	return names
}

// Versions are the resourceVersions of everything that belongs to the district.
func (d *District) Versions(ctx context.Context) map[string]string {
	GinkgoHelper()
	out := map[string]string{"District": d.Get(ctx).ResourceVersion}
	kinds := append([]schema.GroupVersionKind{PuskesmasKind, {Version: "v1", Kind: "Secret"}}, live.BuiltinKinds...)
	for _, gvk := range append(kinds, cnpg.Kinds...) {
		if gvk.Kind == "Namespace" {
			continue
		}
		objects := d.Objects(ctx, gvk)
		if gvk == PuskesmasKind {
			objects = d.Every(ctx, gvk)
		}
		for _, object := range objects {
			out[object.GetKind()+" "+object.GetName()] = object.GetResourceVersion()
		}
	}
	return out
}
