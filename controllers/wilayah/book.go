package wilayah

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

	"ilp.health/operator/api/v1alpha1"
)

// registryKey is the key of the ConfigMaps that holds the CSV. A ConfigMap holds
// 1 MiB and all of Indonesia takes more than two, so there is one for each
// province.
const registryKey = "wilayah.csv"

// NewCache returns a cache of the ConfigMaps of the registry: those of
// one namespace that carry its label. The manager's own cache holds ConfigMaps
// without what is in them.
func NewCache(mgr ctrl.Manager, namespace string) (cache.Cache, error) {
	return cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient:           mgr.GetHTTPClient(),
		Scheme:               mgr.GetScheme(),
		Mapper:               mgr.GetRESTMapper(),
		DefaultNamespaces:    map[string]cache.Config{namespace: {}},
		DefaultLabelSelector: labels.SelectorFromSet(labels.Set{v1alpha1.LabelRegistry: v1alpha1.RegistryWilayah}),
		DefaultTransform:     onlyPage,
	})
}

// onlyPage keeps the CSV and drops copies of it, such as kubectl's annotation.
func onlyPage(in any) (any, error) {
	if c, ok := in.(*corev1.ConfigMap); ok {
		c.ManagedFields, c.Annotations, c.BinaryData = nil, nil, nil
		c.Data = map[string]string{registryKey: c.Data[registryKey]}
	}
	return in, nil
}

// Book is the registry in the cluster: a ConfigMap is a page of it, and each
// version is read once. Its zero value is ready for use.
type Book struct {
	mu   sync.Mutex
	read map[types.UID]page
}

// page is what one ConfigMap says.
type page struct {
	resourceVersion string
	places          *Registry
	// problem says why it cannot be read.
	problem string
}

// Of returns the registry of a province, which is nil if there is none, and the
// problems of ConfigMaps that cannot be read.
func (b *Book) Of(ctx context.Context, c client.Reader, province string) (*Registry, string, error) {
	var list corev1.ConfigMapList
	// They are only read, and would be copied with every district.
	if err := c.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, "", fmt.Errorf("list the ConfigMaps of the registry: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.ConfigMap) int { return strings.Compare(a.Name, b.Name) })
	b.mu.Lock()
	defer b.mu.Unlock()
	pages := make(map[types.UID]page, len(list.Items))
	var known []*Registry
	var problems []string
	for i := range list.Items {
		p := b.page(&list.Items[i])
		pages[list.Items[i].UID] = p
		switch {
		case p.problem != "":
			problems = append(problems, p.problem)
		case p.places.Knows(province, KabKota):
			known = append([]*Registry{p.places}, known...)
		case p.places.Knows(province, Kecamatan), p.places.Knows(province, Desa):
			known = append(known, p.places)
		}
	}
	b.read = pages // without those that are gone
	if len(known) == 0 {
		return nil, strings.Join(problems, "; "), nil
	}
	return Join(known...), strings.Join(problems, "; "), nil
}

func (b *Book) page(c *corev1.ConfigMap) page {
	if known, ok := b.read[c.UID]; ok && known.resourceVersion == c.ResourceVersion {
		return known
	}
	p := page{resourceVersion: c.ResourceVersion}
	places, problems := Read([]byte(c.Data[registryKey]))
	if len(problems) > 0 {
		p.problem = fmt.Sprintf("key %s of ConfigMap %s: %v", registryKey, c.Name, &problems[0])
	}
	p.places = places
	return p
}
