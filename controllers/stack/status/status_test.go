package status

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pace"
)

func TestSettle(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "districts"}, "sintang", errors.New("changed"))
	failure := errors.New("prune: no route to host")
	for name, test := range map[string]struct {
		errs  []error
		again bool // at once, and no error
		err   error
	}{
		"nothing":                                {},
		"a conflict":                             {errs: []error{conflict}, again: true},
		"a conflict, wrapped":                    {errs: []error{fmt.Errorf("give: %w", conflict), nil}, again: true},
		"conflicts":                              {errs: []error{errors.Join(conflict, fmt.Errorf("hand: %w", conflict)), conflict}, again: true},
		"a failure":                              {errs: []error{failure}, err: failure},
		"a failure before a conflict":            {errs: []error{failure, conflict}, err: failure},
		"a failure after a conflict":             {errs: []error{conflict, failure}, err: failure},
		"a failure among conflicts, wrapped":     {errs: []error{fmt.Errorf("apply: %w", errors.Join(conflict, failure)), conflict}, err: failure},
		"a failure and a conflict in one phrase": {errs: []error{fmt.Errorf("%w; %w", conflict, failure)}, err: failure},
	} {
		t.Run(name, func(t *testing.T) {
			w := &Writer{Pace: pace.Default()}
			result, err := w.Settle(ctrl.Result{}, test.errs...)
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Errorf("error %v, want %v", err, test.err)
			}
			if again := result.RequeueAfter == w.Pace.CatchUp; again != test.again {
				t.Errorf("again at once: %t, want %t", again, test.again)
			}
		})
	}
}

// TestWithHeld: of a stack that does not go where it is asked to people read that
// and what it does meanwhile.
func TestWithHeld(t *testing.T) {
	held := &Stop{Stalled: true, Reason: "UpgradePath", Message: "no way"}
	failure := errors.New("no route to host")
	for name, c := range map[string]struct {
		err  error
		held *Stop
		want error
	}{
		"nothing":              {},
		"not held":             {err: failure, want: failure},
		"nothing else":         {held: held, want: held},
		"the same":             {err: held, held: held, want: held},
		"a failure to be told": {err: failure, held: held, want: failure},
		"a wait": {err: &Stop{Reason: "Progressing", Message: "waiting", RetryAfter: 5}, held: held,
			want: &Stop{Stalled: true, Reason: "UpgradePath", Message: "no way; meanwhile: waiting", RetryAfter: 5}},
		"what a person must do first": {err: &Stop{Stalled: true, Reason: "RenderFailed", Message: "mistake"}, held: held,
			want: &Stop{Stalled: true, Reason: "RenderFailed", Message: "mistake. Besides, no way"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := WithHeld(c.err, c.held), c.want
			if stop, ok := got.(*Stop); ok { //nolint:errorlint // it is the error itself
				if wanted, ok := want.(*Stop); !ok || *stop != *wanted { //nolint:errorlint // as above
					t.Errorf("%+v, want %+v", got, want)
				}
				return
			}
			if !errors.Is(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

// TestReport: an error ends in conditions that keep the rules of kstatus, and
// only a failure is tried again with backoff.
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

func newServer(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(objects...).Build()
}

// TestPatch: a status that stays the same costs nothing, one that was made from
// an old copy is refused, and what the cache still shows of before is known.
func TestPatch(t *testing.T) {
	server := newServer(t, &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: "sintang", UID: "sintang"}})
	writes := 0
	w := &Writer{Clock: clock.RealClock{}, Client: interceptor.NewClient(server, interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			writes++
			return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
		},
	})}
	before := &v1alpha1.District{}
	if err := server.Get(t.Context(), client.ObjectKey{Name: "sintang"}, before); err != nil {
		t.Fatal(err)
	}
	if err := w.Patch(t.Context(), before, before.DeepCopy()); err != nil || writes != 0 {
		t.Errorf("the same status cost %d writes, error %v", writes, err)
	}
	if w.Stale(before) {
		t.Error("a copy is called stale though nothing has been written")
	}

	after := before.DeepCopy()
	after.Status.Storage = "1Gi"
	if err := w.Patch(t.Context(), before, after); err != nil || writes != 1 {
		t.Fatalf("another status cost %d writes, error %v", writes, err)
	}
	if !w.Stale(before) || w.Stale(after) {
		t.Errorf("stale is the copy of before: %v, of after: %v", w.Stale(before), w.Stale(after))
	}
	late := before.DeepCopy()
	late.Status.Storage = "9Gi"
	if err := w.Patch(t.Context(), before, late); !apierrors.IsConflict(err) {
		t.Errorf("a status that was made from an old copy was taken: %v", err)
	}

	w.Forget(before.UID)
	if w.Stale(before) {
		t.Error("what was forgotten is still known")
	}
}

// TestRecordTurn: an event for what people want to know of, and for no step on the way.
func TestRecordTurn(t *testing.T) {
	ready := func(status metav1.ConditionStatus, reason string) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: strings.Repeat("x", 2*maxNote)}}
	}
	good, bad := ready(metav1.ConditionTrue, v1alpha1.ReasonSucceeded), ready(metav1.ConditionFalse, v1alpha1.ReasonDataMissing)
	onItsWay, waits := ready(metav1.ConditionFalse, v1alpha1.ReasonProgressing), ready(metav1.ConditionFalse, v1alpha1.ReasonAwaitingRelease)
	for name, test := range map[string]struct {
		before, after []metav1.Condition
		want          string
	}{
		"is looked at":            {nil, onItsWay, ""},
		"goes a step":             {waits, onItsWay, ""},
		"gets ready":              {onItsWay, good, corev1.EventTypeNormal + " " + v1alpha1.ReasonSucceeded},
		"stays ready":             {good, good, ""},
		"is ready no more":        {good, onItsWay, corev1.EventTypeWarning + " " + v1alpha1.ReasonProgressing},
		"stops":                   {onItsWay, bad, corev1.EventTypeWarning + " " + v1alpha1.ReasonDataMissing},
		"stops from the start":    {nil, bad, corev1.EventTypeWarning + " " + v1alpha1.ReasonDataMissing},
		"stays as it was":         {bad, bad, ""},
		"is left alone":           {good, ready(metav1.ConditionUnknown, v1alpha1.ReasonSuspended), corev1.EventTypeNormal + " " + v1alpha1.ReasonSuspended},
		"has no Ready at the end": {good, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(1)
			RecordTurn(recorder, &v1alpha1.District{}, test.before, test.after)
			var got []string
			select {
			case line := <-recorder.Events:
				got = strings.SplitN(line, " ", 3)
			default:
			}
			if told := strings.Join(got[:min(2, len(got))], " "); told != test.want {
				t.Errorf("it told %q, want %q", told, test.want)
			}
			if len(got) == 3 && len(got[2]) > maxNote {
				t.Errorf("the note has %d bytes", len(got[2]))
			}
		})
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

// TestKeepBack: a step on the way waits for the next one, for no longer than
// Linger in all; whatever people wait for is sent at once.
func TestKeepBack(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := clocktesting.NewFakePassiveClock(start)
	w := &Writer{Client: newServer(t), Clock: clock, Pace: pace.Pace{Linger: 5 * time.Second}}
	before := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: "sintang", UID: "sintang"}}
	keep := func(reason, message string) time.Duration {
		after := before.DeepCopy()
		after.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: reason, Message: message}}
		return w.KeepBack(before, after, after.Status.Conditions)
	}
	at := func(second int) { clock.SetTime(start.Add(time.Duration(second) * time.Second)) }

	if got := keep(v1alpha1.ReasonProgressing, "the first step"); got != 5*time.Second {
		t.Errorf("the first step waits for %v", got)
	}
	at(3)
	if got := keep(v1alpha1.ReasonUpgrading, "the second step"); got != 2*time.Second {
		t.Errorf("the second step waits for %v, as if it were the first", got)
	}
	if got := keep(v1alpha1.ReasonDataMissing, "needs a person"); got != 0 {
		t.Errorf("what needs a person waits for %v", got)
	}
	if got := w.KeepBack(before, before.DeepCopy(), []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonProgressing}}); got != 0 {
		t.Errorf("what does not differ waits for %v", got)
	}
	if got := w.KeepBack(before, before.DeepCopy(), nil); got != 0 {
		t.Errorf("what has no Ready waits for %v", got)
	}
	at(5)
	if got := keep(v1alpha1.ReasonProgressing, "the third step"); got != 0 {
		t.Errorf("after five seconds it waits for another %v", got)
	}

	// What has been sent, or is forgotten, begins anew.
	if err := w.Patch(t.Context(), before, before.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	if got := keep(v1alpha1.ReasonProgressing, "a step after that"); got != 5*time.Second {
		t.Errorf("the first step after a write waits for %v", got)
	}
	at(9)
	w.Forget(before.UID)
	if got := keep(v1alpha1.ReasonProgressing, "a step of another"); got != 5*time.Second {
		t.Errorf("the first step of another of its name waits for %v", got)
	}
}
