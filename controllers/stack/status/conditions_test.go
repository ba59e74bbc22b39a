package status

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"ilp.health/operator/api/v1alpha1"
)

func TestReport(t *testing.T) {
	failure := errors.New("no route to host")
	for name, test := range map[string]struct {
		err    error
		want   map[string]metav1.ConditionStatus
		reason string
		after  time.Duration
		fails  bool
	}{
		"waits": {
			err:    Waiting(time.Minute, v1alpha1.ReasonDependencyNotReady, "waiting for %s", "PostgreSQL"),
			want:   map[string]metav1.ConditionStatus{v1alpha1.ConditionReady: metav1.ConditionFalse, v1alpha1.ConditionReconciling: metav1.ConditionTrue},
			reason: v1alpha1.ReasonDependencyNotReady, after: time.Minute,
		},
		"needs a person": {
			err:    fmt.Errorf("release: %w", Stalled(v1alpha1.ReasonReleaseNotFound, "create it")),
			want:   map[string]metav1.ConditionStatus{v1alpha1.ConditionReady: metav1.ConditionFalse, v1alpha1.ConditionStalled: metav1.ConditionTrue},
			reason: v1alpha1.ReasonReleaseNotFound,
		},
		"is left alone": {
			err:    &Stop{Reason: v1alpha1.ReasonSuspended, Message: "nothing is changed"},
			want:   map[string]metav1.ConditionStatus{v1alpha1.ConditionReady: metav1.ConditionUnknown},
			reason: v1alpha1.ReasonSuspended,
		},
		"fails": {
			err:    failure,
			want:   map[string]metav1.ConditionStatus{v1alpha1.ConditionReady: metav1.ConditionFalse, v1alpha1.ConditionReconciling: metav1.ConditionTrue},
			reason: v1alpha1.ReasonApplyFailed, fails: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			list := []metav1.Condition{
				{Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionTrue}, {Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue},
			}
			result, err := Conditions{List: &list, Generation: 7}.Report(test.err)
			got := map[string]metav1.ConditionStatus{}
			for _, c := range list {
				got[c.Type] = c.Status
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("the conditions are %v, want %v", got, test.want)
			}
			if ready := meta.FindStatusCondition(list, v1alpha1.ConditionReady); ready.Reason != test.reason || ready.ObservedGeneration != 7 || ready.Message == "" {
				t.Errorf("Ready is %+v, want reason %s", ready, test.reason)
			}
			if result.RequeueAfter != test.after || (err != nil) != test.fails {
				t.Errorf("again after %v with error %v, want %v and %v", result.RequeueAfter, err, test.after, test.fails)
			}
		})
	}
}

func TestShorten(t *testing.T) {
	for message, want := range map[string]string{
		"short": "short", "ten bytes.": "ten bytes.", "eleven byte": "eleven …", "acht…acht…": "acht……",
	} {
		got := Shorten(message, 10)
		if got != want || len(got) > 10 || !utf8.ValidString(got) {
			t.Errorf("%q became %q (%d bytes), want %q", message, got, len(got), want)
		}
	}
}

func TestSoonest(t *testing.T) {
	var got []time.Duration
	for _, after := range []time.Duration{0, time.Second, time.Hour} {
		got = append(got, Soonest(ctrl.Result{RequeueAfter: after}, time.Minute).RequeueAfter)
	}
	if want := []time.Duration{time.Minute, time.Second, time.Minute}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
