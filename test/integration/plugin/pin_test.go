package plugin_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

var _ = Describe("kubectl ilp district", func() {
	It("pins a district as a manager of its own, and gives the pin up again", func(ctx SpecContext) {
		create(ctx, &v1alpha1.StackRelease{
			ObjectMeta: metav1.ObjectMeta{Name: "ilp-1.0.0"},
			Spec: v1alpha1.StackReleaseSpec{
				Version: "1.0.0", Database: v1alpha1.DatabaseRelease{Image: "localhost/ilp/postgresql:15"},
				RME:       []v1alpha1.RMERelease{{Profile: v1alpha1.RMEProfileGNUHealth, Image: "localhost/ilp/gnuhealth:1.0.0"}},
				Dashboard: v1alpha1.DashboardRelease{Profile: v1alpha1.DashboardProfileSuperset, Image: "localhost/ilp/superset:1.0.0"},
			},
		})
		d := &v1alpha1.District{
			ObjectMeta: metav1.ObjectMeta{Name: "bogor"},
			Spec:       v1alpha1.DistrictSpec{Code: "32.01", Name: "Kabupaten Bogor", WaveRef: v1alpha1.WaveReference{Name: "w"}, Database: v1alpha1.DatabaseSpec{Storage: "1Gi"}},
		}
		create(ctx, d)
		code, out := ilp(ctx, "district pin bogor ilp-1.0.0")
		Expect(code).To(BeZero(), out)
		_, out = ilp(ctx, "status bogor")
		Expect(out).To(ContainSubstring("(pinned by kubectl-ilp)"))
		code, out = ilp(ctx, "district unpin bogor")
		Expect(code).To(BeZero(), out)
		Expect(out).To(Equal("district bogor is not pinned any more: it waits for wave w to admit it to a release\n"))
		Expect(environment.Client.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
		Expect(d.Spec.Release).To(BeEmpty())
		Expect(environment.Client.Delete(ctx, d)).To(Succeed())
	})
})
