package harness

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// ExpectReadyWithin waits longer than ExpectReady.
func (d *District) ExpectReadyWithin(ctx context.Context, limit time.Duration) {
	GinkgoHelper()
	Eventually(func() v1alpha1.DistrictStatus { return d.Get(ctx).Status }).WithTimeout(limit).Should(
		HaveField("Conditions", ContainElement(And(HaveField("Type", v1alpha1.ConditionReady), HaveField("Status", metav1.ConditionTrue)))))
}

// Pinned is how many Puskesmas the District counts as pinned.
func (d *District) Pinned(ctx context.Context) *int32 {
	GinkgoHelper()
	return d.Get(ctx).Status.Puskesmas.Pinned
}

// PatchPuskesmas sets the one patch of a facility, or takes it out.
func (d *District) PatchPuskesmas(ctx context.Context, name, patch string) {
	GinkgoHelper()
	d.EditPuskesmas(ctx, name, func(p *v1alpha1.Puskesmas) {
		p.Spec.Patches = nil
		if patch != "" {
			p.Spec.Patches = []v1alpha1.Patch{{Patch: patch}}
		}
	})
}

// LookAgain asks the operator to look at a facility now: Secrets are not watched.
func (d *District) LookAgain(ctx context.Context, puskesmas string) {
	GinkgoHelper()
	p := d.Puskesmas(ctx, puskesmas)
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationReconcileAt, time.Now().Format(time.RFC3339Nano))
	Expect(d.Client.Patch(ctx, p, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(Succeed())
}

// Scale is kubectl scale.
func (d *District) Scale(ctx context.Context, deployment string, replicas int) {
	GinkgoHelper()
	object := d.Find(ctx, DeploymentKind, deployment)
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))
	Expect(d.Client.SubResource("scale").Patch(ctx, object, patch)).To(Succeed())
}

// Replicas are how many pods a Deployment asks for.
func (d *District) Replicas(ctx context.Context, deployment string) int64 {
	GinkgoHelper()
	n, ok := d.Find(ctx, DeploymentKind, deployment).Object["spec"].(map[string]any)["replicas"].(int64)
	Expect(ok).To(BeTrue())
	return n
}

// AddClaim creates the claim of the first server, bound, as CloudNativePG and a
// driver would.
func (d *District) AddClaim(ctx context.Context, class *storagev1.StorageClass, size string) *corev1.PersistentVolumeClaim {
	GinkgoHelper()
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "database-1", Namespace: d.Namespace, Labels: map[string]string{
			"cnpg.io/cluster": "database", "cnpg.io/pvcRole": "PG_DATA",
		}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class.Name, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}},
		},
	}
	Expect(d.Client.Create(ctx, claim)).To(Succeed())
	claim.Status.Phase = corev1.ClaimBound
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	Expect(d.Client.Status().Update(ctx, claim)).To(Succeed())
	return claim
}

// StorageOf is the size that PostgreSQL's Cluster asks for.
func (d *District) StorageOf(ctx context.Context) string {
	GinkgoHelper()
	size, _, _ := unstructured.NestedString(d.Find(ctx, ClusterKind, "database").Object, "spec", "storage", "size")
	return size
}

// LookAtVolumes has the operator look at the District at once.
func (d *District) LookAtVolumes(ctx context.Context) {
	GinkgoHelper()
	d.Edit(ctx, func(r *v1alpha1.District) {
		metav1.SetMetaDataAnnotation(&r.ObjectMeta, v1alpha1.AnnotationReconcileAt, time.Now().Format(time.RFC3339Nano))
	})
}

// Pilot makes a facility a pilot.
func Pilot(p *v1alpha1.Puskesmas) { p.Spec.ILP.Stage = "Pilot" }

// Retry asks for another try as kubectl annotate does.
func (d *District) Retry(ctx context.Context) {
	GinkgoHelper()
	d.Edit(ctx, func(r *v1alpha1.District) {
		metav1.SetMetaDataAnnotation(&r.ObjectMeta, v1alpha1.AnnotationRetryRequestedAt, time.Now().Format(time.RFC3339Nano))
	})
}

// GivenTo lists the Puskesmas whose spec names a release.
func (d *District) GivenTo(ctx context.Context, release string, names ...string) []string {
	GinkgoHelper()
	var given []string
	for _, name := range names {
		if string(d.Puskesmas(ctx, name).Spec.Release) == release {
			given = append(given, name)
		}
	}
	return given
}
