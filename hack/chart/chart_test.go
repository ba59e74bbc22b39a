package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestTemplatesAreUpToDate(t *testing.T) {
	for overlay, chart := range charts {
		t.Run(overlay, func(t *testing.T) {
			want, err := templates(overlay)
			if err != nil {
				t.Fatal(err)
			}
			folder := filepath.Join(chart, "templates")
			for name, content := range want {
				got, err := os.ReadFile(filepath.Join(folder, name))
				if err != nil {
					t.Errorf("run make chart: %v", err)
					continue
				}
				if diff := cmp.Diff(string(content), string(got)); diff != "" {
					t.Errorf("%s is out of date, run make chart: %s", name, diff)
				}
			}
			files, err := filepath.Glob(filepath.Join(folder, "*", "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				name, err := filepath.Rel(folder, file)
				if err != nil {
					t.Fatal(err)
				}
				if want[name] == nil {
					t.Errorf("%s has no source in config/: run make chart", name)
				}
			}
		})
	}
}

func TestSameAsKustomize(t *testing.T) {
	for _, test := range []struct {
		chart, values string
		folders       []string
	}{
		{"guards", "", []string{"../../config/guards"}},
		{"operator", everything, []string{"../../config/default", "../../config/monitoring"}},
	} {
		for _, namespace := range []string{"ilp-system", "platform"} {
			t.Run(test.chart+" in "+namespace, func(t *testing.T) {
				helm := rendered(t, test.chart, namespace, test.values)
				kustomize := kustomized(t, namespace, test.folders...)
				// Helm makes it when it is asked to.
				delete(kustomize, "Namespace "+namespace)

				if diff := cmp.Diff(kustomize.names(), helm.names()); diff != "" {
					t.Fatalf("kustomize (-) and Helm (+) install different objects: %s", diff)
				}
				for name, object := range helm {
					unhook(object)
					if !equality.Semantic.DeepEqual(kustomize[name], object) {
						t.Errorf("%s: kustomize (-) and Helm (+) differ: %s", name, cmp.Diff(kustomize[name], object))
					}
				}
			})
		}
	}
}

// unhook takes off what the chart adds to tell Helm when to apply an object.
func unhook(object client.Object) {
	annotations := object.GetAnnotations()
	delete(annotations, "helm.sh/hook")
	delete(annotations, "helm.sh/hook-delete-policy")
	object.SetAnnotations(annotations)
}

// Helm, Flux and Argo CD leave every one of the guards, and take away all of the
// operator.
func TestKept(t *testing.T) {
	leave := map[string]string{
		"helm.sh/resource-policy":           "keep",
		"kustomize.toolkit.fluxcd.io/prune": "disabled",
		"argocd.argoproj.io/sync-options":   "Prune=false,Delete=false",
	}
	// A namespace that YAML would take for a number stays a name.
	guards, operator := rendered(t, "guards", "2026", ""), rendered(t, "operator", "2026", everything)
	guards["Namespace ilp-system"] = kustomized(t, "ilp-system", "../../config/guards")["Namespace ilp-system"]
	for annotation, value := range leave {
		for name, object := range guards {
			if got := object.GetAnnotations()[annotation]; got != value {
				t.Errorf("%s: %s is %q, want %q", name, annotation, got, value)
			}
		}
		for name, object := range operator {
			if got, found := object.GetAnnotations()[annotation]; found {
				t.Errorf("%s: %s is %q, want none", name, annotation, got)
			}
		}
	}
	for name := range operator {
		if guards[name] != nil {
			t.Errorf("%s is in both charts", name)
		}
	}
}

// The operator's package names the guards of its own version; the guards take it.
func TestVersions(t *testing.T) {
	versions := map[string]string{}
	for name, folder := range charts {
		chart, err := loader.LoadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		versions["chart "+name] = chart.Metadata.Version
	}
	for _, needs := range rendered(t, "operator", "ilp-system", "") {
		if object, ok := needs.(*unstructured.Unstructured); ok {
			versions["NeedsGuards"], _, _ = unstructured.NestedString(object.Object, "spec", "version")
		}
	}
	want := versions["chart operator"]
	for what, version := range versions {
		if version != want {
			t.Errorf("%s is of version %q, want %q as chart operator", what, version, want)
		}
	}
	if len(versions) != 3 {
		t.Errorf("found only %v", versions)
	}
	guards := rendered(t, "guards", "ilp-system", "")["CustomResourceDefinition needsguards.ilp.health"]
	crd := guards.(*apiextensionsv1.CustomResourceDefinition)
	rule := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["version"].XValidations[0]
	if !strings.Contains(rule.Rule, "'"+want+"'") || !strings.Contains(rule.Message, "serve version "+want+":") {
		t.Errorf("the guards don't serve %s: %+v", want, rule)
	}
}

func TestSwitches(t *testing.T) {
	for _, test := range []struct {
		value   string
		objects []string
	}{
		{"podDisruptionBudget", []string{"PodDisruptionBudget ilp-operator"}},
		{"networkPolicy", []string{"NetworkPolicy ilp-operator"}},
		{"flowSchema", []string{"FlowSchema ilp-operator", "FlowSchema ilp-operator-leader", "PriorityLevelConfiguration ilp-operator"}},
		{"serviceMonitor", []string{"ServiceMonitor ilp-operator"}},
		{"prometheusRule", []string{"PrometheusRule ilp-operator"}},
	} {
		t.Run(test.value, func(t *testing.T) {
			with := rendered(t, "operator", "ilp-system", test.value+": {enabled: true}")
			without := rendered(t, "operator", "ilp-system", test.value+": {enabled: false}")
			for _, name := range test.objects {
				if with[name] == nil {
					t.Errorf("on: %s is missing", name)
				}
				delete(with, name)
			}
			if diff := cmp.Diff(with.names(), without.names()); diff != "" {
				t.Errorf("off, something else went or stayed (+): %s", diff)
			}
		})
	}
}

// pod is the operator's pod.
func pod(all objects) corev1.PodSpec {
	return all["Deployment ilp-operator"].(*appsv1.Deployment).Spec.Template.Spec
}

func TestValues(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0a", 32)
	for _, test := range []struct {
		name, values string
		got          func(objects) any
		want         string
	}{
		{
			"image by tag", `image: {repository: registry.example:5000/ilp/operator, tag: v1.2.3}`,
			func(o objects) any { return pod(o).Containers[0].Image }, `registry.example:5000/ilp/operator:v1.2.3`,
		},
		{
			"image by digest", `image: {digest: "` + digest + `"}`,
			func(o objects) any { return pod(o).Containers[0].Image }, `localhost/ilp/operator@` + digest,
		},
		{
			"image that looks like a number", `image: {repository: a, tag: "1.10"}`,
			func(o objects) any { return pod(o).Containers[0].Image }, `a:1.10`,
		},
		{
			"pullPolicy", `image: {pullPolicy: Always}`,
			func(o objects) any { return string(pod(o).Containers[0].ImagePullPolicy) }, `Always`,
		},
		{
			"imagePullSecrets", `imagePullSecrets: [{name: a}, {name: b}]`,
			func(o objects) any { return pod(o).ImagePullSecrets }, `[{"name":"a"},{"name":"b"}]`,
		},
		{
			"replicas", `replicas: 2`,
			func(o objects) any { return o["Deployment ilp-operator"].(*appsv1.Deployment).Spec.Replicas }, `2`,
		},
		{
			"no replicas", `replicas: 0`,
			func(o objects) any { return o["Deployment ilp-operator"].(*appsv1.Deployment).Spec.Replicas }, `0`,
		},
		{
			"resources", `resources: {limits: {memory: 2Gi, cpu: 2}}`,
			func(o objects) any { return pod(o).Containers[0].Resources },
			`{"limits":{"cpu":"2","memory":"2Gi"},"requests":{"cpu":"100m","memory":"128Mi"}}`,
		},
		{
			"goMemoryLimit", `goMemoryLimit: 1600MiB`,
			func(o objects) any { return pod(o).Containers[0].Env[1] }, `{"name":"GOMEMLIMIT","value":"1600MiB"}`,
		},
		{
			"nodeSelector", `nodeSelector: {zone: jakarta, gpu: "true"}`,
			func(o objects) any { return pod(o).NodeSelector }, `{"gpu":"true","zone":"jakarta"}`,
		},
		{
			"tolerations", `tolerations: [{key: a, operator: Exists}]`,
			func(o objects) any { return pod(o).Tolerations }, `[{"key":"a","operator":"Exists"}]`,
		},
		{
			"affinity", `affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone}]}}`,
			func(o objects) any { return pod(o).Affinity },
			`{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone"}]}}`,
		},
		{
			"logLevel and workers", `{logLevel: debug, workers: {district: 8, puskesmas: 16}}`,
			func(o objects) any { return pod(o).Containers[0].Args },
			`["--namespace=$(NAMESPACE)","--zap-log-level=debug","--district-workers=8","--puskesmas-workers=16"]`,
		},
		{
			"apiServerPorts", `networkPolicy: {apiServerPorts: [{protocol: TCP, port: 16443}]}`,
			func(o objects) any { return o["NetworkPolicy ilp-operator"].(*networkingv1.NetworkPolicy).Spec.Egress },
			`[{"ports":[{"protocol":"TCP","port":16443}]}]`,
		},
		{
			"nominalConcurrencyShares", `flowSchema: {nominalConcurrencyShares: 40}`,
			func(o objects) any {
				level := o["PriorityLevelConfiguration ilp-operator"].(*flowcontrolv1.PriorityLevelConfiguration)
				return level.Spec.Limited.NominalConcurrencyShares
			}, `40`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.got(rendered(t, "operator", "ilp-system", test.values))
			if text := asText(t, got); text != test.want {
				t.Errorf("%s gives %s, want %s", test.values, text, test.want)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	for values, want := range map[string]string{
		``:                                "Push it to a registry of yours",
		`serviceMonitor: {enabled: true}`: "--clusterrole=ilp-metrics-reader",
		`image: {tag: v1.2.3}`:            "The ILP operator v1.2.3 is installed in namespace platform",
	} {
		files, err := helmFiles("operator", "platform", values)
		if err != nil {
			t.Fatal(err)
		}
		if notes := files["ilp-operator/templates/NOTES.txt"]; !strings.Contains(notes, want) {
			t.Errorf("with %q the notes don't say %q:\n%s", values, want, notes)
		}
	}
}

// Without a cluster nobody knows whether the guards are there: TestLifecycle has
// one.
func TestLint(t *testing.T) {
	for _, chart := range charts {
		for _, message := range lint.RunAll(chart, nil, "ilp-system").Messages {
			// A chart may do without an icon.
			if !strings.Contains(message.Error(), "icon is recommended") {
				t.Errorf("%s: %v", chart, message)
			}
		}
	}
}
