package wave

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stack/watch"
)

func stalled(reason, message string) *v1alpha1.District {
	d := &v1alpha1.District{}
	status.Conditions{List: &d.Status.Conditions}.Stalled(reason, message)
	return d
}

// TestDistrictTurns: the failure budget has a number for each cause, so the wave
// must look again when a district fails for another one. A release that was
// handed out becomes a pin by a change of owners alone.
func TestDistrictTurns(t *testing.T) {
	before := stalled(v1alpha1.ReasonConfigurationFailed, "a patch does not apply")
	before.Spec.Release = "ilp-1.0.0"
	before.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: v1alpha1.ManagerWave, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:release":{}}}`),
	}}
	if _, err := pin.Strip(before); err != nil {
		t.Fatal(err)
	}
	with := func(change func(*v1alpha1.District)) *v1alpha1.District {
		d := before.DeepCopy()
		change(d)
		return d
	}
	failing := func(reason, message string) *v1alpha1.District {
		return with(func(d *v1alpha1.District) { d.Status = stalled(reason, message).Status })
	}
	for name, test := range map[string]struct {
		after *v1alpha1.District
		want  bool
	}{
		"another cause":            {failing(v1alpha1.ReasonApplicationFailed, "the RME crashes"), true},
		"another message":          {failing(v1alpha1.ReasonConfigurationFailed, "another patch does not apply"), false},
		"another label":            {with(func(d *v1alpha1.District) { d.Labels = map[string]string{"pulau": "Papua"} }), true},
		"another version":          {with(func(d *v1alpha1.District) { d.ResourceVersion = "2" }), false},
		"it has its target":        {with(func(d *v1alpha1.District) { d.Status.Release.Target = "ilp-1.1.0" }), true},
		"Git owns the release now": {with(func(d *v1alpha1.District) { d.Annotations = nil }), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := districtTurns().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: test.after}); got != test.want {
				t.Errorf("let through: %v, want %v", got, test.want)
			}
		})
	}
}

// TestLostStatus: a wave whose status is gone has to look anew; one that the
// operator has written itself has not.
func TestLostStatus(t *testing.T) {
	at := func(generation int64) *v1alpha1.Wave {
		return &v1alpha1.Wave{Status: v1alpha1.WaveStatus{ObservedGeneration: generation}}
	}
	for name, test := range map[string]struct {
		before, after int64
		want          bool
	}{
		"lost":          {2, -1, true},
		"written first": {-1, 1, false},
		"written again": {2, 2, false},
	} {
		if got := watch.LostStatus().Update(event.UpdateEvent{ObjectOld: at(test.before), ObjectNew: at(test.after)}); got != test.want {
			t.Errorf("%s is let through: %v, want %v", name, got, test.want)
		}
	}
}
