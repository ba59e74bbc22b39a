package status

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"ilp.health/operator/api/v1alpha1"
)

func TestRecordTurn(t *testing.T) {
	const yes, no, unknown = metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown
	ready := func(status metav1.ConditionStatus, reason string) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: "so it is"}}
	}
	success := ready(yes, v1alpha1.ReasonSucceeded)
	for name, test := range map[string]struct {
		before, after []metav1.Condition
		want          string
	}{
		"nothing yet":               {nil, nil, ""},
		"on its way":                {nil, ready(no, v1alpha1.ReasonProgressing), ""},
		"success":                   {ready(no, v1alpha1.ReasonProgressing), success, ""},
		"success after a stop":      {ready(no, v1alpha1.ReasonApplyFailed), success, ""},
		"still ready":               {success, success, ""},
		"was ready, is not":         {success, ready(no, v1alpha1.ReasonDependencyNotReady), "Warning DependencyNotReady so it is"},
		"stopped":                   {ready(no, v1alpha1.ReasonProgressing), ready(no, v1alpha1.ReasonApplyFailed), "Warning ApplyFailed so it is"},
		"stopped at once":           {nil, ready(no, v1alpha1.ReasonApplyFailed), "Warning ApplyFailed so it is"},
		"stopped for the same":      {ready(no, v1alpha1.ReasonApplyFailed), ready(no, v1alpha1.ReasonApplyFailed), ""},
		"stopped for another cause": {ready(no, v1alpha1.ReasonApplyFailed), ready(no, v1alpha1.ReasonStorageRefused), "Warning StorageRefused so it is"},
		"nobody knows":              {success, ready(unknown, v1alpha1.ReasonApplyFailed), "Normal ApplyFailed so it is"},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(1)
			RecordTurn(recorder, &v1alpha1.District{}, test.before, test.after)
			got := ""
			select {
			case got = <-recorder.Events:
			default:
			}
			if got != test.want {
				t.Errorf("event %q, want %q", got, test.want)
			}
		})
	}
}
