// Package live is what the operator remembers of the objects it made: an
// informer per kind, restricted to objects that carry its label, with every
// object cut down to what health and drift need. Secrets have no informer;
// nothing of them is ever cached.
package live

import (
	"encoding/hex"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
)

// Annotations that Strip leaves on cached copies; they exist in memory only.
const (
	annotationFields = "memory.ilp.health/owned-fields"
	annotationEdited = "memory.ilp.health/edited"
)

// AnnotationDigest carries the digest of the desired object on the object
// itself, so that a restarted operator knows what it applied. Who owns the object
// is not in it: a Deployment takes a change of its annotations for a new generation.
const AnnotationDigest = "ilp.health/digest"

// owned ends the digest of an object that was applied with an owner.
const owned = "-owned"

// Digest is the value of AnnotationDigest.
func Digest(digest string, hasOwner bool) string {
	if hasOwner {
		return digest + owned
	}
	return digest
}

// HadOwner reports whether an object was applied with an owner, whichever it has
// by now.
func HadOwner(obj client.Object) bool {
	return strings.HasSuffix(obj.GetAnnotations()[AnnotationDigest], owned)
}

// Deployments are the kind of every program that serves.
var Deployments = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}

// Jobs are the kind of every program that ends.
var Jobs = schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}

// PodKinds are those of the operator's objects that have pods, but for
// CloudNativePG's.
var PodKinds = []schema.GroupVersionKind{Deployments, Jobs}

// RouteKind is watched once the Gateway API is installed.
var RouteKind = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}

// BuiltinKinds are the watched kinds that every cluster has. Here and above no
// kind is ever left out again that a version of the operator made: what is not
// asked for any more is found among the watched kinds only.
var BuiltinKinds = []schema.GroupVersionKind{
	{Version: "v1", Kind: "Namespace"},
	{Version: "v1", Kind: "ConfigMap"},
	{Version: "v1", Kind: "LimitRange"},
	{Version: "v1", Kind: "ResourceQuota"},
	{Version: "v1", Kind: "Service"},
	{Version: "v1", Kind: "ServiceAccount"},
	Deployments,
	Jobs,
	{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"},
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"},
}

// Prototype is an empty object of the form in which a kind is cached: whole
// where health needs its status, metadata only otherwise.
func Prototype(gvk schema.GroupVersionKind) client.Object {
	switch {
	case gvk == Deployments:
		return &appsv1.Deployment{}
	case gvk == Jobs:
		return &batchv1.Job{}
	case gvk.Group == cnpg.Group:
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(gvk)
		return u
	default:
		m := &metav1.PartialObjectMetadata{}
		m.SetGroupVersionKind(gvk)
		return m
	}
}

// keptOfClusters are the fields of a Cluster's spec that upgrades and growing
// volumes compare with what is asked for; no other kind has them.
var keptOfClusters = [][]string{
	{"spec", "imageName"},
	{"spec", "instances"},
	{"spec", "storage", "size"},
	{"spec", "storage", "storageClass"},
}

// Strip is the cache's transform: it keeps metadata, status and a short
// fingerprint of the managed fields, and drops the rest.
func Strip(in any) (any, error) {
	obj, ok := in.(client.Object)
	if !ok {
		return in, nil
	}
	if managed := obj.GetManagedFields(); managed != nil {
		annotations := make(map[string]string, len(obj.GetAnnotations())+2)
		for k, v := range obj.GetAnnotations() {
			annotations[k] = v
		}
		annotations[annotationFields] = OwnedFields(managed)
		if editedSince(managed) {
			annotations[annotationEdited] = "true"
		}
		obj.SetAnnotations(annotations)
		obj.SetManagedFields(nil)
	}
	switch o := in.(type) {
	case *appsv1.Deployment:
		o.Spec = appsv1.DeploymentSpec{Replicas: o.Spec.Replicas}
	case *batchv1.Job:
		o.Spec = batchv1.JobSpec{BackoffLimit: o.Spec.BackoffLimit}
	case *unstructured.Unstructured:
		kept := map[string]any{}
		for _, path := range keptOfClusters {
			if value, found, _ := unstructured.NestedFieldNoCopy(o.Object, path...); found {
				_ = unstructured.SetNestedField(kept, value, path[1:]...)
			}
		}
		delete(o.Object, "spec")
		if len(kept) > 0 {
			o.Object["spec"] = kept
		}
	}
	return in, nil
}

// OwnedFields is a fingerprint of the set of fields that the operator owns. It
// changes exactly when somebody else changes or removes the value of one of
// them, whatever else happens to the object.
func OwnedFields(managed []metav1.ManagedFieldsEntry) string {
	for _, m := range managed {
		if ours(m) && m.FieldsV1 != nil {
			h := fnv.New64a()
			_, _ = h.Write(canonical(m.FieldsV1.GetRawBytes()))
			return hex.EncodeToString(h.Sum(nil))
		}
	}
	return ""
}

// canonical sorts the keys: an object that was decoded without its type has them
// in another order than one that was decoded with it.
func canonical(raw []byte) []byte {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return raw
	}
	sorted, err := json.Marshal(fields)
	if err != nil {
		return raw
	}
	return sorted
}

// editedSince reports whether somebody else wrote to the object, other than to
// its status or its finalizers, after the operator did. It may be a false alarm,
// never the other way round, except for edits that only remove a field.
func editedSince(managed []metav1.ManagedFieldsEntry) bool {
	var last time.Time
	for _, m := range managed {
		if ours(m) && m.Time != nil {
			last = m.Time.Time
		}
	}
	for _, m := range managed {
		if !ours(m) && m.Subresource == "" && m.Time != nil && !m.Time.Time.Before(last) && !onlyHolds(m) {
			return true
		}
	}
	return false
}

// onlyHolds reports whether somebody owns nothing but finalizers and owner
// references, as CloudNativePG does of every Database, or the records of
// package record. The operator applies none of those; its own owner reference is
// looked at by itself.
func onlyHolds(m metav1.ManagedFieldsEntry) bool {
	fields, ok := fieldsOf(m)
	if !ok || len(fields) != 1 || fields["f:metadata"] == nil {
		return false
	}
	metadata := fields["f:metadata"]
	delete(metadata, "f:finalizers")
	delete(metadata, "f:ownerReferences")
	if raw, found := metadata["f:annotations"]; found && onlyRecords(raw) {
		delete(metadata, "f:annotations")
	}
	return len(metadata) == 0
}

func onlyRecords(raw json.RawMessage) bool {
	var annotations map[string]json.RawMessage
	if json.Unmarshal(raw, &annotations) != nil {
		return false
	}
	for key := range annotations {
		if key != "." && !strings.HasPrefix(key, "f:"+v1alpha1.AnnotationRecordPrefix) {
			return false
		}
	}
	return true
}

// fieldsOf are the fields of an entry, two levels deep.
func fieldsOf(m metav1.ManagedFieldsEntry) (map[string]map[string]json.RawMessage, bool) {
	var fields map[string]map[string]json.RawMessage
	if m.FieldsV1 == nil || json.Unmarshal(m.FieldsV1.GetRawBytes(), &fields) != nil {
		return nil, false
	}
	return fields, true
}

// Managers names who else than the operator manages content of an object: more
// than its metadata and not by a subresource.
func Managers(managed []metav1.ManagedFieldsEntry) []string {
	var names []string
	for _, m := range others(managed) {
		names = append(names, m.Manager)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// MadeByOthers reports whether somebody else made the object: content that was
// there from its first second is managed by another one. The managed fields
// know no finer time.
func MadeByOthers(created metav1.Time, managed []metav1.ManagedFieldsEntry) bool {
	return slices.ContainsFunc(others(managed), func(m metav1.ManagedFieldsEntry) bool {
		return m.Time != nil && !m.Time.After(created.Time)
	})
}

// LabelledByOthers reports whether somebody else manages all of some labels.
func LabelledByOthers(managed []metav1.ManagedFieldsEntry, keys []string) bool {
	for _, key := range keys {
		if !slices.ContainsFunc(managed, func(m metav1.ManagedFieldsEntry) bool {
			fields, _ := fieldsOf(m)
			var labels map[string]json.RawMessage
			_ = json.Unmarshal(fields["f:metadata"]["f:labels"], &labels)
			return m.Manager != v1alpha1.ManagerName && labels["f:"+key] != nil
		}) {
			return false
		}
	}
	return true
}

func others(managed []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	var out []metav1.ManagedFieldsEntry
	for _, m := range managed {
		if m.Manager == v1alpha1.ManagerName || m.Subresource != "" {
			continue
		}
		fields, ok := fieldsOf(m)
		if !ok {
			continue
		}
		delete(fields, "f:metadata")
		if len(fields) > 0 {
			out = append(out, m)
		}
	}
	return out
}

func ours(m metav1.ManagedFieldsEntry) bool {
	return m.Manager == v1alpha1.ManagerName && m.Operation == metav1.ManagedFieldsOperationApply && m.Subresource == ""
}

// Fields is the fingerprint of a cached object's fields that the operator owns.
func Fields(obj client.Object) string { return obj.GetAnnotations()[annotationFields] }

// Edited reports whether somebody else may have changed a cached object since
// the operator last wrote it.
func Edited(obj client.Object) bool { return obj.GetAnnotations()[annotationEdited] != "" }
