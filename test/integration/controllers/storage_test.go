package controllers_test

import (
	"context"

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
	. "ilp.health/operator/test/harness"
)

var _ = Describe("Volumes", func() {
	It("of a StorageClass that cannot grow stay as they are, and all else goes on", func(ctx SpecContext) {
		class := newStorageClass(ctx, "fixed-size", false)
		d := NewDistrict(admin).Apply(ctx, on(class, "1Gi"))
		d.AddClaim(ctx, class, "1Gi")
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		Expect(d.Get(ctx).Status.Storage).To(Equal("1Gi"))

		d.Edit(ctx, func(r *v1alpha1.District) {
			r.Spec.Database.Storage = "2Gi"
			r.Spec.Database.Parameters = map[string]string{"work_mem": "8MB"}
		})
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused,
			"cannot grow from 1Gi to 2Gi", `StorageClass "fixed-size" does not allow volumes to grow`, "all else goes on", "write 1Gi back", "kubectl patch storageclass fixed-size")
		d.Expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "its volumes stay as they are")
		Expect(d.StorageOf(ctx)).To(Equal("1Gi"))
		parameters, _, _ := unstructured.NestedString(d.Find(ctx, ClusterKind, "database").Object, "spec", "postgresql", "parameters", "work_mem")
		Expect(parameters).To(Equal("8MB"), "the rest of the Cluster follows")

		By("a new Puskesmas, and an upgrade")
		d.AddPuskesmas(ctx, "aman")
		d.ExpectReady(ctx, "aman")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Release = OtherRelease })
		Eventually(func() string { return d.Get(ctx).Status.Release.Current }).Should(Equal(OtherRelease))
		d.ExpectReady(ctx, "tebidah", "aman")
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused)

		By("going back")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "1Gi" })
		d.ExpectReady(ctx)

		By("the class being changed instead")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "2Gi" })
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused)
		class.AllowVolumeExpansion = ptr.To(true)
		Expect(admin.Update(ctx, class)).To(Succeed())
		d.LookAtVolumes(ctx)
		Eventually(func() string { return d.StorageOf(ctx) }).Should(Equal("2Gi"))
	})

	It("that are gone together with their StorageClass are missed, and not told of as new ones", func(ctx SpecContext) {
		class := newStorageClass(ctx, "gone-too", true)
		d := NewDistrict(admin).Apply(ctx, on(class, "1Gi"))
		d.ExpectReady(ctx)
		Expect(admin.Delete(ctx, class)).To(Succeed())
		d.Lose(ctx, ClusterKind, "database")
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonDataMissing, "Cluster "+d.Namespace+"/database was there and is gone")
	})

	It("grow while the district says how far they are", func(ctx SpecContext) {
		class := newStorageClass(ctx, "can-grow", true)
		d := NewDistrict(admin).Apply(ctx, on(class, "1Gi"))
		claim := d.AddClaim(ctx, class, "1Gi")
		d.ExpectReady(ctx)
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "2Gi" })
		d.Expect(ctx, "", v1alpha1.ConditionDatabaseReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "volume claim database-1 grows from 1Gi to 2Gi: its resize has not begun")
		d.Expect(ctx, "", v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing, "grows from 1Gi to 2Gi")
		Expect(d.StorageOf(ctx)).To(Equal("2Gi"))
		Expect(d.Get(ctx).Status.Storage).To(Equal("1Gi"), "what the volumes have")

		By("going back when it is ordered already")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "1Gi" })
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused, "volumes never shrink: PostgreSQL has 2Gi, and 1Gi is less", "Write 2Gi back")
		Expect(d.StorageOf(ctx)).To(Equal("2Gi"))
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "2Gi" })

		By("the driver refusing")
		before := claim.DeepCopy()
		claim.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("2Gi")
		Expect(admin.Patch(ctx, claim, client.MergeFrom(before))).To(Succeed())
		claim.Status.AllocatedResourceStatuses = map[corev1.ResourceName]corev1.ClaimResourceStatus{corev1.ResourceStorage: corev1.PersistentVolumeClaimControllerResizeInfeasible}
		claim.Status.AllocatedResources = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")}
		Expect(admin.Status().Update(ctx, claim)).To(Succeed())
		d.LookAtVolumes(ctx)
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused, "its driver refuses: ControllerResizeInfeasible")

		By("it having grown")
		claim.Status.AllocatedResourceStatuses = nil
		claim.Status.Capacity[corev1.ResourceStorage] = resource.MustParse("2Gi")
		Expect(admin.Status().Update(ctx, claim)).To(Succeed())
		d.LookAtVolumes(ctx)
		d.ExpectReady(ctx)
		Expect(d.Get(ctx).Status.Storage).To(Equal("2Gi"))
	})

	It("that nobody has room for are not asked for", func(ctx SpecContext) {
		class := newStorageClass(ctx, "full", true)
		capacity := &storagev1.CSIStorageCapacity{
			ObjectMeta:       metav1.ObjectMeta{Name: "full", Namespace: metav1.NamespaceDefault},
			StorageClassName: class.Name, Capacity: ptr.To(resource.MustParse("5Gi")), NodeTopology: &metav1.LabelSelector{},
		}
		Expect(admin.Create(ctx, capacity)).To(Succeed())
		d := NewDistrict(admin).Apply(ctx, on(class, "100Gi"))
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused,
			"a volume of 100Gi cannot be had", `the largest volume that StorageClass "full" has room for is 5Gi`, "Nothing has been made yet")
		d.Expect(ctx, "", v1alpha1.ConditionIsolationReady, metav1.ConditionTrue, "")
		Expect(d.Object(ctx, ClusterKind, "database")).To(BeNil())

		By("asking for less, and then for more than there is")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "4Gi" })
		d.ExpectReady(ctx)
		d.AddClaim(ctx, class, "4Gi")
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Storage = "10Gi" })
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused, "room for 5Gi more at most, and a volume needs 6Gi more")
		Expect(d.StorageOf(ctx)).To(Equal("4Gi"))
	})

	It("need a StorageClass that exists, for the first server and for another", func(ctx SpecContext) {
		class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "later"}}
		d := NewDistrict(admin).Apply(ctx, on(class, "1Gi"))
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused, `StorageClass "later" does not exist: create it`)
		Expect(d.Object(ctx, ClusterKind, "database")).To(BeNil())

		By("naming another, since there is no volume yet")
		other := newStorageClass(ctx, "there", true)
		d.Edit(ctx, on(other, "1Gi"))
		d.ExpectReady(ctx)
		d.AddClaim(ctx, other, "1Gi")

		By("the class vanishing before another server is asked for")
		Expect(admin.Delete(ctx, other)).To(Succeed())
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Instances = 3 })
		d.Expect(ctx, "", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonStorageRefused,
			"spec.database.instances: there is no volume for another server", `StorageClass "there" does not exist`, "There stay 1")
		Expect(d.Find(ctx, ClusterKind, "database").Object["spec"]).To(HaveKeyWithValue("instances", BeEquivalentTo(1)))
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.Database.Instances = 1 })
		d.ExpectReady(ctx)
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
