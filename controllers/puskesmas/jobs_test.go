package puskesmas

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestMayBegin: when a schema Job is made without a look at those before it.
func TestMayBegin(t *testing.T) {
	job := func(name string, condition batchv1.JobConditionType) batchv1.Job {
		j := batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if condition != "" {
			j.Status.Conditions = []batchv1.JobCondition{{Type: condition, Status: corev1.ConditionTrue}}
		}
		return j
	}
	leaving := job("old", batchv1.JobComplete)
	leaving.DeletionTimestamp = &metav1.Time{}
	for name, c := range map[string]struct {
		wanted string
		last   any
		first  bool
		jobs   []batchv1.Job
		want   bool
	}{
		"the first":                         {wanted: "new", first: true, want: true},
		"it is made":                        {wanted: "new", jobs: []batchv1.Job{job("new", ""), job("old", batchv1.JobComplete)}, want: true},
		"it was made, and is gone":          {wanted: "new", last: "new", jobs: []batchv1.Job{job("old", batchv1.JobComplete)}},
		"the one before is complete":        {wanted: "new", last: "old", jobs: []batchv1.Job{job("old", batchv1.JobComplete)}, want: true},
		"the one before has failed":         {wanted: "new", jobs: []batchv1.Job{job("old", batchv1.JobFailed)}, want: true},
		"the one before works":              {wanted: "new", jobs: []batchv1.Job{job("old", "")}},
		"the one before is not shown yet":   {wanted: "new", last: "old", jobs: []batchv1.Job{job("older", batchv1.JobComplete)}},
		"one of several works":              {wanted: "new", jobs: []batchv1.Job{job("older", batchv1.JobComplete), job("old", "")}},
		"the one before leaves":             {wanted: "new", jobs: []batchv1.Job{leaving}},
		"its pods may outlive it":           {wanted: "new"},
		"there is none any more":            {want: true},
		"there is none, and one works":      {jobs: []batchv1.Job{job("old", "")}},
		"another setting of the first":      {wanted: "new", first: true, jobs: []batchv1.Job{job("old", "")}},
		"another setting, it is gone since": {wanted: "new", last: "old", first: true},
	} {
		if got := mayBegin(c.jobs, c.wanted, c.last, c.first); got != c.want {
			t.Errorf("%s: it may begin: %v", name, got)
		}
	}
}
