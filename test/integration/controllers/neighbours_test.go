package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

var _ = Describe("A Puskesmas that fails", func() {
	DescribeTable("says why, stops no neighbour, and recovers when it is mended",
		func(ctx SpecContext, condition, reason, reasonOfDistrict string, parts []string, break_, mend func(context.Context, *district)) {
			d := newDistrict(admin)
			d.apply(ctx)
			d.addPuskesmas(ctx, "aman")
			d.addPuskesmas(ctx, "tebidah")
			break_(ctx, d)
			d.expect(ctx, "tebidah", condition, metav1.ConditionTrue, reason, parts...)
			d.expectReady(ctx, "aman")
			d.expect(ctx, "", v1alpha1.ConditionDashboardReady, metav1.ConditionTrue, "")
			d.expect(ctx, "", condition, metav1.ConditionTrue, reasonOfDistrict, "1/2 Puskesmas are ready", "tebidah", reason)
			d.expect(ctx, "", v1alpha1.ConditionPuskesmasReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing,
				"1/2 Puskesmas are ready", "tebidah ("+reason+")", "kubectl get puskesmas -n "+d.namespace)

			mend(ctx, d)
			d.expectReady(ctx, "tebidah")
			d.expectReady(ctx)
		},
		Entry("since its schema Job failed", v1alpha1.ConditionStalled, v1alpha1.ReasonApplicationFailed, v1alpha1.ReasonApplicationFailed,
			[]string{"Job tebidah-schema", "failed after 5 attempts", "delete the Job"},
			func(ctx context.Context, d *district) {
				d.expectReady(ctx, "tebidah")
				workloads.let(ctx, d, "Job", "tebidah", fails)
				d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Release = otherRelease })
			},
			func(ctx context.Context, d *district) {
				workloads.let(ctx, d, "Job", "tebidah", succeeds)
				for _, job := range d.objects(ctx, jobKind) {
					if conditionOf(&job, "Failed") == "True" {
						Expect(admin.Delete(ctx, &job, background)).To(Succeed())
					}
				}
			}),
		Entry("since its database cannot be made", v1alpha1.ConditionReconciling, v1alpha1.ReasonUnhealthy, v1alpha1.ReasonProgressing,
			[]string{"Database tebidah-database", "CloudNativePG reports: while creating: permission denied"},
			func(ctx context.Context, d *district) { workloads.let(ctx, d, "Database", "tebidah", fails) },
			func(ctx context.Context, d *district) { workloads.let(ctx, d, "Database", "tebidah", succeeds) }),
		Entry("since a patch matches nothing", v1alpha1.ConditionStalled, v1alpha1.ReasonRenderFailed, v1alpha1.ReasonConfigurationFailed,
			[]string{"spec.patches[0]", "no-such-deployment"},
			func(ctx context.Context, d *district) {
				d.patchPuskesmas(ctx, "tebidah", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: no-such-deployment}\nspec: {replicas: 2}\n")
			},
			func(ctx context.Context, d *district) { d.patchPuskesmas(ctx, "tebidah", "") }),
		Entry("since the API server refuses what a patch makes", v1alpha1.ConditionStalled, v1alpha1.ReasonObjectInvalid, v1alpha1.ReasonConfigurationFailed,
			[]string{"refuses an object", "Deployment " /* its name follows */, "correct the spec or the patch"},
			func(ctx context.Context, d *district) {
				d.patchPuskesmas(ctx, "tebidah", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: tebidah-rme}\nspec: {template: {spec: {containers: [{name: gnuhealth, resources: {requests: {memory: 900Gi}}}]}}}\n")
			},
			func(ctx context.Context, d *district) { d.patchPuskesmas(ctx, "tebidah", "") }),
		Entry("since a patch reaches beyond what patches may change", v1alpha1.ConditionStalled, v1alpha1.ReasonRenderFailed, v1alpha1.ReasonConfigurationFailed,
			[]string{"spec.patches[0]", "it changes spec.template.spec.hostNetwork of Deployment/tebidah-rme, which no patch may", "of kind Deployment patches change only spec.replicas"},
			func(ctx context.Context, d *district) {
				d.patchPuskesmas(ctx, "tebidah", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: tebidah-rme}\nspec: {template: {spec: {hostNetwork: true}}}\n")
			},
			func(ctx context.Context, d *district) { d.patchPuskesmas(ctx, "tebidah", "") }),
		Entry("since it asks for other nodes than its district", v1alpha1.ConditionStalled, v1alpha1.ReasonConfigurationFailed, v1alpha1.ReasonConfigurationFailed,
			[]string{"spec.rme.pod.nodeSelector asks for nodes with country=sg", "keeps its data on nodes with country=id", "take it out"},
			func(ctx context.Context, d *district) {
				d.edit(ctx, func(r *v1alpha1.District) {
					r.Spec.DataProtection.ResidencyNodeSelector = map[string]string{"country": "id"}
				})
				d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
					p.Spec.RME.Pod.NodeSelector = map[string]v1alpha1.LabelValue{"country": "sg"}
				})
			},
			func(ctx context.Context, d *district) {
				d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.RME = v1alpha1.RMESpec{} })
			}),
		Entry("since it is pinned to a release that does not exist", v1alpha1.ConditionStalled, v1alpha1.ReasonReleaseNotFound, v1alpha1.ReasonConfigurationFailed,
			[]string{`"no-such-release"`, "does not exist", "create it or name another"},
			func(ctx context.Context, d *district) {
				d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Release = "no-such-release" })
			},
			func(ctx context.Context, d *district) {
				d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Release = defaultRelease })
			}),
		Entry("since the release has no image for its profile", v1alpha1.ConditionStalled, v1alpha1.ReasonReleaseIncomplete, v1alpha1.ReasonConfigurationFailed,
			[]string{"StackRelease " + defaultRelease, "no image for RME profile hapi-fhir", "spec.rme.image"},
			func(ctx context.Context, d *district) {
				d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.RME.Profile = v1alpha1.RMEProfileHAPIFHIR })
			},
			func(ctx context.Context, d *district) {
				d.editPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.RME = v1alpha1.RMESpec{} })
			}),
	)
})

// patchPuskesmas sets the one patch of a facility, or takes it out.
func (d *district) patchPuskesmas(ctx context.Context, name, patch string) {
	GinkgoHelper()
	d.editPuskesmas(ctx, name, func(p *v1alpha1.Puskesmas) {
		p.Spec.Patches = nil
		if patch != "" {
			p.Spec.Patches = []v1alpha1.Patch{{Patch: patch}}
		}
	})
}
