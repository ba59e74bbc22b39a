package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader"
	"helm.sh/helm/v4/pkg/engine"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// everything switches on what is off by default.
const everything = `
serviceMonitor: {enabled: true}
prometheusRule: {enabled: true}
`

// objects are what is installed, by kind and name, as Kubernetes's own types.
type objects map[string]client.Object

// What Helm applies only when it uninstalls is left out.
func (o objects) add(t *testing.T, manifests string) {
	t.Helper()
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifests)))
	for {
		manifest, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if content, err := yaml.YAMLToJSON(manifest); err == nil && bytes.Equal(content, []byte("null")) {
			continue
		}
		decoded, _, err := strict.Decode(manifest, nil, nil)
		if err != nil {
			t.Fatalf("an object that Kubernetes would not take: %v\n%s", err, manifest)
		}
		object := decoded.(client.Object)
		if object.GetAnnotations()["helm.sh/hook"] == "pre-delete" {
			continue
		}
		key := object.GetObjectKind().GroupVersionKind().Kind + " " + object.GetName()
		if _, twice := o[key]; twice {
			t.Fatalf("%s is there twice", key)
		}
		o[key] = object
	}
}

func (o objects) names() []string { return slices.Sorted(maps.Keys(o)) }

// strict decodes built-in types and the few others that the chart has, and
// refuses fields that they don't know.
var strict = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(apiextensionsv1.AddToScheme(scheme))
	utilruntime.Must(monitoringv1.AddToScheme(scheme))
	needsGuards := schema.GroupVersionKind{Group: "ilp.health", Version: "v1alpha1", Kind: "NeedsGuards"}
	scheme.AddKnownTypeWithName(needsGuards, &unstructured.Unstructured{})
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}()

// helmFiles renders a chart's files as helm template does.
func helmFiles(chartName, namespace, values string) (map[string]string, error) {
	chart, err := loader.Load(charts[chartName])
	if err != nil {
		return nil, err
	}
	parsed := map[string]any{}
	if err := yaml.Unmarshal([]byte(values), &parsed); err != nil {
		return nil, err
	}
	release := common.ReleaseOptions{Name: "a-release", Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(chart, parsed, release, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.Render(chart, all)
}

// rendered is what Helm would install of a chart.
func rendered(t *testing.T, chartName, namespace, values string) objects {
	t.Helper()
	files, err := helmFiles(chartName, namespace, values)
	if err != nil {
		t.Fatal(err)
	}
	all := objects{}
	for name, content := range files {
		if strings.HasSuffix(name, ".yaml") {
			all.add(t, content)
		}
	}
	return all
}

// kustomized is what kubectl apply -k would install into a namespace.
func kustomized(t *testing.T, into string, folders ...string) objects {
	t.Helper()
	all := objects{}
	for _, folder := range folders {
		resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
		if err != nil {
			t.Fatal(err)
		}
		manifests, err := resources.AsYaml()
		if err != nil {
			t.Fatal(err)
		}
		all.add(t, strings.ReplaceAll(string(manifests), namespace, into))
	}
	return all
}
