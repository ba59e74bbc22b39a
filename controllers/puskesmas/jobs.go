package puskesmas

import (
	"context"
	"fmt"

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
	earlier, ended := s.earlierJobs()
	if ended {
		return nil
	}
	running, pending, err := r.schemaPods(ctx, s)
	if err != nil {
		return err
	}
	switch {
	case running > 0:
		return r.waitForEarlier(s, "waiting for the migration before to end: two at once could spoil the database")
	case len(earlier) == 0 && pending == 0:
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

// earlierJobs names the schema Jobs that have to end before that of this
// reconcile is made; ended tells that there is none, nor a pod of one. A Job's
// name tells its spec from any other.
func (s *scope) earlierJobs() (earlier []string, ended bool) {
	wanted := ""
	for _, obj := range s.objects[ComponentSchema] {
		if obj.GroupVersionKind() == live.Jobs {
			wanted = obj.GetName()
		}
	}
	made := false
	for i := range s.jobs {
		switch job := &s.jobs[i]; {
		case job.Name == wanted:
			made = true
		case !finished(job):
			earlier = append(earlier, job.Name)
		}
	}
	// Pods of a Job that is gone may still run, but for one that never was. A Job
	// that is finished came after them.
	first := s.plan.Running == "" && len(schemaEnds(s.plan)) < 2
	return earlier, len(earlier) == 0 && (made || wanted == "" || first || len(s.jobs) > 0)
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
