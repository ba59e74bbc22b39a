package resolve

import (
	"slices"
	"testing"

	"ilp.health/operator/api/v1alpha1"
)

// TestChanged: those are woken of whom something else is said.
func TestChanged(t *testing.T) {
	a, b := v1alpha1.Admission{Code: "61.05", To: "r1"}, v1alpha1.Admission{Code: "61.06", To: "r1"}
	again := a
	again.To = "r2"
	for name, c := range map[string]struct {
		before, after []v1alpha1.Admission
		want          []string
	}{
		"nothing": {[]v1alpha1.Admission{a, b}, []v1alpha1.Admission{b, a}, nil},
		"comes":   {[]v1alpha1.Admission{a}, []v1alpha1.Admission{a, b}, []string{"61.06"}},
		"goes":    {[]v1alpha1.Admission{a, b}, []v1alpha1.Admission{b}, []string{"61.05"}},
		"another": {[]v1alpha1.Admission{a, b}, []v1alpha1.Admission{again, b}, []string{"61.05"}},
	} {
		if got := Changed(c.before, c.after); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
