package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"ilp.health/operator/api/v1alpha1"
)

// clusterScoped are the only kinds without namespace that a stack may hold.
var clusterScoped = map[string]bool{"Namespace": true, "ClusterRole": true, "ClusterRoleBinding": true, "PersistentVolume": true}

// finish names a Job by its spec and checks what all objects must have.
func finish(object *unstructured.Unstructured) error {
	if object.GetKind() == "Job" {
		if err := nameBySpec(object); err != nil {
			return err
		}
	}
	switch {
	case object.GetAPIVersion() == "":
		return errors.New("the object has no apiVersion")
	case object.GetKind() == "":
		return errors.New("the object has no kind")
	case object.GetName() == "":
		return errors.New("the object has no name")
	case object.GetNamespace() == "" && !clusterScoped[object.GetKind()]:
		return errors.New("the object has no namespace though its kind is not cluster-scoped")
	case label(object, v1alpha1.LabelManagedBy) != v1alpha1.ManagerName:
		return fmt.Errorf("the object does not carry the label %s=%s", v1alpha1.LabelManagedBy, v1alpha1.ManagerName)
	}
	return nil
}

// nameBySpec appends a digest of the spec to a Job's name. A Job cannot change,
// so another spec must be another Job.
func nameBySpec(job *unstructured.Unstructured) error {
	spec, err := json.Marshal(job.Object["spec"]) // sorts keys, hence canonical
	if err != nil {
		return err
	}
	sum := sha256.Sum256(spec)
	name := job.GetName() + "-" + hex.EncodeToString(sum[:4])
	if len(name) > validation.DNS1123LabelMaxLength {
		return fmt.Errorf("the name %s is longer than the %d characters that a Job's pods allow", name, validation.DNS1123LabelMaxLength)
	}
	job.SetName(name)
	return nil
}

// label reads one label without copying all of them, as GetLabels does.
func label(object *unstructured.Unstructured, key string) string {
	metadata, _ := object.Object["metadata"].(map[string]any)
	labels, _ := metadata["labels"].(map[string]any)
	value, _ := labels[key].(string)
	return value
}

// describe names an object as kubectl does.
func describe(object *unstructured.Unstructured) string {
	return object.GetKind() + "/" + object.GetName()
}
