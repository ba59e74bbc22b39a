package status

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

// TestWriterForgets: of a resource that is gone nothing is remembered.
func TestWriterForgets(t *testing.T) {
	w := &Writer{}
	gone := &v1alpha1.Puskesmas{ObjectMeta: metav1.ObjectMeta{Namespace: "ilp-6105", Name: "tebidah"}}
	name := client.ObjectKeyFromObject(gone)
	w.written.Store(resourceOf(gone), "1")
	w.kept.Store(resourceOf(gone), time.Now())
	w.Forget(&v1alpha1.District{}, name)
	if _, ok := w.written.Load(resourceOf(gone)); !ok {
		t.Error("a District of its name took a Puskesmas with it")
	}
	w.Forget(&v1alpha1.Puskesmas{}, name)
	for _, memory := range []*sync.Map{&w.written, &w.kept} {
		memory.Range(func(key, _ any) bool {
			t.Errorf("%v is remembered", key)
			return true
		})
	}
}
