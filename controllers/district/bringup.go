package district

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/stage"
)

// isolate makes the namespace, takes the operator's rights in it, and then sets
// up everything that keeps districts apart. Roles come before their bindings:
// the API server looks at what a binding would grant.
func (r *Reconciler) isolate(ctx context.Context, s *scope) error {
	namespace, rest := split(s.objects[componentIsolation], func(o *unstructured.Unstructured) bool { return o.GetKind() == "Namespace" })
	rights, rest := split(rest, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "RoleBinding" && o.GetName() == operatorBinding
	})
	bindings, rest := split(rest, func(o *unstructured.Unstructured) bool { return o.GetKind() == "RoleBinding" })
	fresh := !s.conditions.IsTrue(v1alpha1.ConditionIsolationReady)
	for _, objects := range [][]*unstructured.Unstructured{namespace, rights, rest, bindings} {
		err := r.Stages.Run(ctx, s.conditions, stage.Stage{
			Condition: v1alpha1.ConditionIsolationReady,
			Objects:   objects,
			Options:   apply.Options{NewNamespace: fresh},
		})
		if err != nil {
			return err
		}
	}
	s.conditions.True(v1alpha1.ConditionIsolationReady, v1alpha1.ReasonSucceeded, "namespace "+s.namespace+" is closed to other districts")
	return nil
}

// findDatabase watches CloudNativePG's resources, and makes sure that PostgreSQL
// serves the data that it has served before. It comes before everything that
// takes a Cluster which is not there for one that is to be made.
func (r *Reconciler) findDatabase(ctx context.Context, s *scope) error {
	if err := r.owned.Ensure(cnpg.Kinds...); err != nil {
		err = r.Stages.Describe(err)
		s.conditions.False(v1alpha1.ConditionDatabaseReady, v1alpha1.ReasonMissingDependency, err.Error())
		return err
	}
	return r.reported(s, v1alpha1.ConditionDatabaseReady, r.checkDatabase(ctx, s))
}

// bringUpDatabase applies the PostgreSQL cluster and waits for its primary.
func (r *Reconciler) bringUpDatabase(ctx context.Context, s *scope) error {
	if s.hibernated() {
		s.conditions.False(v1alpha1.ConditionDatabaseReady, v1alpha1.ReasonHibernated, "PostgreSQL is stopped as asked; its volumes stay")
		return r.Applier.Apply(ctx, s.objects[componentDatabase], apply.Options{Trusted: true})
	}
	err := r.Stages.Run(ctx, s.conditions, stage.Stage{
		Condition: v1alpha1.ConditionDatabaseReady,
		Objects:   s.objects[componentDatabase],
		Options:   apply.Options{Trusted: s.trusted},
	})
	if err != nil {
		return r.reported(s, v1alpha1.ConditionDatabaseReady, r.unlessGivenUp(ctx, s, err))
	}
	if err := r.awaitServers(ctx, s); err != nil {
		return err
	}
	if err := r.recordDatabase(ctx, s); err != nil {
		return r.reported(s, v1alpha1.ConditionDatabaseReady, err)
	}
	s.conditions.True(v1alpha1.ConditionDatabaseReady, v1alpha1.ReasonSucceeded, "PostgreSQL accepts connections")
	return nil
}

// bringUpDashboard applies the dashboard's databases and then the dashboard.
// Puskesmas do not wait for it.
func (r *Reconciler) bringUpDashboard(ctx context.Context, s *scope) error {
	all := slices.Concat(s.objects[componentPWS], s.objects[componentDashboard], s.objects[componentExposure])
	data, workloads := split(all, func(o *unstructured.Unstructured) bool { return apply.Stateful(o) })
	if s.hibernated() {
		s.conditions.False(v1alpha1.ConditionDashboardReady, v1alpha1.ReasonHibernated, "the dashboard is stopped as asked")
		_, workloads = split(workloads, func(o *unstructured.Unstructured) bool { return o.GetKind() == "Job" })
		return r.Applier.Apply(ctx, workloads, apply.Options{Trusted: true})
	}
	if s.district.Spec.Exposure.Gateway.Name != "" {
		if err := r.owned.Ensure(live.RouteKind); err != nil {
			err = r.Stages.Describe(err)
			s.conditions.False(v1alpha1.ConditionDashboardReady, v1alpha1.ReasonMissingDependency, err.Error())
			return err
		}
	}
	if err := r.checkObjects(ctx, s, data); err != nil {
		return r.reported(s, v1alpha1.ConditionDashboardReady, err)
	}
	for _, objects := range [][]*unstructured.Unstructured{data, workloads} {
		err := r.Stages.Run(ctx, s.conditions, stage.Stage{
			Condition: v1alpha1.ConditionDashboardReady,
			Objects:   objects,
			Options:   apply.Options{Trusted: s.trusted},
		})
		if err != nil {
			return err
		}
		if err := r.recordObjects(ctx, s, data); err != nil {
			return err
		}
	}
	message := "the dashboard serves"
	if url := s.dashboardURL(); url != "" {
		message += " at " + url
	}
	s.conditions.True(v1alpha1.ConditionDashboardReady, v1alpha1.ReasonSucceeded, message)
	return nil
}

func split(objs []*unstructured.Unstructured, first func(*unstructured.Unstructured) bool) (yes, no []*unstructured.Unstructured) {
	for _, obj := range objs {
		if first(obj) {
			yes = append(yes, obj)
		} else {
			no = append(no, obj)
		}
	}
	return yes, no
}
