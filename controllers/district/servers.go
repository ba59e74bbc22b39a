package district

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/status"
)

// awaitServers waits after a change of release until every PostgreSQL server
// runs its image. CloudNativePG says Ready for a moment longer of the servers
// that it is about to replace, so their pods are looked at, once for a release;
// and once where the status is lost.
func (r *Reconciler) awaitServers(ctx context.Context, s *scope) error {
	running := &s.district.Status.Release.Database
	if *running == s.release.Name {
		return nil
	}
	if *running != "" || (s.record != nil && s.record.SystemID != "") {
		var pods corev1.PodList
		if err := r.APIReader.List(ctx, &pods, client.InNamespace(s.namespace), client.MatchingLabels{cnpg.LabelCluster: cnpg.Name, cnpg.LabelPodRole: cnpg.PodRoleServer}); err != nil {
			return fmt.Errorf("list the pods of PostgreSQL: %w", err)
		}
		image := s.databaseImage()
		for i := range pods.Items {
			if !cnpg.Serves(&pods.Items[i], image) {
				message := "waiting for PostgreSQL to run image " + image
				s.conditions.False(v1alpha1.ConditionDatabaseReady, v1alpha1.ReasonProgressing, message)
				return status.Waiting(r.Pace.StageRecheck, v1alpha1.ReasonProgressing, "%s", message)
			}
		}
	}
	*running = s.release.Name
	return nil
}

// databaseImage is the image that the rendered Cluster asks for, patches included.
func (s *scope) databaseImage() string {
	for _, obj := range s.objects[componentDatabase] {
		if image, found, _ := unstructured.NestedString(obj.Object, "spec", "imageName"); found {
			return image
		}
	}
	return ""
}
