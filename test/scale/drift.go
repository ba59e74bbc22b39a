package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// driftPatience is how long a repair may take; driftQuiet is the pause after
// which the next object is touched, so that each repair is seen alone.
const (
	driftPatience = 30 * time.Second
	driftQuiet    = 700 * time.Millisecond
)

// edits are what somebody does by hand, by kind; kinds that are not here are deleted.
var edits = map[string]string{
	"deployments":     `{"spec":{"replicas":3}}`,
	"networkpolicies": `{"spec":{"policyTypes":["Egress"]}}`,
	"configmaps":      `{"metadata":{"labels":{"app.kubernetes.io/part-of":"somebody"}}}`,
	"services":        `{"spec":{"selector":{"app.kubernetes.io/name":"somebody"}}}`,
	"roles":           `{"rules":[]}`,
	"ingresses":       `{"metadata":{"labels":{"app.kubernetes.io/part-of":"somebody"}}}`,
}

// deletable are deleted by turns; nothing of them holds data.
var deletable = []string{"deployments", "services", "networkpolicies", "poddisruptionbudgets", "serviceaccounts", "ingresses", "roles", "configmaps"}

// disturbance is what is done to an object: an edit, or else it is deleted.
type disturbance struct {
	key  key
	edit string
}

// disturbances are so many, of as many objects while they last, deletions and
// edits by turns. The seed is fixed: every run touches the same objects.
func (b *bench) disturbances(n int) []disturbance {
	var stateless []key
	for _, object := range b.objects {
		if slices.Contains(deletable, object.Key.Resource) {
			stateless = append(stateless, object.Key)
		}
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not for secrets
	random.Shuffle(len(stateless), func(i, j int) { stateless[i], stateless[j] = stateless[j], stateless[i] })
	var out []disturbance
	for _, k := range stateless[:min(n, len(stateless))] {
		d := disturbance{key: k}
		if len(out)%2 == 1 {
			d.edit = edits[k.Resource]
		}
		out = append(out, d)
	}
	return out
}

// drifted is how long objects were not as they should be, each alone.
type drifted struct {
	Took     []time.Duration
	Requests requests
}

func (l *life) drift(ctx context.Context) (finding, error) {
	if err := l.forget(); err != nil {
		return nil, err
	}
	r := &drifted{}
	for _, d := range l.disturbances(l.drifts) {
		took, err := l.disturb(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.key, err)
		}
		r.Took = append(r.Took, took)
	}
	var err error
	r.Requests, _, err = l.since(time.Now())
	return r, err
}

// disturb does it and returns the time until all is as before.
func (l *life) disturb(ctx context.Context, d disturbance) (time.Duration, error) {
	resource := l.cluster.dynamic.Resource(d.key.GroupVersionResource).Namespace(d.key.Namespace)
	before, err := resource.Get(ctx, d.key.Name, metav1.GetOptions{})
	if err != nil {
		return 0, err
	}
	w, err := resource.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + d.key.Name, ResourceVersion: before.GetResourceVersion()})
	if err != nil {
		return 0, err
	}
	defer w.Stop()
	begin := time.Now()
	if err := d.touch(ctx, resource); err != nil {
		return 0, err
	}
	want := essence(before)
	timeout := time.After(driftPatience)
	for {
		select {
		case event := <-w.ResultChan():
			object, ok := event.Object.(*unstructured.Unstructured)
			if ok && event.Type != watch.Deleted && essence(object) == want {
				took := time.Since(begin)
				return took, l.sleep(driftQuiet)
			}
		case <-timeout:
			return 0, fmt.Errorf("not put right within %s", driftPatience)
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

func (d *disturbance) touch(ctx context.Context, resource dynamic.ResourceInterface) error {
	if d.edit == "" {
		return resource.Delete(ctx, d.key.Name, metav1.DeleteOptions{})
	}
	_, err := resource.Patch(ctx, d.key.Name, types.MergePatchType, []byte(d.edit), metav1.PatchOptions{FieldManager: "somebody"})
	return err
}

func essence(object *unstructured.Unstructured) string {
	content, err := json.Marshal(contentOf(object))
	if err != nil {
		return ""
	}
	return string(content)
}

func (r *drifted) print(t table) {
	if len(r.Took) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(r.Took))
	t.linef("%-14sput right in %s (median), %s at most; %.2f writes for each of %d", "drift", milliseconds(sorted[len(sorted)/2]), milliseconds(sorted[len(sorted)-1]), r.writes(), len(sorted))
	t.requests(r.Requests)
}

func (r *drifted) writes() float64 {
	return float64(r.Requests.sum(isWrite)) / float64(max(len(r.Took), 1))
}

func (r *drifted) aims() []aim {
	sorted := slices.Sorted(slices.Values(r.Took))
	if len(sorted) == 0 {
		return nil
	}
	return []aim{
		atMost("drift: put right, median", 100, float64(sorted[len(sorted)/2].Milliseconds()), " ms"),
		atMost("drift: put right, longest", 500, float64(sorted[len(sorted)-1].Milliseconds()), " ms"),
	}
}
