package puskesmas

import (
	"context"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/health"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/status"
)

// endEarlierJobs makes sure that no two migrations work on one database: before a
// schema Job is made, all pods of those before it have ended. One that runs is
// waited for. One of which nothing runs, because its image is not there for
// instance, is deleted.
func (r *Reconciler) endEarlierJobs(ctx context.Context, s *scope) error {
	key, wanted := client.ObjectKeyFromObject(s.puskesmas), ""
	if job := s.schemaJob(); job != nil {
		if made, err := r.Applier.IsCurrent(ctx, job); made || err != nil {
			return err
		}
		wanted = job.GetName()
	}
	last, _ := r.schemaJobs.Load(key)
	if mayBegin(s.jobs, wanted, last, s.isFirst()) {
		r.schemaJobs.Store(key, wanted)
		return nil
	}
	var jobs batchv1.JobList
	if err := r.APIReader.List(ctx, &jobs, client.InNamespace(s.puskesmas.Namespace), s.schemaLabels()); err != nil {
		return fmt.Errorf("list the schema Jobs: %w", err)
	}
	earlier := unfinished(jobs.Items, wanted)
	running, pending, err := r.schemaPods(ctx, s)
	if err != nil {
		return err
	}
	switch {
	case running > 0:
		return r.waitForEarlier(s, "waiting for the migration before to end: two at once could spoil the database")
	case len(earlier) == 0 && pending == 0:
		r.schemaJobs.Store(key, wanted)
		return nil
	}
	for _, name := range earlier {
		job := &unstructured.Unstructured{}
		job.SetGroupVersionKind(live.Jobs)
		job.SetNamespace(s.puskesmas.Namespace)
		job.SetName(name)
		job.SetLabels(s.ownerLabels())
		if err := r.Applier.Delete(ctx, job); err != nil {
			return err
		}
	}
	return r.waitForEarlier(s, "the migration before does not run and is deleted: waiting for its pods to go")
}

// schemaJob is the schema Job that is asked for, or nil where the RME makes its
// schema itself. Its name tells its spec from any other.
func (s *scope) schemaJob() *unstructured.Unstructured {
	for _, obj := range s.objects[ComponentSchema] {
		if obj.GroupVersionKind() == live.Jobs {
			return obj
		}
	}
	return nil
}

// isFirst tells of a facility that no other schema was ever asked of.
func (s *scope) isFirst() bool { return s.plan.Running == "" && len(schemaEnds(s.plan)) < 2 }

// mayBegin tells, by the cache alone, that no schema Job has to end before the one
// that is wanted is made. last is the one that was made last, if this operator
// made it: a cache that does not show it is late.
func mayBegin(cached []batchv1.Job, wanted string, last any, first bool) bool {
	shown := func(name any) bool {
		return slices.ContainsFunc(cached, func(job batchv1.Job) bool { return job.Name == name })
	}
	switch {
	case len(unfinished(cached, wanted)) > 0:
		return false
	case wanted == "" || shown(wanted):
		return true
	case last != nil && last != "" && !shown(last):
		return false
	default:
		// Pods of a Job that is gone may still run, but for one that never was. A Job
		// that is finished came after them.
		return first || len(cached) > 0
	}
}

// unfinished names the Jobs but one that have not ended.
func unfinished(jobs []batchv1.Job, but string) []string {
	var names []string
	for i := range jobs {
		if jobs[i].Name != but && !finished(&jobs[i]) {
			names = append(names, jobs[i].Name)
		}
	}
	return names
}

func finished(job *batchv1.Job) bool {
	return job.DeletionTimestamp == nil && health.Check(job).State != health.Progressing
}

func (s *scope) schemaLabels() client.MatchingLabels {
	labels := client.MatchingLabels(s.ownerLabels())
	labels[render.LabelComponent] = ComponentSchema
	return labels
}

// schemaPods counts the pods of schema Jobs that have not ended.
func (r *Reconciler) schemaPods(ctx context.Context, s *scope) (running, pending int, err error) {
	var pods corev1.PodList
	if err := r.APIReader.List(ctx, &pods, client.InNamespace(s.puskesmas.Namespace), s.schemaLabels()); err != nil {
		return 0, 0, fmt.Errorf("list the pods of schema Jobs: %w", err)
	}
	for i := range pods.Items {
		switch pods.Items[i].Status.Phase {
		case corev1.PodSucceeded, corev1.PodFailed:
		case corev1.PodPending, "":
			pending++
		default:
			running++
		}
	}
	return running, pending, nil
}

func (r *Reconciler) waitForEarlier(s *scope, message string) error {
	s.conditions.False(v1alpha1.ConditionSchemaReady, v1alpha1.ReasonProgressing, message)
	return status.Waiting(r.Pace.JobRecheck, v1alpha1.ReasonProgressing, "%s", message)
}
