package harness

import (
	"context"
	"fmt"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

var wavesMade atomic.Int32

// NewWave creates a wave of two stages: one district by name, then the rest,
// which a person has to approve.
func NewWave(ctx context.Context, c client.WithWatch, first *District) *v1alpha1.Wave {
	GinkgoHelper()
	wave := &v1alpha1.Wave{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("wave-%d", wavesMade.Add(1))},
		Spec: v1alpha1.WaveSpec{Year: 2025, TargetDistricts: 15, Release: DefaultRelease, Rollout: v1alpha1.Rollout{
			FailureBudget: v1alpha1.FailureBudget{Total: ptr.To[int32](0)},
			Stages: []v1alpha1.Stage{
				{Name: "canary", Districts: []v1alpha1.ObjectName{v1alpha1.ObjectName(first.Name)}},
				{Name: "others", Approval: "Required"},
			},
		}},
	}
	Expect(c.Create(ctx, wave)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		Expect(client.IgnoreNotFound(c.Delete(ctx, wave))).To(Succeed())
	})
	return wave
}

// EditWave edits a wave as kubectl edit does.
func EditWave(ctx context.Context, c client.WithWatch, wave *v1alpha1.Wave, edit func(*v1alpha1.WaveSpec)) {
	GinkgoHelper()
	before := wave.DeepCopy()
	edit(&wave.Spec)
	Expect(c.Patch(ctx, wave, client.MergeFrom(before))).To(Succeed())
}

// ExpectWave waits for Ready of the wave with a reason, for its present generation.
func ExpectWave(ctx context.Context, c client.WithWatch, wave *v1alpha1.Wave, status metav1.ConditionStatus, reason string, parts ...string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega) {
		g.Expect(c.Get(ctx, client.ObjectKeyFromObject(wave), wave)).To(Succeed())
		ready := meta.FindStatusCondition(wave.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(ready.Status).To(Equal(status), describe(wave.Status.Conditions))
		g.Expect(ready.Reason).To(Equal(reason), describe(wave.Status.Conditions))
		g.Expect(ready.ObservedGeneration).To(Equal(wave.Generation))
		for _, part := range parts {
			g.Expect(ready.Message).To(ContainSubstring(part))
		}
	}).Should(Succeed())
}

// InWave registers a District with a wave.
func InWave(wave *v1alpha1.Wave) func(*v1alpha1.District) {
	return func(d *v1alpha1.District) { d.Spec.WaveRef.Name = v1alpha1.ObjectName(wave.Name) }
}

// Manager is the field manager that owns a field of the District's spec.
func (d *District) Manager(ctx context.Context, field string) string {
	GinkgoHelper()
	for _, entry := range d.Get(ctx).ManagedFields {
		if entry.Subresource == "" && entry.FieldsV1 != nil {
			fields := &unstructured.Unstructured{}
			Expect(fields.UnmarshalJSON([]byte(`{"kind":"Fields","apiVersion":"v1",` + entry.FieldsV1.GetRawString()[1:]))).To(Succeed())
			if _, found, _ := unstructured.NestedMap(fields.Object, "f:spec", field); found {
				return entry.Manager
			}
		}
	}
	return ""
}
