package override

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/config"
	"ilp.health/operator/controllers/stack/render"
)

func TestImage(t *testing.T) {
	for _, tc := range []struct{ image, registry, want string }{
		{"localhost/ilp/gnuhealth:5.0.6", "", "localhost/ilp/gnuhealth:5.0.6"},
		{"localhost/ilp/gnuhealth:5.0.6", "mirror.example.go.id/x", "mirror.example.go.id/x/ilp/gnuhealth:5.0.6"},
		{"registry.example:5000/a/b:1", "mirror.example.go.id", "mirror.example.go.id/a/b:1"},
		{"ilp/gnuhealth:5.0.6", "mirror.example.go.id", "mirror.example.go.id/ilp/gnuhealth:5.0.6"},
		{"gnuhealth@sha256:00", "mirror.example.go.id", "mirror.example.go.id/gnuhealth@sha256:00"},
	} {
		got := Image(v1alpha1.ImageReference(tc.image), v1alpha1.ImageSource{Registry: tc.registry})
		if got != tc.want {
			t.Errorf("Image(%q from %q) = %q, want %q", tc.image, tc.registry, got, tc.want)
		}
	}
}

// TestPod renders an RME with what its facility adds, beside the district's own.
func TestPod(t *testing.T) {
	pod := v1alpha1.RMEPod{
		Env:          []v1alpha1.PodVariable{{Name: "A", Value: "- $b: 'c'"}, {Name: "B", Value: "$(podVariable0"}},
		NodeSelector: map[string]v1alpha1.LabelValue{"disk": "ssd", "country": "sg"},
		Tolerations:  []v1alpha1.PodToleration{{Key: "rme", Value: "yes"}, {Key: "slow", Effect: "NoExecute"}},
		Labels:       map[string]v1alpha1.LabelValue{"dinkes.example.go.id/unit": "7"},
		Annotations:  map[string]v1alpha1.AnnotationValue{"note": "true", "dinkes.example.go.id/a~b": "$(podAnnotation0)"},
	}
	district := v1alpha1.DistrictSpec{DataProtection: v1alpha1.DataProtection{ResidencyNodeSelector: map[string]string{"country": "id"}}}
	variables, values := Variables(Deployments, pod)
	marks, more := Marks(pod)
	maps.Copy(values, more)
	maps.Copy(values, map[string]string{"image": "hapi-fhir:1", "databaseHost": "database-rw", "databaseName": "p1"})
	objects, err := render.New(config.Stack()).Render(
		render.Instance{Namespace: "ilp-6105", NamePrefix: "tebidah-", Labels: map[string]string{v1alpha1.LabelDistrict: "61.05", v1alpha1.LabelPuskesmas: "tebidah"}},
		[]render.Component{{
			Path:    "rme/hapi-fhir",
			Values:  values,
			Patches: slices.Concat(Placement(district, pod), variables, marks),
		}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == Deployments })
	var deployment appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(objects[i].Object, &deployment); err != nil {
		t.Fatal(err)
	}
	template := deployment.Spec.Template
	env := template.Spec.Containers[0].Env
	for name, pair := range map[string][2]any{
		"variables":    {[]corev1.EnvVar{{Name: "A", Value: "- $b: 'c'"}, {Name: "B", Value: "$(podVariable0"}}, env[len(env)-2:]},
		"nodeSelector": {map[string]string{"country": "id", "disk": "ssd"}, template.Spec.NodeSelector},
		"tolerations": {[]corev1.Toleration{
			{Key: "rme", Operator: corev1.TolerationOpEqual, Value: "yes"},
			{Key: "slow", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute},
		}, template.Spec.Tolerations},
		"label":                {"7", template.Labels["dinkes.example.go.id/unit"]},
		"label of the folder":  {"tebidah", template.Labels[v1alpha1.LabelPuskesmas]},
		"annotation":           {"true", template.Annotations["note"]},
		"a reference":          {"$(podAnnotation0)", template.Annotations["dinkes.example.go.id/a~b"]},
		"the folder's own one": {"hapi-fhir", template.Annotations["kubectl.kubernetes.io/default-container"]},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
