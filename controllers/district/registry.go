package district

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/wilayah"
)

// registryKey is the key of the ConfigMaps that holds the CSV. A ConfigMap holds
// 1 MiB and all of Indonesia takes more than two, so there is one for each
// province.
const registryKey = "wilayah.csv"

// NewRegistryCache returns a cache of the ConfigMaps of the registry: those of
// one namespace that carry its label. The manager's own cache holds ConfigMaps
// without what is in them.
func NewRegistryCache(mgr ctrl.Manager, namespace string) (cache.Cache, error) {
	return cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient:           mgr.GetHTTPClient(),
		Scheme:               mgr.GetScheme(),
		Mapper:               mgr.GetRESTMapper(),
		DefaultNamespaces:    map[string]cache.Config{namespace: {}},
		DefaultLabelSelector: labels.SelectorFromSet(labels.Set{v1alpha1.LabelRegistry: v1alpha1.RegistryWilayah}),
		DefaultTransform:     onlyRegistry,
	})
}

// onlyRegistry keeps the CSV and drops copies of it, such as kubectl's annotation.
func onlyRegistry(in any) (any, error) {
	if c, ok := in.(*corev1.ConfigMap); ok {
		c.ManagedFields, c.Annotations, c.BinaryData = nil, nil, nil
		c.Data = map[string]string{registryKey: c.Data[registryKey]}
	}
	return in, nil
}

// registry reads each version of a ConfigMap once.
type registry struct {
	mu   sync.Mutex
	read map[types.UID]page
}

// page is what one ConfigMap says.
type page struct {
	resourceVersion string
	places          *wilayah.Registry
	// problem says why it cannot be read.
	problem string
}

// of returns the registry of a province, which is nil if there is none, and the
// problems of ConfigMaps that cannot be read.
func (r *registry) of(ctx context.Context, c client.Reader, province string) (*wilayah.Registry, string, error) {
	var list corev1.ConfigMapList
	// They are only read, and would be copied with every district.
	if err := c.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, "", fmt.Errorf("list the ConfigMaps of the registry: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.ConfigMap) int { return strings.Compare(a.Name, b.Name) })
	r.mu.Lock()
	defer r.mu.Unlock()
	pages := make(map[types.UID]page, len(list.Items))
	var known []*wilayah.Registry
	var problems []string
	for i := range list.Items {
		p := r.page(&list.Items[i])
		pages[list.Items[i].UID] = p
		switch {
		case p.problem != "":
			problems = append(problems, p.problem)
		case p.places.Knows(province, wilayah.KabKota):
			known = append([]*wilayah.Registry{p.places}, known...)
		case p.places.Knows(province, wilayah.Kecamatan), p.places.Knows(province, wilayah.Desa):
			known = append(known, p.places)
		}
	}
	r.read = pages // without those that are gone
	if len(known) == 0 {
		return nil, strings.Join(problems, "; "), nil
	}
	return wilayah.Join(known...), strings.Join(problems, "; "), nil
}

func (r *registry) page(c *corev1.ConfigMap) page {
	if known, ok := r.read[c.UID]; ok && known.resourceVersion == c.ResourceVersion {
		return known
	}
	p := page{resourceVersion: c.ResourceVersion}
	places, problems := wilayah.Read([]byte(c.Data[registryKey]))
	if len(problems) > 0 {
		p.problem = fmt.Sprintf("key %s of ConfigMap %s: %v", registryKey, c.Name, &problems[0])
	}
	p.places = places
	return p
}

// ofRegistry finds all districts: a change in the registry is rare, and looking
// at one costs no call.
func (r *Reconciler) ofRegistry(ctx context.Context, _ *corev1.ConfigMap) []reconcile.Request {
	var districts v1alpha1.DistrictList
	if err := r.Client.List(ctx, &districts); err != nil {
		return nil // only possible while the cache is being shut down
	}
	return requestsFor(districts.Items)
}
