package root

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
	"ilp.health/operator/controllers/stack/cnpg"
)

// asked is a cluster with what testdata/ask/cluster.yaml says.
func asked(t *testing.T, funcs interceptor.Funcs) client.Client {
	t.Helper()
	scheme, err := cmdutil.NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/ask/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(funcs)
	set := manifest.Parse("cluster.yaml", text)
	if len(set.Problems) > 0 {
		t.Fatal(set.Problems)
	}
	for _, object := range set.Objects {
		if object.GroupVersionKind().Group == cnpg.Group {
			builder = builder.WithObjects(object.Unstructured)
			continue
		}
		typed, err := scheme.New(object.GroupVersionKind())
		if err != nil {
			t.Fatal(err)
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err != nil {
			t.Fatal(err)
		}
		builder = builder.WithObjects(typed.(client.Object))
	}
	return builder.Build()
}

// logs is an API server that serves nothing but one log.
func logs(t *testing.T, text string) func() (*rest.Config, error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/namespaces/ilp-6105/pods/sungai-durian-schema-1-ab/log" || r.URL.Query().Get("container") != "migrate" {
			t.Errorf("somebody asks for %s", r.URL)
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	return func() (*rest.Config, error) { return &rest.Config{Host: server.URL}, nil }
}

const migration = `starting
connecting to postgresql://p6107140201:Hujan-Bulan-Juni@database-rw:5432/p6107140201
token: Rahasia-SATUSEHAT, admin is Tebidah-Geheim
` + "\x1b]0;title\x07" + `ERROR: column "ge` + "\x00" + `nder" of relation "gnuhealth_patient" does not exist
`

// ask runs a command with a clock, a cluster and a log.
func ask(t *testing.T, c client.Client, args ...string) ran {
	t.Helper()
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	factory := &cmdutil.Factory{
		Streams: streams, Config: logs(t, migration),
		Client: func() (client.Client, error) { return c, nil },
		Now:    func() time.Time { return monday },
	}
	code := run(t.Context(), New(factory), factory, args)
	return ran{code, out.String(), errOut.String()}
}

func TestAsk(t *testing.T) {
	for name, test := range map[string]struct {
		args string
		code int
	}{
		"status-all.txt":      {"status", cmdutil.ExitHeld},
		"status-all.yaml":     {"status -o yaml", cmdutil.ExitHeld},
		"status-one.txt":      {"status sintang", cmdutil.ExitHeld},
		"status-one.json":     {"status 61.05 -o json", cmdutil.ExitHeld},
		"status-ready.txt":    {"status ilp-3209", cmdutil.ExitDone},
		"status-waiting.txt":  {"status jayapura", cmdutil.ExitWaiting},
		"tree.txt":            {"tree sintang", cmdutil.ExitDone},
		"tree.json":           {"tree ilp-6105 -o json", cmdutil.ExitDone},
		"why-failed.txt":      {"why sintang", cmdutil.ExitHeld},
		"why-failed.json":     {"why sintang P6107140201 -o json", cmdutil.ExitHeld},
		"why-progressing.txt": {"why sintang nanga-mau", cmdutil.ExitWaiting},
		"why-nothing.txt":     {"why sintang tebidah", cmdutil.ExitDone},
		"why-missing.txt":     {"why garut", cmdutil.ExitWaiting},
		"why-suspended.txt":   {"why bogor", cmdutil.ExitWaiting},
		"why-wave.txt":        {"why jayapura", cmdutil.ExitWaiting},
		"why-unseen.txt":      {"why mamuju", cmdutil.ExitWaiting},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, asked(t, interceptor.Funcs{}), strings.Fields(test.args)...)
			if got.code != test.code || got.errOut != "" {
				t.Errorf("exit code %d, want %d: %s", got.code, test.code, got.errOut)
			}
			golden(t, "ask/"+name, got.out)
			for _, secret := range []string{"Geheim", "Rahasia", "Hujan", "hilang"} {
				if strings.Contains(got.out, secret) {
					t.Errorf("the output has a secret, %s:\n%s", secret, got.out)
				}
			}
		})
	}
}

func TestAskWrongly(t *testing.T) {
	for args, test := range map[string]struct {
		code int
		says string
	}{
		"status nowhere":             {cmdutil.ExitError, `district "nowhere" does not exist: there is bogor, cirebon, garut, jayapura, mamuju, sintang`},
		"status a b":                 {cmdutil.ExitUsage, "accepts at most 1 arg(s), received 2; use: kubectl ilp status [DISTRICT]"},
		"status -o xml":              {cmdutil.ExitUsage, `--output "xml" is unknown: use text, json or yaml`},
		"tree":                       {cmdutil.ExitUsage, "use: kubectl ilp tree DISTRICT"},
		"why sintang nowhere":        {cmdutil.ExitError, `Puskesmas "nowhere" does not exist: there is nanga-mau, sungai-durian, tebidah`},
		"why":                        {cmdutil.ExitUsage, "use: kubectl ilp why DISTRICT [PUSKESMAS]"},
		"doctor -o yaml":             {cmdutil.ExitUsage, `--output "yaml" is unknown: use text or json`},
		"open":                       {cmdutil.ExitDone, ""},
		"open rme sintang":           {cmdutil.ExitUsage, "use: kubectl ilp open rme DISTRICT PUSKESMAS"},
		"open door":                  {cmdutil.ExitUsage, `there is no command "door" in kubectl ilp open: use one of rme, dashboard`},
		"open dashboard sintang":     {cmdutil.ExitError, "no pod of Service ilp-6105/dashboard is ready; kubectl ilp why sintang says why"},
		"open rme sintang nanga-mau": {cmdutil.ExitError, "The RME of Puskesmas Nanga Mau has no Service yet; kubectl ilp why sintang nanga-mau says why"},
	} {
		t.Run(args, func(t *testing.T) {
			got := ask(t, asked(t, interceptor.Funcs{}), strings.Fields(args)...)
			if got.code != test.code || !strings.Contains(got.errOut, test.says) {
				t.Errorf("exit code %d, want %d; says %q, want %q", got.code, test.code, got.errOut, test.says)
			}
		})
	}
}

// forbidden is what the API server says to whom it does not trust.
func forbidden(kind string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: kind}, "", nil)
}

// TestAskWithFewRights: who may not read Secrets or events is told so, and what
// looks like a password is masked all the same.
func TestAskWithFewRights(t *testing.T) {
	c := asked(t, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
		switch l := list.(type) {
		case *corev1.SecretList:
			return forbidden("secrets")
		case *corev1.EventList:
			return forbidden("events")
		case *metav1.PartialObjectMetadataList:
			if l.Kind == "SecretList" || l.Kind == "Secret" {
				return forbidden("secrets")
			}
		}
		return c.List(ctx, list, opts...)
	}})
	got := ask(t, c, "why", "sintang")
	for _, wanted := range []string{
		"you may not read Secrets in ilp-6105, so only what looks like a password is masked",
		"you may not read events in ilp-6105", "postgresql://p6107140201:***@database-rw", "token: ***",
	} {
		if !strings.Contains(got.out, wanted) {
			t.Errorf("does not say %q:\n%s", wanted, got.out)
		}
	}
	tree := ask(t, c, "tree", "sintang")
	if !strings.Contains(tree.out, "○ Secret dashboard-admin: you may not read this kind") {
		t.Errorf("does not say what cannot be read:\n%s", tree.out)
	}
}

// TestWatchStatus ends when nothing goes on by itself any more, and writes a line
// for each change.
func TestWatchStatus(t *testing.T) {
	looks := 0
	c := asked(t, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
		if _, ok := list.(*v1alpha1.DistrictList); ok {
			looks++
			switch looks {
			case 2:
				return apierrors.NewServiceUnavailable("the line is down")
			case 3:
				d := &v1alpha1.District{}
				if err := c.Get(ctx, client.ObjectKey{Name: "mamuju"}, d); err != nil {
					return err
				}
				d.Status.ObservedGeneration = d.Generation
				d.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: "True", Reason: "Succeeded", Message: "all"}}
				if err := c.Update(ctx, d); err != nil {
					return err
				}
			}
		}
		return c.List(ctx, list, opts...)
	}})
	got := ask(t, c, "status", "mamuju", "--watch")
	want := "2025-06-02T01:00:00Z in progress: - Puskesmas, release -; District mamuju: NotSeen: the operator has not looked at this spec yet\n" +
		"2025-06-02T01:00:00Z ready: - Puskesmas, release -\n"
	if got.code != cmdutil.ExitDone || got.out != want || !strings.Contains(got.errOut, "the line is down") {
		t.Errorf("ends with %d and prints\n%s%s\nwant\n%s", got.code, got.out, got.errOut, want)
	}
}

func TestComplete(t *testing.T) {
	for args, want := range map[string]string{
		"status ":                      "bogor cirebon garut jayapura mamuju sintang",
		"why s":                        "sintang",
		"why sintang ":                 "nanga-mau sungai-durian tebidah",
		"open rme 61.05 t":             "tebidah",
		"why sintang tebidah ":         "",
		"why nowhere ":                 "",
		"wave status ":                 "nusantara-2025",
		"wave approve nusantara-2025 ": "papua",
		"district pin sintang ":        "ilp-1.1.0",
		"doctor ":                      "",
	} {
		t.Run(args, func(t *testing.T) {
			fields := strings.Split(args, " ")
			got := ask(t, asked(t, interceptor.Funcs{}), append([]string{"__complete"}, fields...)...)
			var names []string
			for line := range strings.Lines(got.out) {
				if line = strings.TrimSpace(line); !strings.HasPrefix(line, ":") {
					names = append(names, line)
				}
			}
			if strings.Join(names, " ") != want || !strings.Contains(got.out, ":4\n") {
				t.Errorf("offers %q, want %q: %s", names, want, got.out)
			}
		})
	}
}

// TestDocumentsAreWhole: what a machine reads has no value that a text cuts.
func TestDocumentsAreWhole(t *testing.T) {
	got := ask(t, asked(t, interceptor.Funcs{}), "status", "-o", "json")
	var document struct {
		Districts []struct{ District, Message string }
	}
	if err := json.Unmarshal([]byte(got.out), &document); err != nil {
		t.Fatal(err)
	}
	for _, d := range document.Districts {
		if strings.Contains(d.Message, "…") {
			t.Errorf("%s: %s", d.District, d.Message)
		}
	}
}

// TestWhyAsksTheWave where a district waits for it, or stands on another release.
func TestWhyAsksTheWave(t *testing.T) {
	c := asked(t, interceptor.Funcs{})
	wave := &v1alpha1.Wave{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "nusantara-2025"}, wave); err != nil {
		t.Fatal(err)
	}
	wave.Spec.Rollout.Stages = nil
	if err := c.Update(t.Context(), wave); err != nil {
		t.Fatal(err)
	}
	d := &v1alpha1.District{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "cirebon"}, d); err != nil {
		t.Fatal(err)
	}
	d.Spec.WaveRef.Name = v1alpha1.ObjectName(wave.Name)
	if err := c.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	// It runs a release that is not in the catalogue any more.
	if got := ask(t, c, "why", "cirebon"); got.code != cmdutil.ExitHeld || !strings.Contains(got.out, "✗ Wave nusantara-2025: UpgradePath") {
		t.Errorf("ends with %d and says\n%s", got.code, got.out)
	}
	wave.Spec.Release = "ilp-9"
	if err := c.Update(t.Context(), wave); err != nil {
		t.Fatal(err)
	}
	for _, district := range []string{"jayapura", "cirebon"} {
		got := ask(t, c, "why", district)
		if got.code != cmdutil.ExitHeld || !strings.Contains(got.out, "Wave nusantara-2025: ReleaseNotFound") ||
			!strings.Contains(got.out, "next: kubectl get stackreleases, then correct spec.release of the wave") {
			t.Errorf("why %s ends with %d and says\n%s", district, got.code, got.out)
		}
	}
}
