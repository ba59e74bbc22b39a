package puskesmas

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/config"
	"ilp.health/operator/controllers/stack/render"
)

// TestExposure publishes each profile at the port that its folder names, or that
// the facility's own image listens on, and one without a login nowhere.
func TestExposure(t *testing.T) {
	for profile, want := range map[v1alpha1.RMEProfile]int64{
		v1alpha1.RMEProfileGNUHealth: 8000, v1alpha1.RMEProfileCustom: 3000, v1alpha1.RMEProfileHAPIFHIR: 0,
	} {
		t.Run(string(profile), func(t *testing.T) {
			district := &v1alpha1.District{Spec: v1alpha1.DistrictSpec{Code: "61.05", Name: "Kabupaten Sintang", Exposure: v1alpha1.Exposure{
				Domain: "sintang.example.go.id", Gateway: v1alpha1.GatewayReference{Name: "public", Namespace: "gateway-system"},
			}}}
			facility := &v1alpha1.Puskesmas{Spec: v1alpha1.PuskesmasSpec{Code: "P6107080201", Name: "Tebidah"}}
			facility.Name, facility.Namespace = "tebidah", "ilp-6105"
			facility.Spec.RME = v1alpha1.RMESpec{Profile: profile, Image: "registry.example.go.id/rme:1"}
			if profile == v1alpha1.RMEProfileCustom {
				facility.Spec.RME.Custom = v1alpha1.CustomRME{Port: 3000, ReadinessPath: "/health"}
			}
			objects, err := Offline(t.Context(), render.New(config.Stack()), district, facility, &v1alpha1.StackRelease{}, "")
			if err != nil {
				t.Fatal(err)
			}
			var port int64
			for _, object := range objects {
				if object.GetKind() == "HTTPRoute" {
					rule := object.Object["spec"].(map[string]any)["rules"].([]any)[0].(map[string]any)
					port = rule["backendRefs"].([]any)[0].(map[string]any)["port"].(int64)
				}
			}
			if port != want {
				t.Errorf("it is published at port %d, want %d", port, want)
			}
		})
	}
}

// TestCustomText keeps what a spec says as it stands, also where it looks like a
// value of the render.
func TestCustomText(t *testing.T) {
	facility := &v1alpha1.Puskesmas{Spec: v1alpha1.PuskesmasSpec{Code: "P6107080201", Name: "Tebidah"}}
	facility.Name, facility.Namespace = "tebidah", "ilp-6105"
	command := []any{"sh", "-c", "migrate --to $(host) # - 'x'", "$(migrateCommand0)"}
	facility.Spec.RME = v1alpha1.RMESpec{Profile: v1alpha1.RMEProfileCustom, Image: "registry.example.go.id/rme:1", Custom: v1alpha1.CustomRME{
		Port: 3000, ReadinessPath: "/", Env: map[string]string{"PGHOST": "DB_HOST", "IMAGE": "image"},
	}}
	for _, word := range command {
		facility.Spec.RME.Custom.MigrateCommand = append(facility.Spec.RME.Custom.MigrateCommand, word.(string))
	}
	district := &v1alpha1.District{Spec: v1alpha1.DistrictSpec{Code: "61.05", Name: "Kabupaten Sintang", Exposure: v1alpha1.Exposure{Domain: "sintang.example.go.id"}}}
	objects, err := Offline(t.Context(), render.New(config.Stack()), district, facility, &v1alpha1.StackRelease{}, "")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, object := range objects {
		if kind := object.GetKind(); kind != "Job" && kind != "Deployment" {
			continue
		}
		looked++
		containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
		container := containers[0].(map[string]any)
		env := container["env"].([]any)
		want := []any{map[string]any{"name": "IMAGE", "value": "$(image)"}, map[string]any{"name": "PGHOST", "value": "$(DB_HOST)"}}
		if diff := cmp.Diff(want, env[len(env)-2:]); diff != "" {
			t.Errorf("%s: variables (-want +got):\n%s", object.GetKind(), diff)
		}
		if diff := cmp.Diff(any(command), container["command"]); object.GetKind() == "Job" && diff != "" {
			t.Errorf("command (-want +got):\n%s", diff)
		}
	}
	if looked != 2 {
		t.Errorf("%d objects run the image, want the Job and the Deployment", looked)
	}
}
