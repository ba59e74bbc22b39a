package puskesmas

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/stage"
	"ilp.health/operator/controllers/stack/status"
)

// awaitDatabase waits until the district's namespace and PostgreSQL are ready.
func (r *Reconciler) awaitDatabase(_ context.Context, s *scope) error {
	kinds := cnpg.Kinds
	if s.district.Spec.Exposure.Gateway.Name != "" {
		kinds = append(slices.Clone(kinds), live.RouteKind)
	}
	if err := r.owned.Ensure(kinds...); err != nil {
		return r.Stages.Describe(err)
	}
	if c := meta.FindStatusCondition(s.district.Status.Conditions, v1alpha1.ConditionDatabaseReady); c != nil && c.Reason == v1alpha1.ReasonDataMissing {
		message := fmt.Sprintf("District %s: %s", s.district.Name, c.Message)
		s.conditions.False(v1alpha1.ConditionDatabaseReady, v1alpha1.ReasonDataMissing, message)
		return status.Stalled(v1alpha1.ReasonDataMissing, "%s", message)
	}
	for _, condition := range []string{v1alpha1.ConditionIsolationReady, v1alpha1.ConditionDatabaseReady} {
		if !meta.IsStatusConditionTrue(s.district.Status.Conditions, condition) && !s.hibernated() {
			message := fmt.Sprintf("waiting for District %s to be %s", s.district.Name, condition)
			s.conditions.False(v1alpha1.ConditionDatabaseReady, v1alpha1.ReasonDependencyNotReady, message)
			return status.Waiting(0, v1alpha1.ReasonDependencyNotReady, "%s", message)
		}
	}
	return nil
}

// bringUp applies database, schema, RME and exposure in this order, each when
// the one before does its work. All that holds data, or lets it be read, is made
// and written down before anything works with it.
func (r *Reconciler) bringUp(ctx context.Context, s *scope) error {
	if s.hibernated() {
		return r.hibernate(ctx, s)
	}
	err := r.Stages.Run(ctx, s.conditions, stage.Stage{
		Condition: v1alpha1.ConditionDatabaseReady,
		Objects:   s.data(),
		Options:   apply.Options{Trusted: s.trusted},
	})
	if err != nil {
		return err
	}
	if err := r.recordData(ctx, s); err != nil {
		return err
	}
	s.conditions.True(v1alpha1.ConditionDatabaseReady, v1alpha1.ReasonSucceeded, "database "+s.databaseName()+" and its role are there")
	if err := r.bringUpSchema(ctx, s); err != nil {
		return err
	}
	return r.bringUpRME(ctx, s)
}

// serving are the objects that people reach.
func (s *scope) serving() []*unstructured.Unstructured {
	return slices.Concat(s.objects[componentRME], s.objects[componentExposure])
}

func at(url string) string {
	if url == "" {
		return ""
	}
	return " at " + url
}

// hibernate stops the RME and leaves the rest as it is.
func (r *Reconciler) hibernate(ctx context.Context, s *scope) error {
	if err := r.write(ctx, s, s.plan); err != nil {
		return err
	}
	if err := r.Applier.Apply(ctx, s.serving(), apply.Options{Trusted: true}); err != nil {
		return err
	}
	s.conditions.False(v1alpha1.ConditionRMEReady, v1alpha1.ReasonHibernated, "the RME is stopped as asked")
	return nil
}
