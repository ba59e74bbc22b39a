package wave

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/status"
)

func stalled(reason, message string) *v1alpha1.District {
	d := &v1alpha1.District{}
	status.Conditions{List: &d.Status.Conditions}.Stalled(reason, message)
	return d
}

// TestDistrictTurns: the failure budget has a number for each cause, so the wave
// must look again when a district fails for another one.
func TestDistrictTurns(t *testing.T) {
	before := stalled(v1alpha1.ReasonConfigurationFailed, "a patch does not apply")
	for name, test := range map[string]struct {
		after *v1alpha1.District
		want  bool
	}{
		"another cause":   {stalled(v1alpha1.ReasonApplicationFailed, "the RME crashes"), true},
		"another message": {stalled(v1alpha1.ReasonConfigurationFailed, "another patch does not apply"), false},
		"another label":   {&v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"pulau": "Papua"}}, Status: before.Status}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := districtTurns().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: test.after}); got != test.want {
				t.Errorf("let through: %v, want %v", got, test.want)
			}
		})
	}
}
