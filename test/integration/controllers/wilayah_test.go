package controllers_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
)

var _ = Describe("A registry of places", func() {
	It("is compared with a district and its Puskesmas as soon as either changes, and holds nothing up", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.ExpectReady(ctx)
		Expect(meta.FindStatusCondition(d.Get(ctx).Status.Conditions, v1alpha1.ConditionWilayahVerified)).To(BeNil(), "without a registry")

		By("a registry of kabupaten, and one of the province")
		kabupaten := newRegistry("wilayah", "kode,nama\n%s,KAB. %s\n", d.Code, d.Name)
		Expect(admin.Create(ctx, kabupaten)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(admin.Delete(ctx, kabupaten))).To(Succeed()) })
		d.Expect(ctx, "", v1alpha1.ConditionWilayahVerified, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "it has no kecamatan and desa of this district")
		province := newRegistry("wilayah-province", "kode;nama\n%[1]s.01;Kota\n%[1]s.01.2001;Baning\n", d.Code)
		Expect(admin.Create(ctx, province)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(admin.Delete(ctx, province))).To(Succeed()) })
		d.Expect(ctx, "", v1alpha1.ConditionWilayahVerified, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1 kecamatan and 1 desa of its Puskesmas")
		d.ExpectReady(ctx)

		By("a desa that the registry does not have")
		d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
			p.Spec.Desa = append(p.Spec.Desa, v1alpha1.Desa{Code: v1alpha1.DesaCode(d.Code + ".01.2002"), Name: "Menyumbung"})
		})
		d.Expect(ctx, "", v1alpha1.ConditionWilayahVerified, metav1.ConditionFalse, v1alpha1.ReasonNotInRegistry,
			fmt.Sprintf(`Puskesmas tebidah: "%s.01.2002" (Menyumbung) is not in the registry`, d.Code))
		d.ExpectReady(ctx, "tebidah")
		d.ExpectReady(ctx)
		Expect(meta.FindStatusCondition(d.Get(ctx).Status.Conditions, v1alpha1.ConditionStalled)).To(BeNil())

		By("nothing being asked for while nothing changes")
		theOperator.Quiet(AWhile)

		By("a restarted operator writing nothing")
		version, mark := d.Get(ctx).ResourceVersion, time.Now()
		theOperator.Restart()
		Eventually(func() []Request { return theOperator.Traffic.Since(mark) }).ShouldNot(BeEmpty())
		theOperator.Quiet(AWhile)
		Expect(d.Get(ctx).ResourceVersion).To(Equal(version))

		By("the registry being brought up to date")
		change(ctx, province, newRegistry("", "kode;nama\n%[1]s.01;Kota\n%[1]s.01.2001;Baning\n%[1]s.01.2002;Menyumbung\n", d.Code))
		d.Expect(ctx, "", v1alpha1.ConditionWilayahVerified, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "2 desa")

		By("one that has another name, one that is no table, and none")
		change(ctx, kabupaten, newRegistry("", "kode,nama\n%s,Kota Lain\n", d.Code))
		d.Expect(ctx, "", v1alpha1.ConditionWilayahVerified, metav1.ConditionFalse, v1alpha1.ReasonNotInRegistry, "is Kota Lain in the registry")
		Expect(admin.Delete(ctx, province)).To(Succeed())
		change(ctx, kabupaten, newRegistry("", "code\n%s\n", d.Code))
		d.Expect(ctx, "", v1alpha1.ConditionWilayahVerified, metav1.ConditionUnknown, v1alpha1.ReasonRegistryInvalid, "key wilayah.csv of ConfigMap wilayah: line 1: the column name is missing")
		d.ExpectReady(ctx)
		Expect(admin.Delete(ctx, kabupaten)).To(Succeed())
		Eventually(func() *metav1.Condition {
			return meta.FindStatusCondition(d.Get(ctx).Status.Conditions, v1alpha1.ConditionWilayahVerified)
		}).Should(BeNil())
	})

	It("of somebody else's namespace is not looked at", func(ctx SpecContext) {
		d := NewDistrict(admin).Apply(ctx)
		elsewhere := newRegistry("wilayah", "kode,nama\n%s,Kota Lain\n", d.Code)
		elsewhere.Namespace = d.Namespace
		Expect(admin.Create(ctx, elsewhere)).To(Succeed())
		d.ExpectReady(ctx)
		Expect(meta.FindStatusCondition(d.Get(ctx).Status.Conditions, v1alpha1.ConditionWilayahVerified)).To(BeNil())
	})
})

func newRegistry(name, format string, args ...any) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: OperatorNamespace, Labels: map[string]string{v1alpha1.LabelRegistry: v1alpha1.RegistryWilayah},
		},
		Data: map[string]string{"wilayah.csv": fmt.Sprintf(format, args...)},
	}
}

// change gives a ConfigMap the data of another.
func change(ctx context.Context, registry, to *corev1.ConfigMap) {
	GinkgoHelper()
	registry.Data = to.Data
	Expect(admin.Update(ctx, registry)).To(Succeed())
}
