package admission_test

import (
	"context"
	"encoding/json"

	jsonpatch "github.com/evanphx/json-patch/v5"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// Each test writes only what it changes of one of these, in YAML: a field set to
// null is taken away.
const (
	district = `
apiVersion: ilp.health/v1alpha1
kind: District
metadata: {name: sintang}
spec:
  code: "61.05"
  name: Kabupaten Sintang
  database: {storage: 20Gi}
`
	puskesmas = `
apiVersion: ilp.health/v1alpha1
kind: Puskesmas
metadata: {name: tebidah, namespace: ilp-6105}
spec:
  code: P6107080201
  name: Tebidah
  kecamatan: {code: 61.05.09, name: Kayan Hulu}
`
	wave = `
apiVersion: ilp.health/v1alpha1
kind: Wave
metadata: {name: gf-rssh-2025}
spec:
  year: 2025
  release: ilp-1.0.0
`
	stackRelease = `
apiVersion: ilp.health/v1alpha1
kind: StackRelease
metadata: {name: ilp-1.0.0}
spec:
  version: 1.0.0
  database: {image: "postgresql:15.10"}
  rme: [{profile: gnuhealth, image: "gnuhealth:5.0.6"}]
  dashboard: {profile: superset, image: "superset:6.1.0"}
`
)

// manifest lays changes over a base, as JSON merge patches.
func manifest(base string, changes ...string) *unstructured.Unstructured {
	GinkgoHelper()
	document, err := yaml.YAMLToJSON([]byte(base))
	Expect(err).NotTo(HaveOccurred())
	for _, change := range changes {
		patch, err := yaml.YAMLToJSON([]byte(change))
		Expect(err).NotTo(HaveOccurred(), "in the change %s", change)
		document, err = jsonpatch.MergePatch(document, patch)
		Expect(err).NotTo(HaveOccurred(), "in the change %s", change)
	}
	object := &unstructured.Unstructured{}
	Expect(json.Unmarshal(document, &object.Object)).To(Succeed())
	return object
}

// toYAML and toJSON write what manifest and a patch read.
func toYAML(object *unstructured.Unstructured) string {
	GinkgoHelper()
	document, err := yaml.Marshal(object.Object)
	Expect(err).NotTo(HaveOccurred())
	return string(document)
}

func toJSON(document string) string {
	GinkgoHelper()
	converted, err := yaml.YAMLToJSON([]byte(document))
	Expect(err).NotTo(HaveOccurred())
	return string(converted)
}

// accepts offers an object to the API server without keeping it.
func accepts(base string) func(SpecContext, string) {
	return func(ctx SpecContext, change string) {
		Expect(strict.Create(ctx, manifest(base, change), client.DryRunAll)).To(Succeed())
	}
}

// refuses offers an object and wants it refused for all of the reasons.
func refuses(base string) func(SpecContext, string, ...string) {
	return func(ctx SpecContext, change string, because ...string) {
		expectRefusal(strict.Create(ctx, manifest(base, change), client.DryRunAll), because)
	}
}

// acceptsChange keeps an object and offers a changed one.
func acceptsChange(base string) func(SpecContext, string, string) {
	return func(ctx SpecContext, before, after string) {
		Expect(change(ctx, base, before, after)).To(Succeed())
	}
}

// refusesChange keeps an object and wants a changed one refused for all of the reasons.
func refusesChange(base string) func(SpecContext, string, string, ...string) {
	return func(ctx SpecContext, before, after string, because ...string) {
		expectRefusal(change(ctx, base, before, after), because)
	}
}

func change(ctx context.Context, base, before, after string) error {
	GinkgoHelper()
	existing := manifest(base, before)
	keep(ctx, existing)
	changed := manifest(base, before, after)
	changed.SetResourceVersion(existing.GetResourceVersion())
	return strict.Update(ctx, changed, client.DryRunAll)
}

// keep creates an object until the end of the test.
func keep(ctx context.Context, object client.Object) {
	GinkgoHelper()
	Expect(environment.Client.Create(ctx, object)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		operator := environment.As(operatorUser)
		Expect(client.IgnoreNotFound(operator.Delete(ctx, object))).To(Succeed())
	})
}

// expectRefusal wants the API server to have refused on its own judgement, with
// a message that has all the parts. Ginkgo's -v shows every message.
func expectRefusal(err error, because []string) {
	GinkgoHelper()
	Expect(err).To(HaveOccurred(), "nothing refused it")
	GinkgoWriter.Println(err)
	Expect(err).To(Satisfy(func(err error) bool {
		return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err)
	}), "refused for a reason that is not admission's")
	Expect(because).NotTo(BeEmpty(), "a refusal has reasons")
	for _, part := range because {
		Expect(err.Error()).To(ContainSubstring(part))
	}
}
