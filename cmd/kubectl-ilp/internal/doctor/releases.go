package doctor

import (
	"context"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/pin"
)

// pageOfObjects is how many are read at once: a country has 10,000 Puskesmas.
const pageOfObjects = 500

// releases looks for what an operator before 0.2.0 wrote into specs. This one
// gives it up when it first sees a resource; nobody else may take it for a pin.
func (p *patient) releases(ctx context.Context) (finding, error) {
	count, first := 0, ""
	for _, kind := range []string{"District", "Puskesmas"} {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		for more := true; more; more = list.Continue != "" {
			if err := p.client.List(ctx, list, client.Limit(pageOfObjects), client.Continue(list.Continue)); err != nil {
				return finding{}, err
			}
			for i := range list.Items {
				object := &list.Items[i]
				if !pin.Written(object) {
					continue
				}
				if count++; count == 1 {
					first = kind + " " + strings.TrimPrefix(client.ObjectKeyFromObject(object).String(), "/")
				}
			}
		}
	}
	if count > 0 {
		return warned("see that the operator of this version runs, and that they are not Suspended",
			"spec.release of %d Districts and Puskesmas, such as %s, is what an operator before 0.2.0 wrote, and not given up yet", count, first)
	}
	return passed("spec.release is nobody's but people's")
}
