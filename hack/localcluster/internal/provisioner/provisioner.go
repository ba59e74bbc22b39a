// Package provisioner makes PersistentVolumes out of folders on the node, as
// a cloud's disks would be made: when the first pod needs one, deleted with
// its claim if the reclaim policy says so, and grown on demand.
//
// Volumes are of type local, not hostPath, because only for those does the
// kubelet hand the folder to the pod's fsGroup, as it does for real disks.
package provisioner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"ilp.health/operator/hack/localcluster/internal/health"
)

// Name is the provisioner's name in StorageClasses.
const Name = "local.ilp.health/folder"

// Options of the provisioner.
type Options struct {
	Kubeconfig    string
	HealthAddress string
	// Folder is where a volume gets a folder of its own.
	Folder string
}

// Run provisions volumes until ctx ends.
func Run(ctx context.Context, o Options) error {
	config, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return err
	}
	var ready atomic.Bool
	failed := make(chan error, 2)
	go func() { failed <- health.Serve(ctx, o.HealthAddress, ready.Load) }()
	go func() { failed <- expand(ctx, client, &ready) }()
	go controller.NewProvisionController(ctx, client, Name, folders{root: o.Folder},
		controller.LeaderElection(false), controller.MetricsPort(0)).Run(ctx)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

type folders struct{ root string }

var _ controller.Provisioner = folders{}

// Provision makes the volume's folder and describes it.
func (f folders) Provision(_ context.Context, o controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	for _, mode := range o.PVC.Spec.AccessModes {
		if mode == corev1.ReadWriteMany || mode == corev1.ReadOnlyMany {
			return nil, controller.ProvisioningFinished, fmt.Errorf("access mode %s is not supported: a volume here is on one node, as a disk is; use ReadWriteOnce", mode)
		}
	}
	if o.SelectedNodeName == "" {
		return nil, controller.ProvisioningFinished, errors.New("no node was selected: the StorageClass needs volumeBindingMode WaitForFirstConsumer")
	}
	path := filepath.Join(f.root, o.PVName)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	filesystem := corev1.PersistentVolumeFilesystem
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			AccessModes:                   o.PVC.Spec.AccessModes,
			VolumeMode:                    &filesystem,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: o.PVC.Spec.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: path}},
			NodeAffinity:                  onNode(o.SelectedNodeName),
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes the folder of a released volume whose policy is Delete; the
// controller does not ask for any other.
func (f folders) Delete(_ context.Context, volume *corev1.PersistentVolume) error {
	if volume.Spec.Local == nil {
		return fmt.Errorf("volume %s is not a local one", volume.Name)
	}
	path := filepath.Clean(volume.Spec.Local.Path)
	if filepath.Dir(path) != filepath.Clean(f.root) || strings.HasPrefix(filepath.Base(path), ".") {
		return fmt.Errorf("volume %s is at %s, outside of %s: it is not deleted", volume.Name, path, f.root)
	}
	return os.RemoveAll(path)
}

func onNode(name string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{
			Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{name},
		}},
	}}}}
}
