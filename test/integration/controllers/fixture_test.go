package controllers_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

const (
	defaultRelease = "ilp-1.0.0"
	otherRelease   = "ilp-1.1.0"
)

// createReleases fills the catalogue: the default release and another.
func createReleases(ctx context.Context, c client.Client) {
	GinkgoHelper()
	for name, version := range map[string]string{defaultRelease: "1.0.0", otherRelease: "1.1.0"} {
		release := newRelease(name, version)
		if name == defaultRelease {
			release.Annotations = map[string]string{v1alpha1.DefaultReleaseAnnotation: "true"}
		}
		Expect(c.Create(ctx, release)).To(Succeed())
	}
}

func newRelease(name, version string) *v1alpha1.StackRelease {
	image := func(part string) v1alpha1.ImageReference {
		return v1alpha1.ImageReference("localhost/ilp/" + part + ":" + version)
	}
	return &v1alpha1.StackRelease{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.StackReleaseSpec{
			Version:   v1alpha1.SemanticVersion(version),
			Database:  v1alpha1.DatabaseRelease{Image: "localhost/ilp/postgresql:15-bookworm"},
			RME:       []v1alpha1.RMERelease{{Profile: v1alpha1.RMEProfileGNUHealth, Image: image("gnuhealth")}},
			Dashboard: v1alpha1.DashboardRelease{Profile: v1alpha1.DashboardProfileSuperset, Image: image("superset")},
		},
	}
}

// district is a kabupaten of a spec's own, so that specs share one API server.
type district struct {
	client          client.WithWatch
	code            v1alpha1.KabKotaCode
	name, namespace string
}

var districtsMade, puskesmasMade atomic.Int32

// newDistrict chooses a code that no other spec has, and creates nothing.
func newDistrict(c client.WithWatch) *district {
	n := int(districtsMade.Add(1)) - 1
	code := v1alpha1.KabKotaCode(fmt.Sprintf("%d.%02d", []int{31, 32, 33, 34, 35, 36, 51, 52, 53, 61, 62, 63, 64}[n/60], n%60+1))
	namespace := v1alpha1.NamespaceFor(code)
	return &district{client: c, code: code, namespace: namespace, name: "kab-" + strings.TrimPrefix(namespace, "ilp-")}
}

// resource is the District, as somebody would commit it.
func (d *district) resource() *v1alpha1.District {
	return &v1alpha1.District{
		ObjectMeta: metav1.ObjectMeta{Name: d.name},
		Spec: v1alpha1.DistrictSpec{
			Code: d.code, Name: "Kabupaten " + d.name,
			Database: v1alpha1.DatabaseSpec{Storage: "2Gi"},
		},
	}
}

// apply creates namespace and District, and leaves them alone when the spec ends.
func (d *district) apply(ctx context.Context, changes ...func(*v1alpha1.District)) *district {
	GinkgoHelper()
	d.applyNamespace(ctx)
	resource := d.resource()
	for _, change := range changes {
		change(resource)
	}
	Expect(d.client.Create(ctx, resource)).To(Succeed())
	DeferCleanup(d.suspend)
	return d
}

func (d *district) applyNamespace(ctx context.Context) {
	GinkgoHelper()
	Expect(d.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: d.namespace, Labels: map[string]string{v1alpha1.LabelDistrict: string(d.code)},
	}})).To(Succeed())
}

// suspend keeps the operator's hands off, so that specs do not disturb each other.
func (d *district) suspend(ctx SpecContext) { d.suspendNow(ctx) }

func (d *district) suspendNow(ctx context.Context) {
	GinkgoHelper()
	for _, resource := range d.all(ctx) {
		d.change(ctx, &resource, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateSuspended })
	}
}

func (d *district) all(ctx context.Context) []v1alpha1.District {
	GinkgoHelper()
	var list v1alpha1.DistrictList
	Expect(d.client.List(ctx, &list)).To(Succeed())
	var mine []v1alpha1.District
	for _, item := range list.Items {
		if item.Spec.Code == d.code {
			mine = append(mine, item)
		}
	}
	return mine
}

// change edits a District as kubectl edit does.
func (d *district) change(ctx context.Context, resource *v1alpha1.District, edit func(*v1alpha1.District)) {
	GinkgoHelper()
	before := resource.DeepCopy()
	edit(resource)
	Expect(d.client.Patch(ctx, resource, client.MergeFrom(before))).To(Succeed())
}

// edit edits the district's own District.
func (d *district) edit(ctx context.Context, edit func(*v1alpha1.District)) {
	GinkgoHelper()
	d.change(ctx, d.get(ctx), edit)
}

func (d *district) get(ctx context.Context) *v1alpha1.District {
	GinkgoHelper()
	resource := &v1alpha1.District{}
	Expect(d.client.Get(ctx, client.ObjectKey{Name: d.name}, resource)).To(Succeed())
	return resource
}

// addPuskesmas creates a facility of the district.
func (d *district) addPuskesmas(ctx context.Context, name string, changes ...func(*v1alpha1.Puskesmas)) *v1alpha1.Puskesmas {
	GinkgoHelper()
	p := d.newPuskesmas(name)
	for _, change := range changes {
		change(p)
	}
	Expect(d.client.Create(ctx, p)).To(Succeed())
	return p
}

func (d *district) newPuskesmas(name string) *v1alpha1.Puskesmas {
	kecamatan := string(d.code) + ".01"
	return &v1alpha1.Puskesmas{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: d.namespace},
		Spec: v1alpha1.PuskesmasSpec{
			Code: fmt.Sprintf("P%07d101", puskesmasMade.Add(1)), Name: name,
			Kecamatan: v1alpha1.Kecamatan{Code: v1alpha1.KecamatanCode(kecamatan), Name: "Kota"},
			Desa:      []v1alpha1.Desa{{Code: v1alpha1.DesaCode(kecamatan + ".2001"), Name: "Baning"}},
		},
	}
}

// editPuskesmas edits a facility.
func (d *district) editPuskesmas(ctx context.Context, name string, edit func(*v1alpha1.Puskesmas)) {
	GinkgoHelper()
	p := d.puskesmas(ctx, name)
	before := p.DeepCopy()
	edit(p)
	Expect(d.client.Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
}

func (d *district) puskesmas(ctx context.Context, name string) *v1alpha1.Puskesmas {
	GinkgoHelper()
	p := &v1alpha1.Puskesmas{}
	Expect(d.client.Get(ctx, client.ObjectKey{Namespace: d.namespace, Name: name}, p)).To(Succeed())
	return p
}

// object reads one object of the district; it is nil if there is none.
func (d *district) object(ctx context.Context, gvk schema.GroupVersionKind, name string) *unstructured.Unstructured {
	GinkgoHelper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(gvk)
	err := d.client.Get(ctx, client.ObjectKey{Namespace: d.namespace, Name: name}, object)
	if client.IgnoreNotFound(err) == nil && err != nil {
		return nil
	}
	Expect(err).NotTo(HaveOccurred())
	return object
}

// objects lists the operator's objects of a kind in the district.
func (d *district) objects(ctx context.Context, gvk schema.GroupVersionKind) []unstructured.Unstructured {
	GinkgoHelper()
	return d.every(ctx, gvk, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagerName})
}

// every lists the objects of a kind in the district, whoever made them.
func (d *district) every(ctx context.Context, gvk schema.GroupVersionKind, options ...client.ListOption) []unstructured.Unstructured {
	GinkgoHelper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	Expect(d.client.List(ctx, list, append(options, client.InNamespace(d.namespace))...)).To(Succeed())
	return list.Items
}

// container is the first container of a Deployment, or nil.
func (d *district) container(ctx context.Context, deployment string) map[string]any {
	GinkgoHelper()
	object := d.object(ctx, deploymentKind, deployment)
	if object == nil {
		return nil
	}
	containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
	first, _ := containers[0].(map[string]any)
	return first
}

// expectReady waits until the District, or the named Puskesmas, is Ready for its
// present generation.
func (d *district) expectReady(ctx context.Context, puskesmas ...string) {
	GinkgoHelper()
	if len(puskesmas) == 0 {
		d.expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	}
	for _, name := range puskesmas {
		d.expect(ctx, name, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	}
}

// expect waits for a condition of the District, or of a Puskesmas if one is
// named, that speaks of the present generation and whose message has all parts.
// An empty reason is any.
func (d *district) expect(ctx context.Context, puskesmas, conditionType string, status metav1.ConditionStatus, reason string, parts ...string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega) {
		var list []metav1.Condition
		var generation int64
		if puskesmas == "" {
			resource := &v1alpha1.District{}
			g.Expect(d.client.Get(ctx, client.ObjectKey{Name: d.name}, resource)).To(Succeed())
			list, generation = resource.Status.Conditions, resource.Generation
		} else {
			resource := &v1alpha1.Puskesmas{}
			g.Expect(d.client.Get(ctx, client.ObjectKey{Namespace: d.namespace, Name: puskesmas}, resource)).To(Succeed())
			list, generation = resource.Status.Conditions, resource.Generation
		}
		c := meta.FindStatusCondition(list, conditionType)
		g.Expect(c).NotTo(BeNil(), "%s among %s", conditionType, describe(list))
		g.Expect(c.Status).To(Equal(status), describe(list))
		g.Expect(c.ObservedGeneration).To(Equal(generation), describe(list))
		if reason != "" {
			g.Expect(c.Reason).To(Equal(reason), describe(list))
		}
		for _, part := range parts {
			g.Expect(c.Message).To(ContainSubstring(part))
		}
	}).Should(Succeed())
}

func describe(list []metav1.Condition) string {
	lines := make([]string, 0, len(list))
	for _, c := range list {
		lines = append(lines, fmt.Sprintf("%s=%s %s (generation %d): %s", c.Type, c.Status, c.Reason, c.ObservedGeneration, c.Message))
	}
	return strings.Join(lines, "\n")
}
