package override

import (
	"testing"

	"ilp.health/operator/api/v1alpha1"
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
