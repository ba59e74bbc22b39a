package harness

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The statuses that an object's controller would write, or nil where it has.

func deploymentStatus(d *unstructured.Unstructured, o Outcome) map[string]any {
	replicas, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
	available, progressing := replicas, "True"
	if o == Fails {
		available, progressing = 0, "False"
	}
	seen, _, _ := unstructured.NestedInt64(d.Object, "status", "observedGeneration")
	had, _, _ := unstructured.NestedInt64(d.Object, "status", "availableReplicas")
	if seen == d.GetGeneration() && had == available && ConditionOf(d, "Progressing") == progressing {
		return nil
	}
	return map[string]any{
		"observedGeneration": d.GetGeneration(), "replicas": replicas, "updatedReplicas": replicas,
		"readyReplicas": available, "availableReplicas": available,
		"conditions": conditions("Progressing", progressing),
	}
}

func jobStatus(j *unstructured.Unstructured, o Outcome) map[string]any {
	if ConditionOf(j, "Complete") == "True" || ConditionOf(j, "Failed") == "True" {
		return nil
	}
	now := time.Now().UTC().Format(time.RFC3339)
	if o == Fails {
		return map[string]any{
			"startTime": now, "failed": 5,
			"conditions": append(conditions("FailureTarget", "True"), conditions("Failed", "True")...),
		}
	}
	return map[string]any{
		"startTime": now, "completionTime": now, "succeeded": 1,
		"conditions": append(conditions("SuccessCriteriaMet", "True"), conditions("Complete", "True")...),
	}
}

func clusterStatus(c *unstructured.Unstructured, o Outcome, systemID string) map[string]any {
	var serves any = systemID
	ready, phase, reason := "True", "Cluster in healthy state", ""
	switch {
	case c.GetAnnotations()["cnpg.io/hibernation"] == "on":
		ready, phase, serves = "False", "Cluster hibernated", nil
	case o == Fails:
		ready, phase, serves = "False", "Unable to create required cluster objects", nil
	case o == GivenUp:
		ready, phase, serves = "False", "Cluster is unrecoverable and needs manual intervention", nil
		reason = "One or more instances were previously created, but no PersistentVolumeClaims (PVCs) exist"
	}
	if before, _, _ := unstructured.NestedString(c.Object, "status", "phase"); before == phase {
		return nil
	}
	return map[string]any{"phase": phase, "phaseReason": reason, "systemID": serves, "conditions": conditions("Ready", ready)}
}

// appliedStatus is as CloudNativePG writes it: of a failure without the
// generation that it is of.
func appliedStatus(d *unstructured.Unstructured, o Outcome) map[string]any {
	applied, found, _ := unstructured.NestedBool(d.Object, "status", "applied")
	seen, _, _ := unstructured.NestedInt64(d.Object, "status", "observedGeneration")
	said, _, _ := unstructured.NestedString(d.Object, "status", "message")
	name, _, _ := unstructured.NestedString(d.Object, "spec", "name")
	if o == Succeeds {
		if found && seen == d.GetGeneration() && applied {
			return nil
		}
		return map[string]any{"applied": true, "observedGeneration": d.GetGeneration(), "message": ""}
	}
	message := "while creating: permission denied"
	if o == InUse {
		message = "while dropping database \"" + name + "\": ERROR: database \"" + name + "\" is being accessed by other users (SQLSTATE 55006)"
	}
	if found && !applied && said == message {
		return nil
	}
	return map[string]any{"applied": false, "message": message}
}

func conditions(conditionType, status string) []any {
	return []any{map[string]any{
		"type": conditionType, "status": status, "reason": "Simulated", "message": "written by a test",
		"lastTransitionTime": time.Now().UTC().Format(time.RFC3339),
	}}
}

// ConditionOf is the status of a condition, or empty.
func ConditionOf(object *unstructured.Unstructured, conditionType string) string {
	list, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, item := range list {
		if c, _ := item.(map[string]any); c["type"] == conditionType {
			status, _ := c["status"].(string)
			return status
		}
	}
	return ""
}
