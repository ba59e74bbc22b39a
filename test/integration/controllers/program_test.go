package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
)

var _ = Describe("The database of a Puskesmas", func() {
	const changeProfile = "it needs a consent: action ChangeProfile, code "
	custom := func(image v1alpha1.ImageReference) v1alpha1.RMESpec {
		return v1alpha1.RMESpec{
			Profile: v1alpha1.RMEProfileCustom, Image: image,
			Custom: v1alpha1.CustomRME{Port: 8080, MigrateCommand: []string{"migrate"}},
		}
	}
	var d *District
	start := func(ctx context.Context, rme v1alpha1.RMESpec) {
		GinkgoHelper()
		d = NewDistrict(admin).Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.RME = rme })
		d.ExpectReady(ctx)
	}
	change := func(ctx context.Context, edit func(*v1alpha1.Puskesmas)) {
		GinkgoHelper()
		d.EditPuskesmas(ctx, "tebidah", edit)
	}
	// stays looks that nothing of the facility changes while somebody does something.
	stays := func(ctx context.Context, parts []string, do func()) {
		GinkgoHelper()
		theOperator.Quiet(300 * time.Millisecond)
		before := d.Running(ctx)
		do()
		parts = append(parts, "Nothing is changed and the RME goes on running", changeProfile+d.Puskesmas(ctx, "tebidah").Spec.Code)
		d.Expect(ctx, "tebidah", v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonConsentRequired, parts...)
		Expect(meta.IsStatusConditionTrue(d.Puskesmas(ctx, "tebidah").Status.Conditions, v1alpha1.ConditionRMEReady)).To(BeTrue())
		Consistently(func() map[string]string { return d.Running(ctx) }, AWhile).Should(Equal(before))
	}

	It("is not given to another profile that the Puskesmas asks for, until somebody agrees", func(ctx SpecContext) {
		start(ctx, v1alpha1.RMESpec{})
		stays(ctx, []string{"spec.rme.profile asks for profile custom with simpus, and the database of this Puskesmas is that of profile gnuhealth"}, func() {
			change(ctx, func(p *v1alpha1.Puskesmas) { p.Spec.RME = custom("registry.example.test/kab/simpus:2.1") })
		})

		By("agreeing, for as long as it takes to begin")
		workloads.Let(ctx, d, "Job", "tebidah", Hangs)
		change(ctx, func(p *v1alpha1.Puskesmas) {
			p.Spec.Consent = NewConsent(v1alpha1.ConsentChangeProfile, p.Spec.Code, time.Hour)
		})
		Eventually(func() string { return d.RecordOf(ctx, "tebidah").Program }).Should(Equal("simpus"))
		change(ctx, func(p *v1alpha1.Puskesmas) { p.Spec.Consent = v1alpha1.Consent{} })
		workloads.Let(ctx, d, "Job", "tebidah", Succeeds)
		d.ExpectReady(ctx, "tebidah")
		Expect(d.Container(ctx, "tebidah-rme")).To(HaveKeyWithValue("image", "registry.example.test/kab/simpus:2.1"))

		By("going back needs another consent")
		stays(ctx, []string{"the default of spec.rme.profile asks for profile gnuhealth, and the database of this Puskesmas is that of profile custom with simpus"}, func() {
			change(ctx, func(p *v1alpha1.Puskesmas) { p.Spec.RME = v1alpha1.RMESpec{} })
		})
	})

	It("is not given to another profile that becomes the district's default", func(ctx SpecContext) {
		start(ctx, v1alpha1.RMESpec{})
		stays(ctx, []string{"spec.rme.profile of District " + d.Name + " asks for profile hapi-fhir"}, func() {
			d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.RME.Profile = v1alpha1.RMEProfileHAPIFHIR })
		})
		d.Edit(ctx, func(r *v1alpha1.District) { r.Spec.RME.Profile = "" })
		d.ExpectReady(ctx)
	})

	It("is not given to another program of the profile custom, but to another version of it", func(ctx SpecContext) {
		start(ctx, custom("registry.example.test/kab/simpus:2.1"))
		change(ctx, func(p *v1alpha1.Puskesmas) { p.Spec.RME.Image = "mirror.example.test:5000/simpus:2.2" })
		d.ExpectReady(ctx, "tebidah")
		stays(ctx, []string{"spec.rme.image asks for profile custom with epuskesmas, and the database of this Puskesmas is that of profile custom with simpus"}, func() {
			change(ctx, func(p *v1alpha1.Puskesmas) { p.Spec.RME.Image = "registry.example.test/kab/epuskesmas:1.0" })
		})
	})

	It("is that of the program that runs where an older operator wrote down none", func(ctx SpecContext) {
		start(ctx, v1alpha1.RMESpec{})
		theOperator.Stop()
		d.LoseRecords(ctx, asOperator)
		stays(ctx, []string{"is that of profile gnuhealth"}, func() {
			change(ctx, func(p *v1alpha1.Puskesmas) { p.Spec.RME = custom("registry.example.test/kab/simpus:2.1") })
			theOperator.Start()
		})
		change(ctx, func(p *v1alpha1.Puskesmas) { p.Spec.RME = v1alpha1.RMESpec{} })
		d.ExpectReady(ctx)
		Expect(d.RecordOf(ctx, "tebidah").Profile).To(Equal("gnuhealth"))
	})

	It("is nobody's before anything has worked with it", func(ctx SpecContext) {
		d = NewDistrict(admin)
		workloads.Let(ctx, d, "Database", "tebidah", Hangs)
		d.Apply(ctx)
		d.AddPuskesmas(ctx, "tebidah")
		d.Expect(ctx, "tebidah", v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
		change(ctx, func(p *v1alpha1.Puskesmas) { p.Spec.RME = custom("registry.example.test/kab/simpus:2.1") })
		workloads.Let(ctx, d, "Database", "tebidah", Succeeds)
		d.ExpectReady(ctx, "tebidah")
		Expect(d.RecordOf(ctx, "tebidah").Program).To(Equal("simpus"))
	})
})
