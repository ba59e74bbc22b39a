package root

import (
	"bytes"
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
)

const samples = "../../../../config/samples"

// stack is what the operator makes of a spec, which these tests are not about.
var stack = regexp.MustCompile(`there are [^"\n]*("|\n)`)

func TestValidate(t *testing.T) {
	for name, args := range map[string][]string{
		"bad.txt":     {"testdata/gate/bad", "testdata/gate/catalogue"},
		"bad.json":    {"testdata/gate/bad", "testdata/gate/catalogue", "-o", "json"},
		"bad.xml":     {"testdata/gate/bad", "testdata/gate/catalogue", "-o", "junit"},
		"plain.txt":   {"testdata/gate/plain"},
		"patches.txt": {"testdata/gate/patches", "testdata/gate/catalogue"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ilp(t, nil, append([]string{"validate"}, args...)...)
			if got.code != cmdutil.ExitProblems || got.errOut != "" {
				t.Errorf("ends with %d and says %s", got.code, got.errOut)
			}
			golden(t, "gate/"+name, stack.ReplaceAllString(got.out, "there are …$1"))
			if strings.HasSuffix(name, ".xml") {
				if err := xml.Unmarshal([]byte(got.out), new(any)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestValidateGood(t *testing.T) {
	if got := ilp(t, nil, "validate", samples); got.code != cmdutil.ExitDone || got.out != "7 objects, 0 problems\n" {
		t.Errorf("the samples end with %d: %s%s", got.code, got.out, got.errOut)
	}
	got := ilp(t, nil, "validate", samples+"/sintang")
	if got.code != cmdutil.ExitDone || !strings.Contains(got.out, "note: no StackRelease is among the files") || !strings.Contains(got.out, "note: no Wave is") {
		t.Errorf("a folder without catalogue ends with %d: %s", got.code, got.out)
	}
	got = ilp(t, nil, "validate", samples+"/sintang/tebidah.yaml")
	if got.code != cmdutil.ExitDone || !strings.Contains(got.out, "whether Puskesmas ilp-6105/tebidah is in the right namespace is not known") {
		t.Errorf("one file ends with %d: %s", got.code, got.out)
	}
	for _, format := range []string{"json", "junit"} {
		if got := ilp(t, nil, "validate", samples, "-o", format); got.code != cmdutil.ExitDone || strings.Contains(got.out, "null") || strings.Contains(got.out, "<failure") {
			t.Errorf("%s ends with %d: %s", format, got.code, got.out)
		}
	}
}

func TestValidateCannotRead(t *testing.T) {
	for path, says := range map[string]string{
		"testdata/none":                     "no such file",
		samples + "/sintang/namespace.yaml": "there is no District, Puskesmas, Wave or StackRelease in",
	} {
		for _, command := range []string{"validate", "render"} {
			if got := ilp(t, nil, command, path); got.code != cmdutil.ExitError || !strings.Contains(got.errOut, says) {
				t.Errorf("%s %s ends with %d: %s", command, path, got.code, got.errOut)
			}
		}
	}
	if got := ilp(t, nil, "render", samples+"/sintang"); got.code != cmdutil.ExitError || !strings.Contains(got.errOut, "no StackRelease is among the files") {
		t.Errorf("without a release render ends with %d: %s", got.code, got.errOut)
	}
	if got := ilp(t, nil, "render", "testdata/gate/bad", "testdata/gate/catalogue"); got.code != cmdutil.ExitProblems || got.out != "" || !strings.Contains(got.errOut, "unknown field") {
		t.Errorf("render of what is wrong ends with %d: %s%s", got.code, got.out, got.errOut)
	}
}

// TestStandardInput takes what kubectl kustomize prints.
func TestStandardInput(t *testing.T) {
	text := read(t, filepath.Join(samples, "sintang", "tebidah.yaml"))
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(strings.ReplaceAll(text, "P6107080201", "61.07")), Out: &out, ErrOut: &errOut}
	if code := Execute(t.Context(), streams, []string{"validate", "-"}); code != cmdutil.ExitProblems ||
		!strings.Contains(out.String(), "standard input: Puskesmas ilp-6105/tebidah\n  spec.code: must be a string, not of type number") {
		t.Errorf("ends with %d: %s%s", code, out.String(), errOut.String())
	}
}

// TestRender prints the same whatever order the files come in, and no values of Secrets.
func TestRender(t *testing.T) {
	got := ilp(t, nil, "render", samples)
	if got.code != cmdutil.ExitDone || got.errOut != "" {
		t.Fatalf("ends with %d: %s", got.code, got.errOut)
	}
	other := ilp(t, nil, "render", samples+"/waves", samples+"/sintang", samples+"/releases", samples+"/jayapura")
	if other != got {
		t.Error("another order of the same folders prints something else")
	}
	for _, object := range manifest.Parse("rendered", []byte(got.out)).Objects {
		if object.GetKind() != "Secret" {
			continue
		}
		for _, field := range []string{"data", "stringData"} {
			values, _ := object.Object[field].(map[string]any)
			for key, value := range values {
				if value != "***" {
					t.Errorf("%s shows its %s", object.Title(), key)
				}
			}
		}
	}
	for _, want := range []string{"localhost/ilp/gnuhealth:5.0.6", "name: tebidah-rme\n", "kind: Cluster\n", "namespace: ilp-9103", "size: 2Gi"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// TestRenderSatuSehat hands an RME its credentials by reference.
func TestRenderSatuSehat(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tebidah.yaml")
	text := read(t, filepath.Join(samples, "sintang", "tebidah.yaml")) + "  satusehat:\n    organizationID: \"1000001234\"\n    credentialsSecretRef: {name: satusehat-tebidah}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := ilp(t, nil, "render", file, samples+"/sintang/district.yaml", samples+"/releases", samples+"/waves")
	for _, want := range []string{"value: \"1000001234\"", "name: satusehat-tebidah", "ilp.health/satusehat-credentials: unknown"} {
		if got.code != cmdutil.ExitDone || !strings.Contains(got.out, want) {
			t.Errorf("ends with %d and lacks %s: %s", got.code, want, got.errOut)
		}
	}
}
