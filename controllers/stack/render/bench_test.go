package render

import (
	"testing"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/config"
)

var facilityPaths = []string{"facility-database/cloudnative-pg", "schema/gnuhealth", "rme/gnuhealth", "exposure/ingress"}

// facilityComponents is what the operator renders for a Puskesmas with GNU Health.
func facilityComponents(b *testing.B) (Instance, []Component) {
	var in Instance
	var components []Component
	for _, path := range facilityPaths {
		example, c := exampleOf(b, path)
		if components = append(components, c); in.Namespace == "" {
			in = example
		}
	}
	return in, components
}

// BenchmarkFacility renders a facility whose templates are built: the steady state.
func BenchmarkFacility(b *testing.B) {
	in, components := facilityComponents(b)
	renderer := New(config.Stack())
	b.ReportAllocs()
	for b.Loop() {
		objects, err := renderer.Render(in, components, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(objects)), "objects")
	}
}

// BenchmarkFacilityPatched renders one with a patch of the user on its Deployment.
func BenchmarkFacilityPatched(b *testing.B) {
	in, components := facilityComponents(b)
	renderer := New(config.Stack())
	patches := []v1alpha1.Patch{{Target: v1alpha1.PatchTarget{Kind: "Deployment", Name: "tebidah-rme"}, Patch: "spec: {replicas: 2}"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := renderer.Render(in, components, patches); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFacilityFirst renders one without templates: what every facility
// would cost without them.
func BenchmarkFacilityFirst(b *testing.B) {
	in, components := facilityComponents(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(config.Stack()).Render(in, components, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeepCopy copies the same objects: the floor for whoever hands out
// objects of the caller's own.
func BenchmarkDeepCopy(b *testing.B) {
	in, components := facilityComponents(b)
	objects, err := New(config.Stack()).Render(in, components, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, object := range objects {
			_ = object.DeepCopy()
		}
	}
}
