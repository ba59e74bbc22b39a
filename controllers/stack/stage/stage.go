// Package stage brings up the parts of a stack one after the other: a stage's
// objects are applied together, and the next stage begins when they do their work.
package stage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/health"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/pace"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/status"
)

// Runner runs stages.
type Runner struct {
	Applier *apply.Applier
	// APIReader reads pods and volume claims of objects that are not ready.
	APIReader client.Reader
	Clock     clock.PassiveClock
	Pace      pace.Pace
}

// Stage is a set of objects that are reported in one condition.
type Stage struct {
	// Condition is the condition's type.
	Condition string
	// Objects are applied together.
	Objects []*unstructured.Unstructured
	// Options of the apply.
	Options apply.Options
}

// Run applies a stage and writes its condition. It returns nil if the stage
// does its work, a *status.Stop if it is waited for, and any other error if the
// API server could not be reached or refused.
func (r *Runner) Run(ctx context.Context, conditions status.Conditions, s Stage) error {
	if err := r.Applier.Apply(ctx, s.Objects, s.Options); err != nil {
		err = r.Describe(err)
		reason, message := v1alpha1.ReasonApplyFailed, err.Error()
		if stop := (*status.Stop)(nil); errors.As(err, &stop) {
			reason, message = stop.Reason, stop.Message
		}
		conditions.False(s.Condition, reason, message)
		return err
	}
	unready, err := r.unready(ctx, s.Objects)
	if err != nil {
		return err
	}
	if len(unready) == 0 {
		return nil
	}
	stop, err := r.stop(ctx, conditions, s.Condition, unready)
	if err != nil {
		return err
	}
	conditions.False(s.Condition, stop.Reason, stop.Message)
	return stop
}

// stop says what is waited for, and after a while or a failure asks the pods why.
func (r *Runner) stop(ctx context.Context, conditions status.Conditions, condition string, unready []unreadyObject) (*status.Stop, error) {
	stop := &status.Stop{Reason: v1alpha1.ReasonProgressing, Message: describeUnready(unready), RetryAfter: r.Pace.StageRecheck}
	since := conditions.Since(condition)
	if conditions.IsTrue(condition) || since.IsZero() {
		since = r.Clock.Now()
	}
	failed := failed(unready)
	if !failed && r.Clock.Since(since) < r.Pace.Patience {
		return stop, nil
	}
	findings, err := r.explain(ctx, unready)
	if err != nil || (!failed && len(findings) == 0) {
		return stop, err
	}
	cause := causeOf(unready)
	if len(findings) > 0 {
		stop.Message += ": " + findings.String()
	}
	if found := findings.Cause(); found != v1alpha1.CauseUnknown {
		cause = found
	}
	stop.Reason = reasons[cause]
	// Waiting does not mend software that is broken, nor what says itself that it
	// needs a person.
	stop.Stalled = cause == v1alpha1.CauseApplication || needsPerson(unready)
	return stop, nil
}

func needsPerson(unready []unreadyObject) bool {
	return slices.ContainsFunc(unready, func(u unreadyObject) bool { return u.result.NeedsPerson })
}

// reasons of a stage that fails, by what has to be mended.
var reasons = map[v1alpha1.FailureCause]string{
	v1alpha1.CauseInfrastructure: v1alpha1.ReasonInfrastructureFailed,
	v1alpha1.CauseConfiguration:  v1alpha1.ReasonConfigurationFailed,
	v1alpha1.CauseApplication:    v1alpha1.ReasonApplicationFailed,
	v1alpha1.CauseUnknown:        v1alpha1.ReasonUnhealthy,
}

// DeleteFailedJobs deletes the Jobs among the objects that have failed for good,
// so that the next apply makes them anew.
func (r *Runner) DeleteFailedJobs(ctx context.Context, objects []*unstructured.Unstructured) error {
	var errs []error
	for _, obj := range objects {
		if obj.GetKind() != "Job" {
			continue
		}
		cached, err := r.Applier.Live(ctx, inventory.RefOf(obj))
		if err == nil && cached != nil && health.Check(cached).State == health.Failed {
			err = r.Applier.Delete(ctx, obj)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// unreadyObject is an object that does not yet do its work.
type unreadyObject struct {
	object *unstructured.Unstructured
	result health.Result
}

func (r *Runner) unready(ctx context.Context, objects []*unstructured.Unstructured) ([]unreadyObject, error) {
	var unready []unreadyObject
	for _, obj := range objects {
		if !judged(obj) {
			continue
		}
		cached, err := r.Applier.Live(ctx, inventory.RefOf(obj))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", inventory.RefOf(obj), err)
		}
		result := health.Result{State: health.Progressing, Message: "applied"}
		if cached != nil {
			result = health.Check(cached)
		}
		if result.State != health.Ready {
			unready = append(unready, unreadyObject{obj, result})
		}
	}
	return unready, nil
}

// judged are the kinds whose status counts; all others are well if the API
// server took them.
func judged(obj *unstructured.Unstructured) bool {
	group := obj.GroupVersionKind().Group
	return group == "apps" || group == "batch" || group == cnpg.Group
}

func failed(unready []unreadyObject) bool {
	for _, u := range unready {
		if u.result.State == health.Failed {
			return true
		}
	}
	return false
}

// causeOf is the cause that the objects themselves tell.
func causeOf(unready []unreadyObject) v1alpha1.FailureCause {
	for _, u := range unready {
		if u.result.Cause != "" {
			return u.result.Cause
		}
	}
	return v1alpha1.CauseUnknown
}

func describeUnready(unready []unreadyObject) string {
	parts := make([]string, 0, len(unready))
	for _, u := range unready {
		parts = append(parts, fmt.Sprintf("%s %s: %s", u.object.GetKind(), u.object.GetName(), u.result.Message))
	}
	return "waiting for " + strings.Join(parts, "; ")
}

func (r *Runner) explain(ctx context.Context, unready []unreadyObject) (health.Findings, error) {
	var all health.Findings
	for _, u := range unready {
		findings, err := health.Explain(ctx, r.APIReader, u.object, r.Clock.Now())
		if err != nil {
			return nil, err
		}
		all = append(all, findings...)
	}
	return all, nil
}

// Describe turns what the API server says into what a person can act on.
func (r *Runner) Describe(err error) error {
	var missing *meta.NoKindMatchError
	var foreign *apply.NotOwnedError
	var terminating *apply.TerminatingError
	switch {
	case errors.As(err, &missing) && missing.GroupKind.Group == cnpg.Group:
		return status.Waiting(r.Pace.StageRecheck, v1alpha1.ReasonMissingDependency,
			"CloudNativePG is not installed, or is too old: the cluster has no kind %s of %s: install CloudNativePG 1.30 or later; the stack goes on by itself then", missing.GroupKind.Kind, missing.GroupKind.Group)
	case errors.As(err, &missing):
		return status.Waiting(r.Pace.StageRecheck, v1alpha1.ReasonMissingDependency,
			"the cluster has no kind %s of %s: install what provides it, or take out of the spec what asks for it", missing.GroupKind.Kind, missing.GroupKind.Group)
	case errors.As(err, &foreign):
		return &status.Stop{
			Stalled:    true,
			Reason:     v1alpha1.ReasonObjectNotOwned,
			Message:    foreign.Error(),
			RetryAfter: r.Pace.RefusedRecheck,
		}
	case errors.As(err, &terminating):
		return status.Waiting(r.Pace.StageRecheck, v1alpha1.ReasonProgressing, "%v", terminating)
	case apply.RefusedByPolicy(err):
		return &status.Stop{
			Stalled:    true,
			Reason:     v1alpha1.ReasonObjectInvalid,
			Message:    fmt.Sprintf("an admission policy of the cluster refuses: %v", err),
			RetryAfter: r.Pace.RefusedRecheck,
		}
	case apierrors.IsInvalid(err):
		return &status.Stop{
			Stalled:    true,
			Reason:     v1alpha1.ReasonObjectInvalid,
			Message:    fmt.Sprintf("the API server refuses an object: %v: correct the spec or the patch that it comes from", err),
			RetryAfter: r.Pace.RefusedRecheck,
		}
	default:
		return err
	}
}

// RenderFailed says which patch of the user's is wrong, or that the stack is.
func RenderFailed(err error) error {
	var patch *render.PatchError
	if errors.As(err, &patch) {
		return status.Stalled(v1alpha1.ReasonRenderFailed, "%v", patch)
	}
	return status.Stalled(v1alpha1.ReasonRenderFailed, "the stack cannot be rendered: %v", err)
}
