package district

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

func quantity(text string) *resource.Quantity {
	q := resource.MustParse(text)
	return &q
}

func TestNoRoom(t *testing.T) {
	place := func(capacity, maximum string) storagev1.CSIStorageCapacity {
		c := storagev1.CSIStorageCapacity{StorageClassName: "fast"}
		if capacity != "" {
			c.Capacity = quantity(capacity)
		}
		if maximum != "" {
			c.MaximumVolumeSize = quantity(maximum)
		}
		return c
	}
	elsewhere := place("1Mi", "")
	elsewhere.StorageClassName = "slow"
	for name, test := range map[string]struct {
		size, growing string
		places        []storagev1.CSIStorageCapacity
		want          string
	}{
		"nobody tells":                    {"100Ti", "", nil, ""},
		"another class tells":             {"100Gi", "", []storagev1.CSIStorageCapacity{elsewhere}, ""},
		"one place does not tell":         {"100Gi", "", []storagev1.CSIStorageCapacity{place("1Gi", ""), place("", "")}, ""},
		"a new one fits in one place":     {"10Gi", "", []storagev1.CSIStorageCapacity{place("1Gi", ""), place("10Gi", "")}, ""},
		"a new one fits nowhere":          {"10Gi", "", []storagev1.CSIStorageCapacity{place("1Gi", ""), place("9Gi", "")}, `largest volume that StorageClass "fast" has room for is 9Gi`},
		"a new one is larger than any":    {"10Gi", "", []storagev1.CSIStorageCapacity{place("100Gi", "8Gi")}, "is 8Gi"},
		"one that grows needs the step":   {"10Gi", "2Gi", []storagev1.CSIStorageCapacity{place("2Gi", "")}, ""},
		"there is no room for the step":   {"10Gi", "2Gi", []storagev1.CSIStorageCapacity{place("1Gi", "")}, `has room for 1Gi more at most, and a volume needs 2Gi more`},
		"it would be larger than any":     {"10Gi", "2Gi", []storagev1.CSIStorageCapacity{place("100Gi", "9Gi")}, "is 9Gi"},
		"it grows where only limits told": {"10Gi", "2Gi", []storagev1.CSIStorageCapacity{place("", "16Gi")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := demand{class: "fast", size: *quantity(test.size)}
			if test.growing != "" {
				d.growing = quantity(test.growing)
			}
			got := noRoom(d, test.places)
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("%q does not say %q", got, test.want)
			}
		})
	}
}

func TestOverQuota(t *testing.T) {
	quota := func(name corev1.ResourceName, hard, used string) corev1.ResourceQuota {
		return corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Name: "cluster"},
			Status: corev1.ResourceQuotaStatus{
				Hard: corev1.ResourceList{name: *quantity(hard)}, Used: corev1.ResourceList{name: *quantity(used)},
			},
		}
	}
	own := quota("requests.storage", "1Gi", "1Gi")
	own.Labels = map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagerName}
	for name, test := range map[string]struct {
		quota corev1.ResourceQuota
		want  string
	}{
		"room":                        {quota("requests.storage", "5Gi", "2Gi"), ""},
		"no room":                     {quota("requests.storage", "5Gi", "3Gi"), "ResourceQuota cluster leaves 2Gi of requests.storage, and the volumes need 3Gi more: raise it"},
		"no room in the class":        {quota("fast.storageclass.storage.k8s.io/requests.storage", "5Gi", "3Gi"), "leaves 2Gi of fast.storageclass"},
		"another class":               {quota("slow.storageclass.storage.k8s.io/requests.storage", "5Gi", "5Gi"), ""},
		"our own, which follows suit": {own, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := overQuota(demand{class: "fast", more: *quantity("3Gi")}, []corev1.ResourceQuota{test.quota})
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("%q does not say %q", got, test.want)
			}
		})
	}
}

func TestGrowthOf(t *testing.T) {
	claim := func(asks, has string, state corev1.ClaimResourceStatus, conditions ...corev1.PersistentVolumeClaimCondition) corev1.PersistentVolumeClaim {
		return corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: "database-1"},
			Spec:       corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": *quantity(asks)}}},
			Status: corev1.PersistentVolumeClaimStatus{
				Phase: corev1.ClaimBound, Capacity: corev1.ResourceList{"storage": *quantity(has)}, Conditions: conditions,
				AllocatedResourceStatuses: map[corev1.ResourceName]corev1.ClaimResourceStatus{"storage": state},
			},
		}
	}
	condition := func(kind corev1.PersistentVolumeClaimConditionType, message string) corev1.PersistentVolumeClaimCondition {
		return corev1.PersistentVolumeClaimCondition{Type: kind, Status: corev1.ConditionTrue, Message: message}
	}
	pending := claim("2Gi", "0", "")
	pending.Status.Phase = corev1.ClaimPending
	for name, test := range map[string]struct {
		claim   corev1.PersistentVolumeClaim
		reason  string // empty: nothing is waited for
		message string
		stalled bool
	}{
		"it has the size":    {claim("2Gi", "2Gi", ""), "", "", false},
		"it has more":        {claim("2Gi", "3Gi", ""), "", "", false},
		"it is new":          {pending, "", "", false},
		"nobody has asked":   {claim("1Gi", "1Gi", ""), v1alpha1.ReasonProgressing, "volume claim database-1 grows from 1Gi to 2Gi: its resize has not begun", false},
		"it is on its way":   {claim("2Gi", "1Gi", corev1.PersistentVolumeClaimControllerResizeInProgress), v1alpha1.ReasonProgressing, "ControllerResizeInProgress", false},
		"its file system is": {claim("2Gi", "1Gi", "", condition("FileSystemResizePending", "waiting for user to (re-)start a pod")), v1alpha1.ReasonProgressing, "FileSystemResizePending: waiting for user", false},
		"it fails for now":   {claim("2Gi", "1Gi", "", condition("Resizing", ""), condition("ControllerResizeError", "no space left")), v1alpha1.ReasonInfrastructureFailed, "ControllerResizeError: no space left", false},
		"it is infeasible": {
			claim("2Gi", "1Gi", corev1.PersistentVolumeClaimControllerResizeInfeasible, condition("ControllerResizeError", "out of range")),
			v1alpha1.ReasonStorageRefused, "cannot grow from 1Gi to 2Gi: its driver refuses: ControllerResizeInfeasible: ControllerResizeError: out of range", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := growthOf([]corev1.PersistentVolumeClaim{test.claim}, volumes{text: "2Gi", size: *quantity("2Gi")})
			switch {
			case test.reason == "" && got != nil:
				t.Errorf("waits: %v", got.stop)
			case test.reason == "":
			case got == nil:
				t.Error("waits for nothing")
			case got.stop.Reason != test.reason || got.stop.Stalled != test.stalled || !strings.Contains(got.stop.Message, test.message):
				t.Errorf("%+v is not %s: %s", got.stop, test.reason, test.message)
			}
		})
	}
}
