package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// From a list of Puskesmas, as a spreadsheet writes it, to a district that
// serves: the way of somebody who has never seen this. The report has what is
// typed, what is answered, and how long it takes.
var _ = Describe("A newcomer", Label("newcomer"), func() {
	It("brings Kabupaten Sanggau in from a list", func(ctx SpecContext) {
		DeferCleanup(func(ctx SpecContext) { removeDistricts(ctx, "sanggau") })
		var story strings.Builder
		DeferCleanup(func() { AddReportEntry("the newcomer's path", story.String()) })
		started := time.Now()
		types := func(line ...string) string {
			GinkgoHelper()
			out := command(ctx, line[0], line[1:]...)
			fmt.Fprintf(&story, "%4.0f s $ %s\n%s\n", time.Since(started).Seconds(), strings.Join(line, " "), out)
			return out
		}
		ilp, catalogue := filepath.Join("..", "..", "bin", "kubectl-ilp"), filepath.Join("..", "..", "config", "samples")
		folder := filepath.Join(GinkgoT().TempDir(), "sanggau")
		onboard := []string{
			ilp, "onboard", "61.03", "--name", "Kabupaten Sanggau", "--puskesmas", filepath.Join("testdata", "newcomer", "puskesmas.csv"),
			"--domain", "sanggau.localhost", "--storage", "1Gi", "-o", folder,
		}

		types(onboard...)
		types(ilp, "validate", folder, filepath.Join(catalogue, "releases"), filepath.Join(catalogue, "waves"))
		types("kubectl", "apply", "-k", folder)
		types("kubectl", "wait", "district/sanggau", "--for=condition=Ready", "--timeout=15m")
		types("kubectl", "get", "districts,puskesmas", "-A")

		By("being served by both Puskesmas and the dashboard")
		for _, host := range []string{"kapuas.sanggau.localhost", "mukok.sanggau.localhost", "dashboard.sanggau.localhost"} {
			code, _, err := fetch(ctx, http.MethodGet, "http://"+host+"/", "", nil)
			Expect(err).NotTo(HaveOccurred(), host)
			Expect(code).To(BeNumerically("<", http.StatusBadRequest), host)
		}

		By("doing it all again, which changes nothing")
		types(onboard...)
		for line := range strings.Lines(types("kubectl", "apply", "-k", folder)) {
			Expect(strings.TrimSpace(line)).To(HaveSuffix("unchanged"))
		}
	})
})
