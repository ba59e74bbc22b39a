package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// fence is a block of commands in Markdown.
var fence = regexp.MustCompile("(?s)```sh\n(.*?)```")

// Commands that other parts of the build run, and that would take this cluster
// down, run the tests within the tests, or run until somebody ends them
// (asking_test.go does).
var elsewhere = regexp.MustCompile(`^make (demo|test|e2e|bench)\b|^bin/kubectl-ilp open\b`)

var _ = Describe("The documentation", func() {
	root := filepath.Join("..", "..")
	// The commands of the page before may still be at work.
	BeforeEach(func(ctx SpecContext) { awaitSintang(ctx) })
	for _, page := range []string{"README.md", "docs/concepts.md", "docs/operations.md", "docs/waves.md", "docs/kubectl-ilp.md", "docs/onboarding.md", "docs/upgrades.md", "docs/security.md", "docs/custom-rme.md"} {
		It("gives commands that work: "+page, func(ctx SpecContext) {
			text, err := os.ReadFile(filepath.Join(root, page))
			Expect(err).NotTo(HaveOccurred())
			for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
				for command := range strings.Lines(block[1]) {
					command = strings.TrimSpace(command)
					if command == "" || elsewhere.MatchString(command) {
						continue
					}
					// Pages link to each other relative to their own folder, and their commands run at the root.
					run := exec.CommandContext(ctx, "bash", "-c", command) //nolint:gosec // the commands are the repository's own
					run.Dir = root
					out, err := run.CombinedOutput()
					Expect(err).NotTo(HaveOccurred(), "%s: %s\n%s", page, command, out)
				}
			}
		})
	}
})
