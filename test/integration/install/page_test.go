package install_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fence is a block of commands in Markdown.
var fence = regexp.MustCompile("(?s)```sh\n(.*?)```")

var _ = Describe("The page on installing", func() {
	It("gives commands that work, there and back and there again", func(ctx SpecContext) {
		c := start()
		page, err := os.ReadFile(filepath.Join(c.root, "docs/install.md"))
		Expect(err).NotTo(HaveOccurred())
		blocks := fence.FindAllStringSubmatch(string(page), -1)
		Expect(blocks).To(HaveLen(3), "install, uninstall the operator, remove the guards")
		install, uninstall, remove := blocks[0][1], blocks[1][1], blocks[2][1]

		c.must(ctx, install)
		c.fill(ctx)
		before := c.kept(ctx)

		By("refusing to remove the guards with a District, CRDs first")
		output, err := c.bash(ctx, remove)
		Expect(err).To(HaveOccurred())
		Expect(output).To(ContainSubstring("customresourcedefinitions districts.ilp.health belongs to the ILP operator, which serves District sintang (61.05)"))
		Expect(c.kept(ctx)).To(Equal(before))

		By("uninstalling the operator")
		// A moment later the policies know that the last District is gone.
		Eventually(func() error {
			_, err := c.bash(ctx, uninstall)
			return err
		}).WithContext(ctx).WithTimeout(soon).WithPolling(time.Second).Should(Succeed())
		for _, gone := range []string{"District sintang", "Puskesmas tebidah", "Puskesmas sungai-durian"} {
			Expect(before).To(HaveKey(gone))
			delete(before, gone)
		}
		Expect(c.kept(ctx)).To(Equal(before))
		Expect(c.operatorExists(ctx)).To(BeFalse())

		By("installing it again")
		c.must(ctx, install)
		Expect(c.kept(ctx)).To(Equal(before))
		c.must(ctx, uninstall)

		By("removing the guards")
		c.finishNamespace(ctx, "ilp-system")
		c.must(ctx, remove)
		for name := range c.keptOf(ctx, guardKinds) {
			Expect(name).NotTo(Or(HaveSuffix(".ilp.health"), Equal("Namespace ilp-system")))
		}
		data := dataKinds[2:]
		Expect(c.keptOf(ctx, data)).To(And(HaveLen(4), HaveKeyWithValue("Cluster database", before["Cluster database"])), "the data stays even now")
		c.must(ctx, install)
	})
})

// finishNamespace plays the controller of Kubernetes that empties a namespace
// which is being deleted.
func (c *cluster) finishNamespace(ctx context.Context, name string) {
	GinkgoHelper()
	go func() {
		defer GinkgoRecover()
		Eventually(func(g Gomega) {
			namespace := &corev1.Namespace{}
			g.Expect(c.Client.Get(ctx, client.ObjectKey{Name: name}, namespace)).To(Succeed())
			g.Expect(namespace.DeletionTimestamp).NotTo(BeNil())
			namespace.Spec.Finalizers = nil
			g.Expect(c.Client.SubResource("finalize").Update(ctx, namespace)).To(Succeed())
		}).WithContext(ctx).WithTimeout(soon).WithPolling(100 * time.Millisecond).Should(Succeed())
	}()
}
