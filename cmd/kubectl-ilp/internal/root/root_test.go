package root

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
)

var update = flag.Bool("update", false, "write the golden files anew")

var monday = time.Date(2025, 6, 2, 1, 0, 0, 0, time.UTC) // 08:00 in Jakarta

// ran is how a command ended.
type ran struct {
	code        int
	out, errOut string
}

// ilp runs a command against a client, which may be nil.
func ilp(t *testing.T, c client.Client, args ...string) ran {
	t.Helper()
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	factory := &cmdutil.Factory{
		Streams: streams,
		Now:     func() time.Time { return monday },
		Client: func() (client.Client, error) {
			if c == nil {
				t.Fatal("the command asks for a cluster")
			}
			return c, nil
		},
	}
	code := run(t.Context(), New(factory), factory, args)
	return ran{code, out.String(), errOut.String()}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; look at it and write it anew with -update. Got:\n%s", path, got)
	}
}

func TestPlanFromFiles(t *testing.T) {
	for name, test := range map[string]struct {
		code int
		args []string
	}{
		"plan.txt":          {cmdutil.ExitDone, nil},
		"plan.json":         {cmdutil.ExitDone, []string{"-o", "json"}},
		"simulate.txt":      {cmdutil.ExitDone, []string{"--simulate"}},
		"simulate-fail.txt": {cmdutil.ExitHeld, []string{"--simulate", "--fail", "40%", "--seed", "3", "--district-minutes", "45"}},
		"simulate.json":     {cmdutil.ExitHeld, []string{"--simulate", "--fail", "1", "-o", "json"}},
		"plan-later.txt":    {cmdutil.ExitDone, []string{"--now", "2025-06-02T21:30:00+07:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"wave", "plan", "nusantara-2025", "-f", "testdata/fleet"}, test.args...)
			got := ilp(t, nil, args...)
			if got.code != test.code || got.errOut != "" {
				t.Errorf("exit code %d, want %d: %s", got.code, test.code, got.errOut)
			}
			golden(t, name, got.out)
			if again := ilp(t, nil, args...); again != got {
				t.Errorf("the same command prints something else:\n%s", again.out)
			}
		})
	}
}

func TestWrongUse(t *testing.T) {
	twice := filepath.Join(t.TempDir(), "twice.yaml")
	unknown := filepath.Join(t.TempDir(), "unknown.yaml")
	wave := "apiVersion: ilp.health/v1alpha1\nkind: Wave\nmetadata: {name: w}\nspec: {year: 2025}\n"
	for path, text := range map[string]string{twice: wave + "---\n" + wave, unknown: strings.Replace(wave, "year", "jahr", 1)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for args, test := range map[string]struct {
		code int
		says string
	}{
		"wave plan":                            {cmdutil.ExitUsage, "accepts 1 arg(s), received 0; use: kubectl ilp wave plan NAME"},
		"wave approve w":                       {cmdutil.ExitUsage, "requires at least 2 arg(s)"},
		"waves":                                {cmdutil.ExitUsage, `no command "waves" in kubectl ilp: use one of onboard, validate, render, diff, status, tree, why, doctor, open, wave, district`},
		"wave paln":                            {cmdutil.ExitUsage, "use one of plan, status, approve, suspend, resume"},
		"wave plan w --x":                      {cmdutil.ExitUsage, "unknown flag: --x; see kubectl ilp wave plan --help"},
		"wave plan w -o yaml":                  {cmdutil.ExitUsage, `--output "yaml" is unknown: use text or json`},
		"wave plan w --fail some":              {cmdutil.ExitUsage, `--fail "some" is neither a number of districts nor a percentage`},
		"wave plan w --fail -3%":               {cmdutil.ExitUsage, `--fail "-3%" is neither`},
		"wave plan w --district-minutes 0":     {cmdutil.ExitUsage, "--district-minutes 0 must be at least 1"},
		"wave plan w --now monday":             {cmdutil.ExitUsage, `--now "monday" is no time`},
		"diff":                                 {cmdutil.ExitUntold, "requires at least 1 arg(s)"},
		"diff testdata/fleet -o xml":           {cmdutil.ExitUntold, `--output "xml" is unknown: use text, json or yaml`},
		"diff testdata/none":                   {cmdutil.ExitUntold, "testdata/none: no such file"},
		"wave status w -o yaml":                {cmdutil.ExitUsage, `--output "yaml"`},
		"wave plan w -f testdata/fleet":        {cmdutil.ExitError, `wave "w" does not exist: there is nusantara-2025`},
		"wave plan w -f testdata/none":         {cmdutil.ExitError, "testdata/none: no such file"},
		"wave plan w -f testdata/fleet/others": {cmdutil.ExitError, `wave "w" does not exist, and no other either`},
		"wave plan w -f " + twice:              {cmdutil.ExitError, "Wave w is already in " + twice},
		"wave plan w -f " + unknown:            {cmdutil.ExitError, `unknown field "spec.jahr"`},
	} {
		t.Run(args, func(t *testing.T) {
			got := ilp(t, nil, strings.Fields(args)...)
			if got.code != test.code || !strings.Contains(got.errOut, test.says) || got.out != "" {
				t.Errorf("exit code %d, want %d; says %q, want %q", got.code, test.code, got.errOut, test.says)
			}
		})
	}
}

// TestExecute runs the plugin with kubectl's flags in place.
func TestExecute(t *testing.T) {
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &errOut}
	if code := Execute(t.Context(), streams, []string{"wave", "status", "w", "--kubeconfig", "testdata/none"}); code != cmdutil.ExitError {
		t.Errorf("exit code %d, want %d", code, cmdutil.ExitError)
	}
	if !strings.Contains(errOut.String(), "find the cluster") || out.Len() > 0 {
		t.Errorf("says %q", errOut.String())
	}
	errOut.Reset()
	if code := Execute(t.Context(), streams, []string{"diff", samples, "--server", "https://127.0.0.1:1"}); code != cmdutil.ExitUntold || !strings.Contains(errOut.String(), "connection refused") || out.Len() > 0 {
		t.Errorf("diff ends with %d without a cluster and says %q", code, errOut.String())
	}
	if code := Execute(t.Context(), streams, []string{"--help"}); code != cmdutil.ExitDone || !strings.Contains(out.String(), "Exit codes:") {
		t.Errorf("help ends with %d and says %q", code, out.String())
	}
}
