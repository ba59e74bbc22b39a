package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
)

var _ = Describe("A Puskesmas that fails", func() {
	DescribeTable("says why, stops no neighbour, and recovers when it is mended",
		func(ctx SpecContext, condition, reason, reasonOfDistrict string, parts []string, break_, mend func(context.Context, *District)) {
			d := NewDistrict(admin)
			d.Apply(ctx)
			d.AddPuskesmas(ctx, "aman")
			d.AddPuskesmas(ctx, "tebidah")
			break_(ctx, d)
			d.Expect(ctx, "tebidah", condition, metav1.ConditionTrue, reason, parts...)
			d.ExpectReady(ctx, "aman")
			d.Expect(ctx, "", v1alpha1.ConditionDashboardReady, metav1.ConditionTrue, "")
			d.Expect(ctx, "", condition, metav1.ConditionTrue, reasonOfDistrict, "1/2 Puskesmas are ready", "tebidah", reason)
			d.Expect(ctx, "", v1alpha1.ConditionPuskesmasReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing,
				"1/2 Puskesmas are ready", "tebidah ("+reason+")", "kubectl get puskesmas -n "+d.Namespace)

			mend(ctx, d)
			d.ExpectReady(ctx, "tebidah")
			d.ExpectReady(ctx)
		},
		Entry("since its schema Job failed", v1alpha1.ConditionStalled, v1alpha1.ReasonApplicationFailed, v1alpha1.ReasonApplicationFailed,
			[]string{"Job tebidah-schema", "failed after 5 attempts", "delete the Job"},
			func(ctx context.Context, d *District) {
				d.ExpectReady(ctx, "tebidah")
				workloads.Let(ctx, d, "Job", "tebidah", Fails)
				d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Release = OtherRelease })
			},
			func(ctx context.Context, d *District) {
				workloads.Let(ctx, d, "Job", "tebidah", Succeeds)
				for _, job := range d.Objects(ctx, JobKind) {
					if ConditionOf(&job, "Failed") == "True" {
						Expect(admin.Delete(ctx, &job, Background)).To(Succeed())
					}
				}
			}),
		Entry("since its database cannot be made", v1alpha1.ConditionReconciling, v1alpha1.ReasonUnhealthy, v1alpha1.ReasonProgressing,
			[]string{"Database tebidah-database", "CloudNativePG reports: while creating: permission denied"},
			func(ctx context.Context, d *District) { workloads.Let(ctx, d, "Database", "tebidah", Fails) },
			func(ctx context.Context, d *District) { workloads.Let(ctx, d, "Database", "tebidah", Succeeds) }),
		Entry("since a patch matches nothing", v1alpha1.ConditionStalled, v1alpha1.ReasonRenderFailed, v1alpha1.ReasonConfigurationFailed,
			[]string{"spec.patches[0]", "no-such-deployment"},
			func(ctx context.Context, d *District) {
				d.PatchPuskesmas(ctx, "tebidah", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: no-such-deployment}\nspec: {replicas: 2}\n")
			},
			func(ctx context.Context, d *District) { d.PatchPuskesmas(ctx, "tebidah", "") }),
		Entry("since the API server refuses what a patch makes", v1alpha1.ConditionStalled, v1alpha1.ReasonObjectInvalid, v1alpha1.ReasonConfigurationFailed,
			[]string{"refuses an object", "Deployment " /* its name follows */, "correct the spec or the patch"},
			func(ctx context.Context, d *District) {
				d.PatchPuskesmas(ctx, "tebidah", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: tebidah-rme}\nspec: {template: {spec: {containers: [{name: gnuhealth, resources: {requests: {memory: 900Gi}}}]}}}\n")
			},
			func(ctx context.Context, d *District) { d.PatchPuskesmas(ctx, "tebidah", "") }),
		Entry("since a patch reaches beyond what patches may change", v1alpha1.ConditionStalled, v1alpha1.ReasonRenderFailed, v1alpha1.ReasonConfigurationFailed,
			[]string{"spec.patches[0]", "it changes spec.template.spec.hostNetwork of Deployment/tebidah-rme, which no patch may", "of kind Deployment patches change only spec.replicas"},
			func(ctx context.Context, d *District) {
				d.PatchPuskesmas(ctx, "tebidah", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: tebidah-rme}\nspec: {template: {spec: {hostNetwork: true}}}\n")
			},
			func(ctx context.Context, d *District) { d.PatchPuskesmas(ctx, "tebidah", "") }),
		Entry("since it asks for other nodes than its district", v1alpha1.ConditionStalled, v1alpha1.ReasonConfigurationFailed, v1alpha1.ReasonConfigurationFailed,
			[]string{"spec.rme.pod.nodeSelector asks for nodes with country=sg", "keeps its data on nodes with country=id", "take it out"},
			func(ctx context.Context, d *District) {
				d.Edit(ctx, func(r *v1alpha1.District) {
					r.Spec.DataProtection.ResidencyNodeSelector = map[string]string{"country": "id"}
				})
				d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) {
					p.Spec.RME.Pod.NodeSelector = map[string]v1alpha1.LabelValue{"country": "sg"}
				})
			},
			func(ctx context.Context, d *District) {
				d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.RME = v1alpha1.RMESpec{} })
			}),
		Entry("since it is pinned to a release that does not exist", v1alpha1.ConditionStalled, v1alpha1.ReasonReleaseNotFound, v1alpha1.ReasonConfigurationFailed,
			[]string{`"no-such-release"`, "does not exist", "create it or name another"},
			func(ctx context.Context, d *District) {
				d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Release = "no-such-release" })
			},
			func(ctx context.Context, d *District) {
				d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.Release = DefaultRelease })
			}),
		Entry("since the release has no image for its profile", v1alpha1.ConditionStalled, v1alpha1.ReasonReleaseIncomplete, v1alpha1.ReasonConfigurationFailed,
			[]string{"StackRelease " + DefaultRelease, "no image for RME profile hapi-fhir", "spec.rme.image"},
			func(ctx context.Context, d *District) {
				d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.RME.Profile = v1alpha1.RMEProfileHAPIFHIR })
			},
			func(ctx context.Context, d *District) {
				d.EditPuskesmas(ctx, "tebidah", func(p *v1alpha1.Puskesmas) { p.Spec.RME = v1alpha1.RMESpec{} })
			}),
	)
})
