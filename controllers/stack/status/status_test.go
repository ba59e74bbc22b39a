package status

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"

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
