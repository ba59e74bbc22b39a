package controllers_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/test/testenv"
)

var update = flag.Bool("update", false, "record the resources of test/gitops anew")

// recorded compares a resource, as it is or soon will be, with the recording of
// a stage of its life in test/gitops. With -update it is the recording.
func recorded(ctx context.Context, gvk schema.GroupVersionKind, key client.ObjectKey, stage string) {
	GinkgoHelper()
	file := filepath.Join(testenv.Root(GinkgoT()), "test/gitops/testdata", strings.ToLower(gvk.Kind)+"-"+stage+".yaml")
	if *update {
		content, err := yaml.Marshal(still(ctx, gvk, key).Object)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(file, []byte(masked(string(content))), 0o644)).To(Succeed()) //nolint:gosec // anybody may read it
		return
	}
	content, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred(), "record it: go test ./test/integration/controllers -ginkgo.focus 'stage of life' -update")
	want := &unstructured.Unstructured{}
	Expect(yaml.Unmarshal(content, &want.Object)).To(Succeed())
	Eventually(func() vitals { return vitalsOf(read(ctx, gvk, key)) }).Should(Equal(vitalsOf(want)),
		"%s differs: look why, and record it anew with -update", file)
}

// vitals are what the health of a resource is told by.
type vitals struct {
	Metadata struct {
		Generation int64 `json:"generation"`
	} `json:"metadata"`
	Status struct {
		ObservedGeneration int64 `json:"observedGeneration"`
		Conditions         []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
			Reason string `json:"reason"`
		} `json:"conditions"`
	} `json:"status"`
	Deleting bool
}

func vitalsOf(object *unstructured.Unstructured) vitals {
	GinkgoHelper()
	var v vitals
	Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(plain(object), &v)).To(Succeed())
	v.Deleting = object.GetDeletionTimestamp() != nil
	return v
}

// plain is an object with numbers as the converter expects them, wherever it comes from.
func plain(object *unstructured.Unstructured) map[string]any {
	GinkgoHelper()
	content, err := object.MarshalJSON()
	Expect(err).NotTo(HaveOccurred())
	again := &unstructured.Unstructured{}
	Expect(again.UnmarshalJSON(content)).To(Succeed())
	return again.Object
}

func read(ctx context.Context, gvk schema.GroupVersionKind, key client.ObjectKey) *unstructured.Unstructured {
	GinkgoHelper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(gvk)
	Expect(admin.Get(ctx, key, object)).To(Succeed())
	return object
}

// still is a resource when nobody has written it for a while, without what does
// not bear upon its health and differs from run to run.
func still(ctx context.Context, gvk schema.GroupVersionKind, key client.ObjectKey) *unstructured.Unstructured {
	GinkgoHelper()
	version := func() string { return read(ctx, gvk, key).GetResourceVersion() }
	for before := ""; before != version(); time.Sleep(3 * time.Second) {
		before = version()
	}
	object := read(ctx, gvk, key)
	object.SetManagedFields(nil)
	object.SetResourceVersion("")
	object.SetUID("")
	return object
}

var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// masked has the same time throughout.
func masked(text string) string { return timestamp.ReplaceAllString(text, "2026-01-01T00:00:00Z") }
