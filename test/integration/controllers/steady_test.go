package controllers_test

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
)

var _ = Describe("A District that is Ready", func() {
	It("costs no request, and a restarted operator writes nothing", func(ctx SpecContext) {
		start := time.Now()
		d := NewDistrict(admin)
		resource := d.Resource()
		resource.Spec.Exposure.Domain = "example.test"
		Expect(admin.Create(ctx, resource)).To(Succeed())
		DeferCleanup(d.Suspend)
		d.Expect(ctx, "", v1alpha1.ConditionIsolationReady, metav1.ConditionTrue, "")
		d.AddPuskesmas(ctx, "tebidah")
		d.AddPuskesmas(ctx, "sungai-durian")
		d.ExpectReady(ctx)
		took := time.Since(start)
		theOperator.Quiet(AWhile)

		versions := d.Versions(ctx)
		requests := theOperator.Traffic.Since(start, func(r Request) bool { return r.In(d) })
		AddReportEntry("bring-up", fmt.Sprintf("%d objects with two Puskesmas in %.1f s; requests: %s", len(versions)-3, took.Seconds(), tally(requests)))

		By("looking on")
		mark := time.Now()
		Consistently(func() []string { return Lines(theOperator.Traffic.Since(mark)) }, 3*AWhile).Should(BeEmpty())
		Expect(d.Versions(ctx)).To(Equal(versions))

		By("restarting the operator")
		mark = time.Now()
		theOperator.Restart()
		Eventually(func() []Request { return theOperator.Traffic.Since(mark) }).ShouldNot(BeEmpty())
		theOperator.Quiet(AWhile)
		Expect(Lines(theOperator.Traffic.Since(mark, Request.Write))).To(BeEmpty())
		Expect(d.Versions(ctx)).To(Equal(versions))
		d.ExpectReady(ctx)
		AddReportEntry("restart", tally(theOperator.Traffic.Since(mark)))
	})
})

// tally counts requests by verb and kind of target.
func tally(requests []Request) string {
	count := map[string]int{}
	for _, r := range requests {
		target := "objects"
		switch {
		case r.Subresource == "status":
			target = "statuses"
		case r.Resource == "events":
			target = "events"
		case r.Resource == "districts" || r.Resource == "puskesmas":
			target = "own resources"
		}
		count[r.Verb+" "+target]++
	}
	return fmt.Sprintf("%d, %v", len(requests), count)
}
