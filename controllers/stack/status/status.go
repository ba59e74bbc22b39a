// Package status writes conditions and keeps them honest: Ready exists always,
// Reconciling and Stalled exclude each other (kstatus), and a status is sent
// once per reconcile and only if it differs.
package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pace"
)

// maxMessage keeps messages below the limit of metav1.Condition with room to spare.
const maxMessage = 2048

// Stop ends a reconcile for a reason that people should read: as Stalled if a
// person must act, as Reconciling otherwise.
type Stop struct {
	// Stalled tells that nothing happens until somebody changes something that
	// the operator watches.
	Stalled bool
	// Reason is one of the Reason constants of the API.
	Reason string
	// Message says what is wrong or waited for, and what to do.
	Message string
	// RetryAfter is when to look again although nothing has changed; 0 means never.
	RetryAfter time.Duration
}

func (s *Stop) Error() string { return s.Reason + ": " + s.Message }

// Stalled needs a person.
func Stalled(reason, format string, args ...any) error {
	return &Stop{Stalled: true, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Waiting goes on by itself, at the latest after a time.
func Waiting(after time.Duration, reason, format string, args ...any) error {
	return &Stop{Reason: reason, Message: fmt.Sprintf(format, args...), RetryAfter: after}
}

// WithHeld adds to what ends a reconcile, if anything does, why a stack does not
// go to the release that it is asked for: what it does meanwhile is told too.
func WithHeld(err error, held *Stop) error {
	var stop *Stop
	switch {
	case held == nil:
		return err
	case err == nil:
		return held
	case !errors.As(err, &stop) || stop == held:
		return err
	}
	told := *held
	if stop.Stalled {
		told = *stop
		told.Message = stop.Message + ". Besides, " + held.Message
	} else {
		told.Message = held.Message + "; meanwhile: " + stop.Message
	}
	told.RetryAfter = cmp.Or(stop.RetryAfter, held.RetryAfter)
	return &told
}

// Conditions are the conditions of one resource while it is reconciled.
type Conditions struct {
	// List is the resource's own list.
	List *[]metav1.Condition
	// Generation is the generation of the spec that is looked at.
	Generation int64
}

// Set writes one condition.
func (c Conditions) Set(conditionType string, status metav1.ConditionStatus, reason, message string) {
	message = Shorten(message, maxMessage)
	meta.SetStatusCondition(c.List, metav1.Condition{
		Type:               conditionType,
		Status:             status,
		Reason:             reason,
		Message:            message,
		ObservedGeneration: c.Generation,
	})
}

// Shorten cuts a message to a number of bytes, at the start of a letter.
func Shorten(message string, limit int) string {
	if len(message) <= limit {
		return message
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut] + "…"
}

// True writes a condition that is in order.
func (c Conditions) True(conditionType, reason, message string) {
	c.Set(conditionType, metav1.ConditionTrue, reason, message)
}

// False writes a condition that is not in order.
func (c Conditions) False(conditionType, reason, message string) {
	c.Set(conditionType, metav1.ConditionFalse, reason, message)
}

// IsTrue reports whether a condition is True.
func (c Conditions) IsTrue(conditionType string) bool {
	return meta.IsStatusConditionTrue(*c.List, conditionType)
}

// Since is when a condition took its present status, or the zero time.
func (c Conditions) Since(conditionType string) time.Time {
	if found := meta.FindStatusCondition(*c.List, conditionType); found != nil {
		return found.LastTransitionTime.Time
	}
	return time.Time{}
}

// Remove takes a condition out.
func (c Conditions) Remove(conditionType string) {
	meta.RemoveStatusCondition(c.List, conditionType)
}

// Ready says that everything asked for stands.
func (c Conditions) Ready(reason, message string) {
	c.True(v1alpha1.ConditionReady, reason, message)
	c.Remove(v1alpha1.ConditionReconciling)
	c.Remove(v1alpha1.ConditionStalled)
}

// Reconciling says that the operator works or waits.
func (c Conditions) Reconciling(reason, message string) {
	c.False(v1alpha1.ConditionReady, reason, message)
	c.True(v1alpha1.ConditionReconciling, reason, message)
	c.Remove(v1alpha1.ConditionStalled)
}

// Stalled says that a person must act.
func (c Conditions) Stalled(reason, message string) {
	c.False(v1alpha1.ConditionReady, reason, message)
	c.True(v1alpha1.ConditionStalled, reason, message)
	c.Remove(v1alpha1.ConditionReconciling)
}

// Suspended says that nothing is changed and nothing is known.
func (c Conditions) Suspended(message string) {
	c.Set(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended, message)
	c.Remove(v1alpha1.ConditionReconciling)
	c.Remove(v1alpha1.ConditionStalled)
}

// Report turns the error that ended a reconcile into conditions. A *Stop is no
// failure: it says itself when to look again.
func (c Conditions) Report(err error) (ctrl.Result, error) {
	var stop *Stop
	if !errors.As(err, &stop) {
		c.Reconciling(v1alpha1.ReasonApplyFailed, err.Error())
		return ctrl.Result{}, err
	}
	switch {
	case stop.Reason == v1alpha1.ReasonSuspended:
		c.Suspended(stop.Message)
	case stop.Stalled:
		c.Stalled(stop.Reason, stop.Message)
	default:
		c.Reconciling(stop.Reason, stop.Message)
	}
	return ctrl.Result{RequeueAfter: stop.RetryAfter}, nil
}

// Writer sends statuses and knows which copies of a resource are older than
// what it has sent.
type Writer struct {
	Client client.Client
	Clock  clock.PassiveClock
	Pace   pace.Pace

	written sync.Map // resource → resourceVersion after the last write
	kept    sync.Map // resource → time since when a status is kept back
}

// resource is what a Writer remembers something of: the name and not the UID, since
// of what is gone only the name is known.
type resource struct {
	kind reflect.Type
	name types.NamespacedName
}

func resourceOf(obj client.Object) resource {
	return resource{reflect.TypeOf(obj), client.ObjectKeyFromObject(obj)}
}

// KeepBack is for how long the status may still wait to be sent, or 0 if it is
// to be sent now. Only steps on the way wait, and none for longer than Linger.
func (w *Writer) KeepBack(before, after client.Object, conditions []metav1.Condition) time.Duration {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if ready == nil || !onTheWay(ready.Reason) || equality.Semantic.DeepEqual(before, after) {
		return 0
	}
	now := w.Clock.Now()
	since, _ := w.kept.LoadOrStore(resourceOf(after), now)
	return max(0, w.Pace.Linger-now.Sub(since.(time.Time)))
}

// Soonest is the earlier of a result and a time after which to look again.
func Soonest(result ctrl.Result, after time.Duration) ctrl.Result {
	if result.RequeueAfter == 0 || after < result.RequeueAfter {
		result.RequeueAfter = after
	}
	return result
}

// Patch sends the status if it differs from before, provided that nobody has
// written the resource in between: a status made from an old copy could forget
// what that one told.
func (w *Writer) Patch(ctx context.Context, before, after client.Object) error {
	w.kept.Delete(resourceOf(after))
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := w.Client.Status().Patch(ctx, after, patch, client.FieldOwner(v1alpha1.ManagerName)); err != nil {
		return err
	}
	w.written.Store(resourceOf(after), after.GetResourceVersion())
	return nil
}

// Finalizer adds or removes the operator's finalizer as after has it.
func (w *Writer) Finalizer(ctx context.Context, before, after client.Object) error {
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := w.Client.Patch(ctx, after, patch, client.FieldOwner(v1alpha1.ManagerName)); err != nil {
		return client.IgnoreNotFound(err)
	}
	w.written.Store(resourceOf(after), after.GetResourceVersion())
	return nil
}

// Stale reports whether the cache still shows a resource from before the last
// write; a reconcile of it would be refused in the end.
func (w *Writer) Stale(cached client.Object) bool {
	last, ok := w.written.Load(resourceOf(cached))
	if !ok {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(cached.GetResourceVersion(), last.(string))
	return err == nil && order < 0
}

// Forget drops what is known of a resource of the kind of obj that is gone.
func (w *Writer) Forget(obj client.Object, name types.NamespacedName) {
	gone := resource{reflect.TypeOf(obj), name}
	w.written.Delete(gone)
	w.kept.Delete(gone)
}

// Settle is the end of a reconcile: an error ends it for a retry with backoff,
// and nothing but conflicts for one at once, since the cache is about to catch up.
func (w *Writer) Settle(result ctrl.Result, errs ...error) (ctrl.Result, error) {
	err := errors.Join(errs...)
	switch {
	case err == nil:
		return result, nil
	case OnlyConflicts(err):
		return ctrl.Result{RequeueAfter: w.Pace.CatchUp}, nil
	default:
		return ctrl.Result{}, err
	}
}

// OnlyConflicts tells that each of the joined errors is a conflict: trying again
// at once, with what the cache shows then, is all that is to be done.
func OnlyConflicts(err error) bool {
	//nolint:errorlint // errors.As would find the first of several
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !OnlyConflicts(err) })
	case interface{ Unwrap() error }:
		return OnlyConflicts(e.Unwrap())
	default:
		return apierrors.IsConflict(err)
	}
}
