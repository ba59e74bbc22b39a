package install_test

import (
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"ilp.health/operator/test/testenv"
)

var _ = Describe("By kubectl", func() {
	It("says that the guards come first", func(ctx SpecContext) {
		c := start()
		output, err := c.bash(ctx, "kubectl apply --server-side -k config/default")
		Expect(err).To(HaveOccurred())
		Expect(output).To(ContainSubstring(`no matches for kind "NeedsGuards" in version "ilp.health/v1alpha1"`))

		By("and that they must be of the operator's version, and for its namespace")
		c.must(ctx, "kubectl apply --server-side -k config/guards && kubectl wait --for=condition=Established crd/needsguards.ilp.health")
		for change, refusal := range map[string]string{
			"s/version: 0.2.0/version: 0.3.0/":             "the guards in this cluster serve version 0.2.0: install the guards of this operator's version first",
			"s/namespace: ilp-system/namespace: platform/": "the guards in this cluster trust the operator of namespace ilp-system",
		} {
			output, err = c.bash(ctx, "sed '"+change+"' config/default/needsguards.yaml | kubectl apply --server-side -f -")
			Expect(err).To(HaveOccurred())
			Expect(output).To(ContainSubstring(refusal))
		}
	})

	DescribeTable("config/default is deleted twice, and the guards and all data stay, when it was installed",
		func(ctx SpecContext, first func(*cluster) string) {
			c := start()
			if before := first(c); before != "" {
				c.must(ctx, "kubectl apply --server-side -k "+before)
			}
			c.must(ctx, "make deploy")
			c.fill(ctx)
			before := c.kept(ctx)

			By("with a District, which keeps the operator too")
			for range 2 {
				output, err := c.bash(ctx, "kubectl delete --ignore-not-found -k config/default")
				Expect(err).To(HaveOccurred())
				Expect(output).To(ContainSubstring("delete the Districts first"))
				Expect(c.kept(ctx)).To(Equal(before))
				Expect(c.operatorExists(ctx)).To(BeTrue())
			}

			By("and without")
			c.must(ctx, "kubectl delete district sintang")
			delete(before, "District sintang")
			// The policy sees a moment later that it is gone.
			Eventually(func() error {
				_, err := c.bash(ctx, "kubectl delete --ignore-not-found -k config/default")
				return err
			}).WithContext(ctx).WithTimeout(soon).WithPolling(time.Second).Should(Succeed())
			c.must(ctx, "kubectl delete --ignore-not-found -k config/default")
			Expect(c.kept(ctx)).To(Equal(before))
			Expect(c.operatorExists(ctx)).To(BeFalse())

			By("and what stays still guards")
			for _, object := range []string{"namespace/ilp-6105", "-n ilp-6105 clusters.postgresql.cnpg.io/database", "-n ilp-6105 secret/tebidah-database"} {
				output, err := c.bash(ctx, "kubectl delete "+object)
				Expect(err).To(HaveOccurred())
				Expect(output).To(ContainSubstring("holds data of district 61.05 and is not deleted"))
			}
			Expect(c.kept(ctx)).To(Equal(before))
		},
		Entry("anew", func(*cluster) string { return "" }),
		Entry("over 0.1.0", (*cluster).earlier),
	)

	It("has nothing to guard in config/default", func() {
		for _, object := range render(filepath.Join(testenv.Root(GinkgoT()), current)) {
			Expect(object.GetKind()).NotTo(Or(HavePrefix("ValidatingAdmissionPolicy"), Equal("CustomResourceDefinition"), Equal("Namespace")),
				object.GetName()+" belongs into config/guards")
		}
	})
})
