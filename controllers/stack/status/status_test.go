package status

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
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
			result, err := Settle(ctrl.Result{}, test.errs...)
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Errorf("error %v, want %v", err, test.err)
			}
			if again := result.RequeueAfter == CatchUp; again != test.again {
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
