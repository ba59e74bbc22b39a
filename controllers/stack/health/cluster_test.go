package health

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
)

// TestCluster: what CloudNativePG waits for itself goes on, and what it waits
// for a person with needs one.
func TestCluster(t *testing.T) {
	cluster := func(phase, reason, ready string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster",
			"status": map[string]any{
				"phase": phase, "phaseReason": reason,
				"conditions": []any{map[string]any{"type": "Ready", "status": ready}},
			},
		}}
	}
	for name, test := range map[string]struct {
		phase, reason, ready string
		want                 Result
	}{
		"in health":  {"Cluster in healthy state", "", "True", Result{}},
		"on its way": {"Setting up primary", "Creating primary instance", "False", Result{State: Progressing, Message: "Setting up primary: Creating primary instance"}},
		"failing for now": {
			"Unable to create required cluster objects", "quota", "False",
			Result{State: Progressing, Message: "Unable to create required cluster objects: quota"},
		},
		"given up": {
			cnpg.PhaseUnrecoverable, "no PersistentVolumeClaims (PVCs) exist ", "False",
			Result{State: Failed, Message: cnpg.PhaseUnrecoverable + ": no PersistentVolumeClaims (PVCs) exist", Cause: v1alpha1.CauseInfrastructure, NeedsPerson: true},
		},
		"waiting for a person": {
			"Waiting for user action", "", "False",
			Result{State: Failed, Message: "Waiting for user action", Cause: v1alpha1.CauseConfiguration, NeedsPerson: true},
		},
	} {
		if got := Check(cluster(test.phase, test.reason, test.ready)); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
