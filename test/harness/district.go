package harness

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

// District is a kabupaten of a spec's own, so that specs share one API server.
type District struct {
	Client          client.WithWatch
	Code            v1alpha1.KabKotaCode
	Name, Namespace string
}

var districtsMade, puskesmasMade atomic.Int32

// NewDistrict chooses a code that no other spec has, and creates nothing.
func NewDistrict(c client.WithWatch) *District {
	n := int(districtsMade.Add(1)) - 1
	code := v1alpha1.KabKotaCode(fmt.Sprintf("%d.%02d", []int{31, 32, 33, 34, 35, 36, 51, 52, 53, 61, 62, 63, 64}[n/60], n%60+1))
	namespace := v1alpha1.NamespaceFor(code)
	return &District{Client: c, Code: code, Namespace: namespace, Name: "kab-" + strings.TrimPrefix(namespace, "ilp-")}
}

// Resource is the District, as somebody would commit it.
func (d *District) Resource() *v1alpha1.District {
	return &v1alpha1.District{
		ObjectMeta: metav1.ObjectMeta{Name: d.Name},
		Spec: v1alpha1.DistrictSpec{
			Code: d.Code, Name: "Kabupaten " + d.Name,
			Database: v1alpha1.DatabaseSpec{Storage: "2Gi"},
		},
	}
}

// Apply creates namespace and District, and leaves them alone when the spec ends.
func (d *District) Apply(ctx context.Context, changes ...func(*v1alpha1.District)) *District {
	GinkgoHelper()
	d.ApplyNamespace(ctx)
	resource := d.Resource()
	for _, change := range changes {
		change(resource)
	}
	Expect(d.Client.Create(ctx, resource)).To(Succeed())
	DeferCleanup(d.Suspend)
	return d
}

// ApplyNamespace creates the namespace alone.
func (d *District) ApplyNamespace(ctx context.Context) {
	GinkgoHelper()
	Expect(d.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: d.Namespace, Labels: map[string]string{v1alpha1.LabelDistrict: string(d.Code)},
	}})).To(Succeed())
}

// Suspend keeps the operator's hands off, so that specs do not disturb each other.
func (d *District) Suspend(ctx SpecContext) { d.SuspendNow(ctx) }

// SuspendNow suspends every District of the code.
func (d *District) SuspendNow(ctx context.Context) {
	GinkgoHelper()
	for _, resource := range d.All(ctx) {
		d.change(ctx, &resource, func(r *v1alpha1.District) { r.Spec.State = v1alpha1.StateSuspended })
	}
}

// All lists the Districts of the code.
func (d *District) All(ctx context.Context) []v1alpha1.District {
	GinkgoHelper()
	var list v1alpha1.DistrictList
	Expect(d.Client.List(ctx, &list)).To(Succeed())
	var mine []v1alpha1.District
	for _, item := range list.Items {
		if item.Spec.Code == d.Code {
			mine = append(mine, item)
		}
	}
	return mine
}

// change edits a District as kubectl edit does.
func (d *District) change(ctx context.Context, resource *v1alpha1.District, edit func(*v1alpha1.District)) {
	GinkgoHelper()
	before := resource.DeepCopy()
	edit(resource)
	Expect(d.Client.Patch(ctx, resource, client.MergeFrom(before))).To(Succeed())
}

// Edit edits the district's own District.
func (d *District) Edit(ctx context.Context, edit func(*v1alpha1.District)) {
	GinkgoHelper()
	d.change(ctx, d.Get(ctx), edit)
}

// Get reads the District.
func (d *District) Get(ctx context.Context) *v1alpha1.District {
	GinkgoHelper()
	resource := &v1alpha1.District{}
	Expect(d.Client.Get(ctx, client.ObjectKey{Name: d.Name}, resource)).To(Succeed())
	return resource
}

// AddPuskesmas creates a facility of the district.
func (d *District) AddPuskesmas(ctx context.Context, name string, changes ...func(*v1alpha1.Puskesmas)) *v1alpha1.Puskesmas {
	GinkgoHelper()
	p := d.NewPuskesmas(name)
	for _, change := range changes {
		change(p)
	}
	Expect(d.Client.Create(ctx, p)).To(Succeed())
	return p
}

// NewPuskesmas is a facility of the district, as somebody would commit it.
func (d *District) NewPuskesmas(name string) *v1alpha1.Puskesmas {
	kecamatan := string(d.Code) + ".01"
	return &v1alpha1.Puskesmas{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: d.Namespace},
		Spec: v1alpha1.PuskesmasSpec{
			Code: fmt.Sprintf("P%07d101", puskesmasMade.Add(1)), Name: name,
			Kecamatan: v1alpha1.Kecamatan{Code: v1alpha1.KecamatanCode(kecamatan), Name: "Kota"},
			Desa:      []v1alpha1.Desa{{Code: v1alpha1.DesaCode(kecamatan + ".2001"), Name: "Baning"}},
		},
	}
}

// EditPuskesmas edits a facility.
func (d *District) EditPuskesmas(ctx context.Context, name string, edit func(*v1alpha1.Puskesmas)) {
	GinkgoHelper()
	p := d.Puskesmas(ctx, name)
	before := p.DeepCopy()
	edit(p)
	Expect(d.Client.Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
}

// Puskesmas reads a facility.
func (d *District) Puskesmas(ctx context.Context, name string) *v1alpha1.Puskesmas {
	GinkgoHelper()
	p := &v1alpha1.Puskesmas{}
	Expect(d.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: name}, p)).To(Succeed())
	return p
}

// Object reads one object of the district; it is nil if there is none.
func (d *District) Object(ctx context.Context, gvk schema.GroupVersionKind, name string) *unstructured.Unstructured {
	GinkgoHelper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(gvk)
	err := d.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: name}, object)
	if client.IgnoreNotFound(err) == nil && err != nil {
		return nil
	}
	Expect(err).NotTo(HaveOccurred())
	return object
}

// Objects lists the operator's objects of a kind in the district.
func (d *District) Objects(ctx context.Context, gvk schema.GroupVersionKind) []unstructured.Unstructured {
	GinkgoHelper()
	return d.Every(ctx, gvk, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagerName})
}

// Every lists the objects of a kind in the district, whoever made them.
func (d *District) Every(ctx context.Context, gvk schema.GroupVersionKind, options ...client.ListOption) []unstructured.Unstructured {
	GinkgoHelper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	Expect(d.Client.List(ctx, list, append(options, client.InNamespace(d.Namespace))...)).To(Succeed())
	return list.Items
}

// Container is the first container of a Deployment, or nil.
func (d *District) Container(ctx context.Context, deployment string) map[string]any {
	GinkgoHelper()
	object := d.Object(ctx, DeploymentKind, deployment)
	if object == nil {
		return nil
	}
	containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
	first, _ := containers[0].(map[string]any)
	return first
}

// ExpectReady waits until the District, or the named Puskesmas, is Ready for its
// present generation.
func (d *District) ExpectReady(ctx context.Context, puskesmas ...string) {
	GinkgoHelper()
	if len(puskesmas) == 0 {
		d.Expect(ctx, "", v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	}
	for _, name := range puskesmas {
		d.Expect(ctx, name, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	}
}

// Expect waits for a condition of the District, or of a Puskesmas if one is
// named, that speaks of the present generation and whose message has all parts.
// An empty reason is any.
func (d *District) Expect(ctx context.Context, puskesmas, conditionType string, status metav1.ConditionStatus, reason string, parts ...string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega) {
		var list []metav1.Condition
		var generation int64
		if puskesmas == "" {
			resource := &v1alpha1.District{}
			g.Expect(d.Client.Get(ctx, client.ObjectKey{Name: d.Name}, resource)).To(Succeed())
			list, generation = resource.Status.Conditions, resource.Generation
		} else {
			resource := &v1alpha1.Puskesmas{}
			g.Expect(d.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: puskesmas}, resource)).To(Succeed())
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
