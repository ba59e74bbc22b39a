package render

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"ilp.health/operator/config"
)

func TestPublished(t *testing.T) {
	const kustomization = "resources: [values.yaml, service.yaml]\nlabels: [{pairs: {a: b}}]\n"
	const service = "kind: Service\nspec: {ports: [{name: metrics, port: 9000}, {name: http, port: 8000}]}\n"
	for name, test := range map[string]struct {
		annotations, service string
		want                 int32
		problem              string
	}{
		"with a login":              {"{ilp.health/publish: http}", service, 8000, ""},
		"without a login":           {"{}", service, 0, ""},
		"without annotations":       {"null", service, 0, ""},
		"a port that is not there":  {"{ilp.health/publish: web}", service, 0, `values.yaml publishes the port "web", which the Service in service.yaml does not have`},
		"a Service that is no YAML": {"{ilp.health/publish: http}", "]", 0, "service.yaml: "},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(fstest.MapFS{
				"rme/x/kustomization.yaml": {Data: []byte(kustomization)},
				"rme/x/service.yaml":       {Data: []byte(test.service)},
				"rme/x/values.yaml":        {Data: []byte("kind: ConfigMap\nmetadata: {annotations: " + test.annotations + "}\ndata: {}\n")},
			})
			for range 2 {
				port, err := r.Published("rme/x")
				if port != test.want || (err == nil) != (test.problem == "") || (err != nil && !strings.Contains(err.Error(), test.problem)) {
					t.Errorf("port %d, %v; want %d, %q", port, err, test.want, test.problem)
				}
			}
		})
	}
}

// TestNoLoginIsNotPublished keeps a store without a login inside: nothing
// publishes it, and the policy that lets ingress controllers in leaves it out.
func TestNoLoginIsNotPublished(t *testing.T) {
	policy, err := fs.ReadFile(config.Stack(), "isolation/policies/network-web.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := New(config.Stack())
	for profile, want := range map[string]int32{"gnuhealth": 8000, "custom": 8080, "hapi-fhir": 0} {
		if port, err := r.Published("rme/" + profile); err != nil || port != want {
			t.Errorf("%s: port %d, %v; want %d", profile, port, err, want)
		}
		if closed := strings.Contains(string(policy), "operator: NotIn, values: ["+profile+"]"); closed != (want == 0) {
			t.Errorf("%s: the policy web leaves it out: %t", profile, closed)
		}
	}
}
