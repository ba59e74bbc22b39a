package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

var _ = Describe("Volumes", func() {
	It("of a StorageClass that cannot grow stay as they are, and all else goes on", func(ctx SpecContext) {
		class := newStorageClass(ctx, "fixed-size", false)
		d := newDistrict(admin).apply(ctx, on(class, "1Gi"))
		d.addClaim(ctx, class, "1Gi")
		d.addPuskesmas(ctx, "tebidah")
		d.expectReady(ctx)
		Expect(d.get(ctx).Status.Storage).To(Equal("1Gi"))

		d.edit(ctx, func(r *v1alpha1.District) {
			r.Spec.Database.Storage = "2Gi"
			r.Spec.Database.Parameters = map[string]string{"work_mem": "8MB"}
		})
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused,
			"cannot grow from 1Gi to 2Gi", `StorageClass "fixed-size" does not allow volumes to grow`, "all else goes on", "write 1Gi back", "kubectl patch storageclass fixed-size")
		d.expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "its volumes stay as they are")
		Expect(d.storageOf(ctx)).To(Equal("1Gi"))
		parameters, _, _ := unstructured.NestedString(d.find(ctx, clusterKind, "database").Object, "spec", "postgresql", "parameters", "work_mem")
		Expect(parameters).To(Equal("8MB"), "the rest of the Cluster follows")

		By("a new Puskesmas, and an upgrade")
		d.addPuskesmas(ctx, "aman")
		d.expectReady(ctx, "aman")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Release = otherRelease })
		Eventually(func() string { return d.get(ctx).Status.Release.Current }).Should(Equal(otherRelease))
		d.expectReady(ctx, "tebidah", "aman")
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused)

		By("going back")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "1Gi" })
		d.expectReady(ctx)

		By("the class being changed instead")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "2Gi" })
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused)
		class.AllowVolumeExpansion = ptr.To(true)
		Expect(admin.Update(ctx, class)).To(Succeed())
		d.lookAtVolumes(ctx)
		Eventually(func() string { return d.storageOf(ctx) }).Should(Equal("2Gi"))
	})

	It("that are gone together with their StorageClass are missed, and not told of as new ones", func(ctx SpecContext) {
		class := newStorageClass(ctx, "gone-too", true)
		d := newDistrict(admin).apply(ctx, on(class, "1Gi"))
		d.expectReady(ctx)
		Expect(admin.Delete(ctx, class)).To(Succeed())
		d.lose(ctx, clusterKind, "database")
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, "Cluster "+d.namespace+"/database was there and is gone")
	})

	It("grow while the district says how far they are", func(ctx SpecContext) {
		class := newStorageClass(ctx, "can-grow", true)
		d := newDistrict(admin).apply(ctx, on(class, "1Gi"))
		claim := d.addClaim(ctx, class, "1Gi")
		d.expectReady(ctx)
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "2Gi" })
		d.expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "volume claim database-1 grows from 1Gi to 2Gi: its resize has not begun")
		d.expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing, "grows from 1Gi to 2Gi")
		Expect(d.storageOf(ctx)).To(Equal("2Gi"))
		Expect(d.get(ctx).Status.Storage).To(Equal("1Gi"), "what the volumes have")

		By("going back when it is ordered already")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "1Gi" })
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused, "volumes never shrink: PostgreSQL has 2Gi, and 1Gi is less", "Write 2Gi back")
		Expect(d.storageOf(ctx)).To(Equal("2Gi"))
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "2Gi" })

		By("the driver refusing")
		before := claim.DeepCopy()
		claim.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("2Gi")
		Expect(admin.Patch(ctx, claim, client.MergeFrom(before))).To(Succeed())
		claim.Status.AllocatedResourceStatuses = map[corev1.ResourceName]corev1.ClaimResourceStatus{corev1.ResourceStorage: corev1.PersistentVolumeClaimControllerResizeInfeasible}
		claim.Status.AllocatedResources = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")}
		Expect(admin.Status().Update(ctx, claim)).To(Succeed())
		d.lookAtVolumes(ctx)
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused, "its driver refuses: ControllerResizeInfeasible")

		By("it having grown")
		claim.Status.AllocatedResourceStatuses = nil
		claim.Status.Capacity[corev1.ResourceStorage] = resource.MustParse("2Gi")
		Expect(admin.Status().Update(ctx, claim)).To(Succeed())
		d.lookAtVolumes(ctx)
		d.expectReady(ctx)
		Expect(d.get(ctx).Status.Storage).To(Equal("2Gi"))
	})

	It("that nobody has room for are not asked for", func(ctx SpecContext) {
		class := newStorageClass(ctx, "full", true)
		capacity := &storagev1.CSIStorageCapacity{
			ObjectMeta:       metav1.ObjectMeta{Name: "full", Namespace: metav1.NamespaceDefault},
			StorageClassName: class.Name, Capacity: ptr.To(resource.MustParse("5Gi")), NodeTopology: &metav1.LabelSelector{},
		}
		Expect(admin.Create(ctx, capacity)).To(Succeed())
		d := newDistrict(admin).apply(ctx, on(class, "100Gi"))
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused,
			"a volume of 100Gi cannot be had", `the largest volume that StorageClass "full" has room for is 5Gi`, "Nothing has been made yet")
		d.expect(ctx, "", v1alpha1.ConditionIsolationReady, metav1.ConditionTrue, "")
		Expect(d.object(ctx, clusterKind, "database")).To(BeNil())

		By("asking for less, and then for more than there is")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "4Gi" })
		d.expectReady(ctx)
		d.addClaim(ctx, class, "4Gi")
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "10Gi" })
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused, "room for 5Gi more at most, and a volume needs 6Gi more")
		Expect(d.storageOf(ctx)).To(Equal("4Gi"))
	})

	It("need a StorageClass that exists, for the first server and for another", func(ctx SpecContext) {
		class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "later"}}
		d := newDistrict(admin).apply(ctx, on(class, "1Gi"))
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused, `StorageClass "later" does not exist: create it`)
		Expect(d.object(ctx, clusterKind, "database")).To(BeNil())

		By("naming another, since there is no volume yet")
		other := newStorageClass(ctx, "there", true)
		d.edit(ctx, on(other, "1Gi"))
		d.expectReady(ctx)
		d.addClaim(ctx, other, "1Gi")

		By("the class vanishing before another server is asked for")
		Expect(admin.Delete(ctx, other)).To(Succeed())
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Instances = 3 })
		d.expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused,
			"spec.database.instances: there is no volume for another server", `StorageClass "there" does not exist`, "There stay 1")
		Expect(d.find(ctx, clusterKind, "database").Object["spec"]).To(HaveKeyWithValue("instances", BeEquivalentTo(1)))
		d.edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Instances = 1 })
		d.expectReady(ctx)
	})
})

// newStorageClass creates a StorageClass until the end of the spec.
func newStorageClass(ctx context.Context, name string, grows bool) *storagev1.StorageClass {
	GinkgoHelper()
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "example.test/" + name, AllowVolumeExpansion: &grows}
	Expect(admin.Create(ctx, class)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(admin.Delete(ctx, class))).To(Succeed()) })
	return class
}

// on has the volumes be of a class and size.
func on(class *storagev1.StorageClass, size v1alpha1.StorageSize) func(*v1alpha1.District) {
	return func(r *v1alpha1.District) {
		r.Spec.Database.Storage, r.Spec.Database.StorageClassName = size, v1alpha1.ObjectName(class.Name)
	}
}

// addClaim creates the claim of the first server, bound, as CloudNativePG and a
// driver would.
func (d *district) addClaim(ctx context.Context, class *storagev1.StorageClass, size string) *corev1.PersistentVolumeClaim {
	GinkgoHelper()
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "database-1", Namespace: d.namespace, Labels: map[string]string{
			"cnpg.io/cluster": "database", "cnpg.io/pvcRole": "PG_DATA",
		}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class.Name, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}},
		},
	}
	Expect(admin.Create(ctx, claim)).To(Succeed())
	claim.Status.Phase = corev1.ClaimBound
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	Expect(admin.Status().Update(ctx, claim)).To(Succeed())
	return claim
}

// storageOf is the size that PostgreSQL's Cluster asks for.
func (d *district) storageOf(ctx context.Context) string {
	GinkgoHelper()
	size, _, _ := unstructured.NestedString(d.find(ctx, clusterKind, "database").Object, "spec", "storage", "size")
	return size
}

// lookAtVolumes has the operator look at the District at once.
func (d *district) lookAtVolumes(ctx context.Context) {
	GinkgoHelper()
	d.edit(ctx, func(r *v1alpha1.District) {
		metav1.SetMetaDataAnnotation(&r.ObjectMeta, v1alpha1.AnnotationReconcileAt, time.Now().Format(time.RFC3339Nano))
	})
}
