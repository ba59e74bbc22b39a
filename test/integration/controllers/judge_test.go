package controllers_test

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

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/test/gitops"
	"ilp.health/operator/test/testenv"
)

var waveKind, stackReleaseKind = v1alpha1.GroupVersion.WithKind("Wave"), v1alpha1.GroupVersion.WithKind("StackRelease")

// judge has GitOps tools tell the health of every resource whenever it changes,
// and notes where they have no answer or contradict each other.
type judge struct {
	judges *gitops.Judges

	mu    sync.Mutex
	found map[string]bool
}

func startJudge(ctx context.Context, c client.WithWatch) *judge {
	GinkgoHelper()
	judges, err := gitops.LoadJudges(testenv.Root(GinkgoT()))
	Expect(err).NotTo(HaveOccurred())
	j := &judge{judges: judges, found: map[string]bool{}}
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
	follow(ctx, c, districtKind, see)
	follow(ctx, c, puskesmasKind, see)
	follow(ctx, c, waveKind, see)
	follow(ctx, c, stackReleaseKind, see)
	return j
}

// findings lists what was found, and forgets it.
func (j *judge) findings() []string {
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
