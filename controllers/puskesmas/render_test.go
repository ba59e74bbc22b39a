package puskesmas

import (
	"testing"

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
