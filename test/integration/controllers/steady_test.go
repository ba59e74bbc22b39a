package controllers_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
)

var _ = Describe("A District that is Ready", func() {
	It("costs no request, and a restarted operator writes nothing", func(ctx SpecContext) {
		start := time.Now()
		d := newDistrict(admin)
		resource := d.resource()
		resource.Spec.Exposure.Domain = "example.test"
		Expect(admin.Create(ctx, resource)).To(Succeed())
		DeferCleanup(d.suspend)
		d.expect(ctx, "", v1alpha1.ConditionIsolationReady, metav1.ConditionTrue, "")
		d.addPuskesmas(ctx, "tebidah")
		d.addPuskesmas(ctx, "sungai-durian")
		d.expectReady(ctx)
		took := time.Since(start)
		// How many use a release is counted every five seconds.
		theOperator.quiet(6 * time.Second)

		versions := d.versions(ctx)
		requests := theOperator.traffic.since(start, func(r request) bool { return r.in(d) })
		AddReportEntry("bring-up", fmt.Sprintf("%d objects with two Puskesmas in %.1f s; requests: %s", len(versions)-3, took.Seconds(), tally(requests)))

		By("looking on for ten seconds")
		mark := time.Now()
		time.Sleep(10 * time.Second)
		Expect(lines(theOperator.traffic.since(mark))).To(BeEmpty())
		Expect(d.versions(ctx)).To(Equal(versions))

		By("restarting the operator")
		mark = time.Now()
		theOperator.restart()
		Eventually(func() []request { return theOperator.traffic.since(mark) }).ShouldNot(BeEmpty())
		theOperator.quiet(2 * time.Second)
		Expect(lines(theOperator.traffic.since(mark, request.write))).To(BeEmpty())
		Expect(d.versions(ctx)).To(Equal(versions))
		d.expectReady(ctx)
		AddReportEntry("restart", tally(theOperator.traffic.since(mark)))
	})
})

// quiet waits until the operator has asked for nothing for some time.
func (o *operator) quiet(length time.Duration) {
	GinkgoHelper()
	Eventually(func() []string { return lines(o.traffic.since(time.Now().Add(-length))) }).WithTimeout(40 * time.Second).Should(BeEmpty())
}

// versions are the resourceVersions of everything that belongs to the district.
func (d *district) versions(ctx context.Context) map[string]string {
	GinkgoHelper()
	out := map[string]string{"District": d.get(ctx).ResourceVersion}
	kinds := append([]schema.GroupVersionKind{puskesmasKind, {Version: "v1", Kind: "Secret"}}, live.BuiltinKinds...)
	for _, gvk := range append(kinds, cnpg.Kinds...) {
		if gvk.Kind == "Namespace" {
			continue
		}
		objects := d.objects(ctx, gvk)
		if gvk == puskesmasKind {
			objects = d.every(ctx, gvk)
		}
		for _, object := range objects {
			out[object.GetKind()+" "+object.GetName()] = object.GetResourceVersion()
		}
	}
	return out
}

// tally counts requests by verb and kind of target.
func tally(requests []request) string {
	count := map[string]int{}
	for _, r := range requests {
		target := "objects"
		switch {
		case r.subresource == "status":
			target = "statuses"
		case r.resource == "events":
			target = "events"
		case r.resource == "districts" || r.resource == "puskesmas":
			target = "own resources"
		}
		count[r.verb+" "+target]++
	}
	return fmt.Sprintf("%d, %v", len(requests), count)
}

// lines shows requests to people.
func lines(requests []request) []string {
	out := make([]string, 0, len(requests))
	for _, r := range requests {
		out = append(out, r.String())
	}
	return out
}
