package live

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

var made = metav1.NewTime(time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC))

func entry(manager string, operation metav1.ManagedFieldsOperationType, after time.Duration, fields string) metav1.ManagedFieldsEntry {
	at := metav1.NewTime(made.Add(after))
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: operation, Time: &at, FieldsV1: metav1.NewFieldsV1(fields)}
}

func byUs(after time.Duration) metav1.ManagedFieldsEntry {
	return entry(v1alpha1.ManagerName, metav1.ManagedFieldsOperationApply, after, `{"f:spec":{"f:replicas":{}}}`)
}

func byKubectl(after time.Duration, fields string) metav1.ManagedFieldsEntry {
	return entry("kubectl", metav1.ManagedFieldsOperationUpdate, after, fields)
}

// TestEditedSince: who writes records, finalizers or owner references edits nothing.
func TestEditedSince(t *testing.T) {
	for name, test := range map[string]struct {
		fields string
		edited bool
	}{
		"a record":                {`{"f:metadata":{"f:annotations":{"f:data.ilp.health/district":{}}}}`, false},
		"the first annotation":    {`{"f:metadata":{"f:annotations":{".":{},"f:data.ilp.health/p6107080201":{}}}}`, false},
		"a record and a label":    {`{"f:metadata":{"f:annotations":{"f:data.ilp.health/district":{}},"f:labels":{"f:a":{}}}}`, true},
		"a record and another":    {`{"f:metadata":{"f:annotations":{"f:data.ilp.health/district":{},"f:ilp.health/digest":{}}}}`, true},
		"a finalizer and owners":  {`{"f:metadata":{"f:finalizers":{},"f:ownerReferences":{}}}`, false},
		"a record and the spec":   {`{"f:metadata":{"f:annotations":{"f:data.ilp.health/district":{}}},"f:spec":{"f:finalizers":{}}}`, true},
		"something not to decode": {`"`, true},
	} {
		if got := editedSince([]metav1.ManagedFieldsEntry{byUs(0), byKubectl(time.Second, test.fields)}); got != test.edited {
			t.Errorf("%s: edited is %v", name, got)
		}
	}
}

// TestMadeByOthers: content of somebody else from the first second on.
func TestMadeByOthers(t *testing.T) {
	content := `{"f:spec":{"f:ports":{}}}`
	status := byKubectl(0, `{"f:status":{}}`)
	status.Subresource = "status"
	for name, test := range map[string]struct {
		managed []metav1.ManagedFieldsEntry
		others  bool
	}{
		"the operator alone":            {[]metav1.ManagedFieldsEntry{byUs(0)}, false},
		"somebody else from the start":  {[]metav1.ManagedFieldsEntry{byKubectl(0, content), byUs(time.Hour)}, true},
		"somebody else later":           {[]metav1.ManagedFieldsEntry{byUs(0), byKubectl(time.Hour, content)}, false},
		"its controller, by the status": {[]metav1.ManagedFieldsEntry{byUs(0), status}, false},
		"its controller, by metadata":   {[]metav1.ManagedFieldsEntry{byUs(0), byKubectl(0, `{"f:metadata":{"f:finalizers":{}}}`)}, false},
		"the operator's own creation":   {[]metav1.ManagedFieldsEntry{entry(v1alpha1.ManagerName, metav1.ManagedFieldsOperationUpdate, 0, content)}, false},
	} {
		if got := MadeByOthers(made, test.managed); got != test.others {
			t.Errorf("%s: made by others is %v", name, got)
		}
	}
}

func TestManagers(t *testing.T) {
	managed := []metav1.ManagedFieldsEntry{
		byUs(0), byKubectl(0, `{"f:data":{}}`), byKubectl(time.Hour, `{"f:data":{}}`), entry("helm", metav1.ManagedFieldsOperationUpdate, 0, `{"f:spec":{}}`),
		entry("labels-only", metav1.ManagedFieldsOperationUpdate, 0, `{"f:metadata":{"f:labels":{"f:a":{},"f:b":{}}}}`),
	}
	if got := Managers(managed); !slices.Equal(got, []string{"helm", "kubectl"}) {
		t.Errorf("the managers are %v", got)
	}
	if !LabelledByOthers(managed, []string{"a", "b"}) || LabelledByOthers(managed, []string{"a", "c"}) {
		t.Error("who labelled it is not told")
	}
}
