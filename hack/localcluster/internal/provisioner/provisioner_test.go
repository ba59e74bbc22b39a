package provisioner

import (
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

func claim(asked, has string, modes ...corev1.PersistentVolumeAccessMode) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: modes,
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(asked)}},
		},
		Status: corev1.PersistentVolumeClaimStatus{
			Phase: corev1.ClaimBound, Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(has)},
		},
	}
}

func TestProvisionAndDelete(t *testing.T) {
	root := t.TempDir()
	f := folders{root: root}
	policy := corev1.PersistentVolumeReclaimDelete
	options := controller.ProvisionOptions{
		PVName: "pvc-1", PVC: claim("1Gi", "1Gi", corev1.ReadWriteOnce), SelectedNodeName: "node",
		StorageClass: &storagev1.StorageClass{ReclaimPolicy: &policy},
	}
	volume, _, err := f.Provision(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(root, "pvc-1")); err != nil || !info.IsDir() {
		t.Fatalf("no folder: %v", err)
	}
	if err := f.Delete(t.Context(), volume); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "pvc-1")); !os.IsNotExist(err) {
		t.Errorf("folder is still there: %v", err)
	}

	options.SelectedNodeName = ""
	if _, _, err := f.Provision(t.Context(), options); err == nil {
		t.Error("a volume without a node")
	}
	options.SelectedNodeName, options.PVC = "node", claim("1Gi", "1Gi", corev1.ReadWriteMany)
	if _, _, err := f.Provision(t.Context(), options); err == nil {
		t.Error("a volume for many nodes")
	}
}

func TestDeleteStaysInItsFolder(t *testing.T) {
	root := t.TempDir()
	victim := filepath.Join(filepath.Dir(root), "victim")
	if err := os.MkdirAll(victim, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{victim, root, root + "/../victim", root + "/a/b", "/"} {
		volume := &corev1.PersistentVolume{}
		volume.Spec.Local = &corev1.LocalVolumeSource{Path: path}
		if err := (folders{root: root}).Delete(t.Context(), volume); err == nil {
			t.Errorf("%s was deleted", path)
		}
	}
	if err := (folders{root: root}).Delete(t.Context(), &corev1.PersistentVolume{}); err == nil {
		t.Error("a volume that is not local was deleted")
	}
}

func TestWants(t *testing.T) {
	if _, grows := wants(claim("2Gi", "1Gi")); !grows {
		t.Error("a claim for more does not grow")
	}
	if _, grows := wants(claim("1Gi", "1Gi")); grows {
		t.Error("a satisfied claim grows")
	}
}
