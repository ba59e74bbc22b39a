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

// digestSize is how many bytes of the digest of a Job's spec are in its name.
const digestSize = 4

// jobNameLimit leaves room for "-" and the digest: a Job's pods carry its name
// as a label, which is where the longest name comes from.
const jobNameLimit = validation.LabelValueMaxLength - 1 - 2*digestSize

// check looks for what all objects must have.
func check(object *unstructured.Unstructured) error {
	switch {
	case object.GetAPIVersion() == "":
		return errors.New("the object has no apiVersion")
	case object.GetKind() == "":
		return errors.New("the object has no kind")
	case object.GetName() == "":
		return errors.New("the object has no name")
	case object.GetNamespace() == "" && !clusterScoped[object.GetKind()]:
		return errors.New("the object has no namespace though its kind is not cluster-scoped")
	case object.GetKind() == "Job" && len(object.GetName()) > jobNameLimit:
		return fmt.Errorf("the name has more than %d characters, which leaves no room for the digest that is appended", jobNameLimit)
	case label(object, v1alpha1.LabelManagedBy) != v1alpha1.ManagerName:
		return fmt.Errorf("the object does not carry the label %s=%s", v1alpha1.LabelManagedBy, v1alpha1.ManagerName)
	}
	return nil
}

// nameBySpec appends a digest of the spec to a Job's name. A Job cannot change,
// so another spec must be another Job.
func nameBySpec(object *unstructured.Unstructured) error {
	if object.GetKind() != "Job" {
		return nil
	}
	spec, err := specOf(object)
	if err != nil {
		return err
	}
	nameByDigest(object, spec)
	return nil
}

// specOf returns the spec as canonical JSON: its keys are sorted.
func specOf(object *unstructured.Unstructured) ([]byte, error) {
	return json.Marshal(object.Object["spec"])
}

func nameByDigest(job *unstructured.Unstructured, spec []byte) {
	sum := sha256.Sum256(spec)
	job.SetName(job.GetName() + "-" + hex.EncodeToString(sum[:digestSize]))
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
