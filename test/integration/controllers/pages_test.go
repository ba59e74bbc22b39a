package controllers_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"ilp.health/operator/test/testenv"
)

// fence is a block of commands in Markdown.
var fence = regexp.MustCompile("(?s)```sh\n(.*?)```")

// The page is run here and not on the demo's cluster, which has neither Flux nor
// Argo CD: here there are Flux's CRDs, and a ConfigMap such as Argo CD's.
var _ = Describe("The page on GitOps", func() {
	It("gives commands that work", func(ctx SpecContext) {
		_, err := envtest.InstallCRDs(theOperator.Config, envtest.CRDInstallOptions{Paths: testenv.Flux(GinkgoT()), MaxTime: time.Minute})
		Expect(err).NotTo(HaveOccurred())
		for _, namespace := range []string{"flux-system", "argocd"} {
			Expect(admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})).To(Succeed())
		}
		argocd := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "argocd-cm", Namespace: "argocd"},
			Data:       map[string]string{"url": "https://argocd.example.go.id"},
		}
		Expect(admin.Create(ctx, argocd)).To(Succeed())

		root := testenv.Root(GinkgoT())
		page, err := os.ReadFile(filepath.Join(root, "docs/gitops.md"))
		Expect(err).NotTo(HaveOccurred())
		blocks := fence.FindAllStringSubmatch(string(page), -1)
		Expect(blocks).NotTo(BeEmpty())
		for _, block := range blocks {
			run := exec.CommandContext(ctx, "bash", "-euc", block[1]) //nolint:gosec // the commands are the repository's own
			run.Dir = root
			run.Env = append(os.Environ(), "KUBECONFIG="+adminConfig, "PATH="+os.Getenv("KUBEBUILDER_ASSETS")+":"+os.Getenv("PATH"))
			output, err := run.CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), "%s\n%s", block[1], output)
			Expect(strings.ToLower(string(output))).NotTo(ContainSubstring("warning"))
		}
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(argocd), argocd)).To(Succeed())
		Expect(argocd.Data).To(And(HaveLen(5), HaveKey("url"), HaveKey("resource.customizations.health.ilp.health_District")))
	})
})
