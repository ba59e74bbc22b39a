package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// plugin is what make build has built.
func plugin(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join("..", "..", "bin", "kubectl-ilp"), args...) //nolint:gosec // it is this repository's own
}

// ask runs the plugin, and returns its exit code and what it prints.
func ask(ctx context.Context, args ...string) (code int, out string) {
	GinkgoHelper()
	text, err := plugin(ctx, args...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), string(text)
	}
	Expect(err).NotTo(HaveOccurred())
	return 0, string(text)
}

var _ = Describe("kubectl ilp, asked about Kabupaten Sintang,", func() {
	BeforeEach(func(ctx SpecContext) { awaitSintang(ctx) })

	It("finds the cluster fit", func(ctx SpecContext) {
		code, out := ask(ctx, "doctor")
		Expect(code).To(Equal(0), out)
		Expect(out).To(MatchRegexp(`(?m)^✓ cloudnative-pg: 1\.\d+\.\d+ in cnpg-system$`))
		Expect(out).To(MatchRegexp(`(?m)^✓ operator: \S+ runs in ilp-system$`))
		Expect(out).NotTo(ContainSubstring("could not be looked at"))
	})

	It("has its status", func(ctx SpecContext) {
		_, out := ask(ctx, "status")
		Expect(out).To(MatchRegexp(`✓ sintang +61\.05 +Kabupaten Sintang .*2/2 +True +Succeeded`))
		code, out := ask(ctx, "status", district)
		Expect(code).To(Equal(0), out)
		Expect(out).To(ContainSubstring("http://tebidah.sintang.localhost"))
		code, out = ask(ctx, "status", district, "-o", "json")
		Expect(code).To(Equal(0), out)
		var status struct{ Puskesmas []struct{ Outcome string } }
		Expect(json.Unmarshal([]byte(out), &status)).To(Succeed())
		Expect(status.Puskesmas).To(HaveEach(HaveField("Outcome", "Ready")))
	})

	It("draws a tree down to its pods, all of which are well", func(ctx SpecContext) {
		// A pod that was replaced may not be gone yet.
		Eventually(func(g Gomega) {
			code, out := ask(ctx, "tree", district)
			g.Expect(code).To(Equal(0), out)
			g.Expect(out).To(ContainSubstring("✓ Cluster database\n"))
			g.Expect(out).To(ContainSubstring("✓ Pod database-1"))
			g.Expect(out).To(MatchRegexp(`✓ Deployment tebidah-rme\n[│ ]*└─ ✓ Pod tebidah-rme-`))
			g.Expect(out).NotTo(ContainSubstring("✗"))
		}).WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(2 * time.Second).Should(Succeed())
	})

	It("finds nothing that blocks it", func(ctx SpecContext) {
		for _, args := range [][]string{{"why", district}, {"why", district, tebidah}} {
			code, out := ask(ctx, args...)
			Expect(code).To(Equal(0), out)
			Expect(out).To(HavePrefix("✓ Nothing blocks "))
		}
	})

	It("opens the RME of Puskesmas Tebidah, and the dashboard, without an Ingress", func(ctx SpecContext) {
		for _, args := range [][]string{{"rme", namespace, tebidah}, {"dashboard", district}} {
			open := plugin(ctx, append([]string{"open"}, args...)...)
			out, err := open.StdoutPipe()
			Expect(err).NotTo(HaveOccurred())
			open.Stderr = GinkgoWriter
			Expect(open.Start()).To(Succeed())
			lines := bufio.NewReader(out)
			first, err := lines.ReadString('\n')
			Expect(err).NotTo(HaveOccurred(), "open says nothing: %v", args)
			Expect(page(ctx, regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(first))).To(ContainSubstring("<script"), "%v", args)

			second, err := lines.ReadString('\n')
			Expect(err).NotTo(HaveOccurred())
			show := regexp.MustCompile(`kubectl -n .*`).FindString(second)
			Expect(show).NotTo(BeEmpty(), second)
			shown, err := exec.CommandContext(ctx, "bash", "-c", show).Output() //nolint:gosec // it is what the plugin tells people to run
			Expect(err).NotTo(HaveOccurred(), show)
			Expect(string(shown)).To(MatchRegexp(`^admin \S+\n$`))

			Expect(open.Process.Signal(os.Interrupt)).To(Succeed())
			Expect(open.Wait()).To(Succeed())
		}
	})
})

// page is what a browser on this machine would get.
func page(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
