package harness

import (
	"context"
	"fmt"
	"slices"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/test/gitops"
	"ilp.health/operator/test/testenv"
)

// Judge has GitOps tools tell the health of every resource whenever it changes,
// and notes where they have no answer or contradict each other.
type Judge struct {
	judges *gitops.Judges

	mu    sync.Mutex
	found map[string]bool
}

// StartJudge judges every District, Puskesmas, Wave and StackRelease from now on.
func StartJudge(ctx context.Context, c client.WithWatch) *Judge {
	GinkgoHelper()
	judges, err := gitops.LoadJudges(testenv.Root(GinkgoT()))
	Expect(err).NotTo(HaveOccurred())
	j := &Judge{judges: judges, found: map[string]bool{}}
	see := func(event watch.EventType, object *unstructured.Unstructured) {
		if event == watch.Deleted {
			return
		}
		if err := j.judges.Agree(ctx, object); err != nil && ctx.Err() == nil {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.found[fmt.Sprintf("%s %s/%s: %v: %v", object.GetKind(), object.GetNamespace(), object.GetName(), err, object.Object["status"])] = true
		}
	}
	Follow(ctx, c, DistrictKind, see)
	Follow(ctx, c, PuskesmasKind, see)
	Follow(ctx, c, WaveKind, see)
	Follow(ctx, c, StackReleaseKind, see)
	return j
}

// Findings lists what was found, and forgets it.
func (j *Judge) Findings() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []string
	for finding := range j.found {
		out = append(out, finding)
	}
	j.found = map[string]bool{}
	slices.Sort(out)
	return out
}
