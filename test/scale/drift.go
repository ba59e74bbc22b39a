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

// drift deletes and edits objects by turns, one at a time, and measures until
// each is as before. The seed is fixed: every run touches the same objects.
func (b *bench) drift(ctx context.Context, c *cluster, log *auditReader) error {
	say("drift: %d objects are deleted or edited", b.drifts)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not for secrets
	var stateless []key
	for _, object := range b.objects {
		if slices.Contains(deletable, object.Key.Resource) {
			stateless = append(stateless, object.Key)
		}
	}
	if _, err := log.next(); err != nil {
		return err
	}
	for n := 0; n < b.drifts; {
		k := stateless[random.IntN(len(stateless))]
		edit := edits[k.Resource]
		if n%2 == 1 && edit == "" {
			continue
		}
		if n%2 == 0 {
			edit = ""
		}
		took, err := b.disturb(ctx, c, k, edit)
		if err != nil {
			return fmt.Errorf("drift of %s: %w", k, err)
		}
		b.results.Drift = append(b.results.Drift, took)
		n++
	}
	if err := b.sleep(2 * time.Second); err != nil {
		return err
	}
	var err error
	b.results.DriftRequests, err = log.next()
	return err
}

// disturb deletes one object, or edits it, and returns the time until it is as before.
func (b *bench) disturb(ctx context.Context, c *cluster, k key, edit string) (time.Duration, error) {
	resource := c.dynamic.Resource(k.GroupVersionResource).Namespace(k.Namespace)
	before, err := resource.Get(ctx, k.Name, metav1.GetOptions{})
	if err != nil {
		return 0, err
	}
	w, err := resource.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + k.Name, ResourceVersion: before.GetResourceVersion()})
	if err != nil {
		return 0, err
	}
	defer w.Stop()
	begin := time.Now()
	if err := touch(ctx, resource, k.Name, edit); err != nil {
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
				return took, b.sleep(driftQuiet)
			}
		case <-timeout:
			return 0, fmt.Errorf("not put right within %s", driftPatience)
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

func touch(ctx context.Context, resource dynamic.ResourceInterface, name, edit string) error {
	if edit == "" {
		return resource.Delete(ctx, name, metav1.DeleteOptions{})
	}
	_, err := resource.Patch(ctx, name, types.MergePatchType, []byte(edit), metav1.PatchOptions{FieldManager: "somebody"})
	return err
}

// essence is an object without what the API server makes anew each time.
func essence(object *unstructured.Unstructured) string {
	stripped := object.DeepCopy()
	delete(stripped.Object, "status")
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"} {
		unstructured.RemoveNestedField(stripped.Object, "metadata", field)
	}
	for _, field := range []string{"clusterIP", "clusterIPs"} {
		unstructured.RemoveNestedField(stripped.Object, "spec", field)
	}
	content, err := json.Marshal(stripped.Object)
	if err != nil {
		return ""
	}
	return string(content)
}
