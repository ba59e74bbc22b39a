package provisioner

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// resync is how soon a failed expansion is tried again.
const resync = time.Minute

// expand answers claims that ask for more than they have. A folder has no
// size, so growing is only a matter of saying so, to volume and claim.
func expand(ctx context.Context, client kubernetes.Interface, ready *atomic.Bool) error {
	factory := informers.NewSharedInformerFactory(client, resync)
	volumes := factory.Core().V1().PersistentVolumes()
	lister := volumes.Lister()
	informer := factory.Core().V1().PersistentVolumeClaims().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{UpdateFunc: func(_, object any) {
		claim := object.(*corev1.PersistentVolumeClaim)
		size, grows := wants(claim)
		if !grows {
			return
		}
		volume, err := lister.Get(claim.Spec.VolumeName)
		if err != nil || volume.Annotations["pv.kubernetes.io/provisioned-by"] != Name {
			return // not ours, or not known yet: seen again at the next resync
		}
		if err := grow(ctx, client, claim, size); err != nil {
			slog.Error("expand claim", "namespace", claim.Namespace, "name", claim.Name, "error", err)
		}
	}})
	if err != nil {
		return err
	}
	volumes.Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	ready.Store(true)
	<-ctx.Done()
	return nil
}

// wants tells whether a bound claim asks for more than it has.
func wants(claim *corev1.PersistentVolumeClaim) (resource.Quantity, bool) {
	asked := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	has, known := claim.Status.Capacity[corev1.ResourceStorage]
	return asked, claim.Status.Phase == corev1.ClaimBound && known && asked.Cmp(has) > 0
}

func grow(ctx context.Context, client kubernetes.Interface, claim *corev1.PersistentVolumeClaim, size resource.Quantity) error {
	spec := fmt.Appendf(nil, `{"spec":{"capacity":{"storage":%q}}}`, size.String())
	if _, err := client.CoreV1().PersistentVolumes().Patch(ctx, claim.Spec.VolumeName, types.MergePatchType, spec, metav1.PatchOptions{}); err != nil {
		return err
	}
	status := fmt.Appendf(nil, `{"status":{"capacity":{"storage":%q}}}`, size.String())
	_, err := client.CoreV1().PersistentVolumeClaims(claim.Namespace).Patch(ctx, claim.Name, types.MergePatchType, status, metav1.PatchOptions{}, "status")
	return err
}
