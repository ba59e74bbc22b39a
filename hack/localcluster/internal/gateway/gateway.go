// Package gateway is the local cluster's ingress controller: it serves the
// hosts of networking.k8s.io/v1 Ingresses on one address of this machine and
// passes requests on to the ready pods. Plain HTTP, for one person's browser.
package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	"ilp.health/operator/hack/localcluster/internal/health"
)

// ClassName is the IngressClass that is served.
const ClassName = "local"

// Options of the gateway.
type Options struct {
	Kubeconfig    string
	HealthAddress string
	// Address is where Ingress hosts are served.
	Address string
}

// Run serves until ctx ends.
func Run(ctx context.Context, o Options) error {
	config, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	r := &resolver{
		ingresses: factory.Networking().V1().Ingresses().Lister(),
		services:  factory.Core().V1().Services().Lister(),
		slices:    factory.Discovery().V1().EndpointSlices().Lister(),
	}
	publisher, err := newPublisher(client, o.Address)
	if err != nil {
		return err
	}
	changed := func(object any) {
		r.rebuild()
		publisher.publish(ctx, object)
	}
	if _, err := factory.Networking().V1().Ingresses().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: changed, UpdateFunc: func(_, object any) { changed(object) }, DeleteFunc: func(any) { r.rebuild() },
	}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("no list of %s from the API server", kind)
		}
	}
	slog.Info("serving", "address", o.Address, "ingressClass", ClassName)
	failed := make(chan error, 2)
	go func() { failed <- health.ListenAndServe(ctx, o.Address, newProxy(r)) }()
	go func() { failed <- health.Serve(ctx, o.HealthAddress, func() bool { return true }) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// resolver answers from the caches which pods a request goes to.
type resolver struct {
	ingresses networkinglisters.IngressLister
	services  corelisters.ServiceLister
	slices    discoverylisters.EndpointSliceLister
	rules     atomic.Pointer[[]rule]
}

// rebuild sorts the rules anew after an Ingress changed, so that requests
// need not.
func (r *resolver) rebuild() {
	all, err := r.ingresses.List(labels.Everything())
	if err != nil {
		slog.Error("list Ingresses", "error", err)
		return
	}
	sorted := rules(all)
	r.rules.Store(&sorted)
}

func (r *resolver) resolve(host, path string) ([]string, error) {
	var all []rule
	if stored := r.rules.Load(); stored != nil {
		all = *stored
	}
	found, err := match(all, host, path)
	if err != nil {
		return nil, err
	}
	var service *corev1.Service
	var endpointSlices []*discoveryv1.EndpointSlice
	if backend := found.backend.Service; backend != nil {
		service, err = r.services.Services(found.ns).Get(backend.Name)
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
		endpointSlices, err = r.slices.EndpointSlices(found.ns).List(labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: backend.Name}))
		if err != nil {
			return nil, err
		}
	}
	return endpoints(found, service, endpointSlices)
}
