package harness

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestLint: what no status may say.
func TestLint(t *testing.T) {
	if problems := lint(2, statusView{}, statusView{}); len(problems) > 0 {
		t.Errorf("a status that nobody has looked at: %v", problems)
	}
	condition := func(conditionType, status, reason string) metav1.Condition {
		return metav1.Condition{Type: conditionType, Status: metav1.ConditionStatus(status), Reason: reason, Message: "a message"}
	}
	good := condition("Ready", "True", "Succeeded")
	later, tells, hands := good, good, good
	later.LastTransitionTime = metav1.NewTime(time.Unix(1, 0))
	tells.Message = "waiting for pod tebidah-rme-6d4cf56db6-x7k2p"
	hands.Message = "it is ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	of := func(list ...metav1.Condition) []metav1.Condition { return list }
	for name, test := range map[string]struct {
		before, now statusView
		want        string
	}{
		"good":                    {statusView{1, nil}, statusView{2, of(good)}, ""},
		"ahead":                   {statusView{1, nil}, statusView{3, of(good)}, "observedGeneration 3 is ahead of generation 2"},
		"back":                    {statusView{2, nil}, statusView{1, of(good)}, "observedGeneration went back from 2 to 1"},
		"no Ready":                {statusView{1, nil}, statusView{2, nil}, "there is no condition Ready"},
		"Stalled and Reconciling": {statusView{1, nil}, statusView{2, of(condition("Ready", "False", "X"), condition("Stalled", "True", "X"), condition("Reconciling", "True", "X"))}, "it is Stalled and Reconciling"},
		"Ready and Stalled":       {statusView{1, nil}, statusView{2, of(good, condition("Stalled", "True", "X"))}, "it is Ready and also Stalled or Reconciling"},
		"no reason":               {statusView{1, nil}, statusView{2, of(condition("Ready", "True", ""))}, "Ready has no reason or no message"},
		"a turn that was no turn": {statusView{1, of(later)}, statusView{2, of(good)}, "lastTransitionTime of Ready moved while its status stayed True"},
		"a pod's name":            {statusView{1, nil}, statusView{2, of(tells)}, "Ready names a pod's name: waiting for pod tebidah-rme-6d4cf56db6-x7k2p"},
		"a generated password":    {statusView{1, nil}, statusView{2, of(hands)}, "Ready names a generated password: it is ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
	} {
		var want []string
		if test.want != "" {
			want = []string{test.want}
		}
		if got := lint(2, test.before, test.now); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
