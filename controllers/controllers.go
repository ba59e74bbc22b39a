// Package controllers puts the operator together.
package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/config"
	"ilp.health/operator/controllers/district"
	"ilp.health/operator/controllers/puskesmas"
	"ilp.health/operator/controllers/stack/apply"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/pace"
	"ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/stage"
	"ilp.health/operator/controllers/stack/status"
	"ilp.health/operator/controllers/stackrelease"
	"ilp.health/operator/controllers/wave"
	"ilp.health/operator/controllers/wilayah"
)

// Options of the operator.
type Options struct {
	// Identity is the service account that the operator runs as.
	Identity district.Identity
	// DistrictWorkers and PuskesmasWorkers are how many of each are worked on at once.
	DistrictWorkers, PuskesmasWorkers int
	// Clock tells the time, and Pace how long to wait for what.
	Clock clock.PassiveClock
	Pace  pace.Pace
}

// NewScheme knows the kinds that the operator reads and writes in typed form.
func NewScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

// CacheOptions keep the operator's own resources whole, and of everything else
// only what it made, cut down to what health and drift need.
func CacheOptions() cache.Options {
	everything := cache.ByObject{Label: labels.Everything(), Transform: cache.TransformStripManagedFields()}
	pinnable := cache.ByObject{Label: labels.Everything(), Transform: pin.Strip}
	return cache.Options{
		DefaultLabelSelector: labels.SelectorFromSet(labels.Set{v1alpha1.LabelManagedBy: v1alpha1.ManagerName}),
		DefaultTransform:     live.Strip,
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.District{}:     pinnable,
			&v1alpha1.Puskesmas{}:    pinnable,
			&v1alpha1.StackRelease{}: everything,
			&v1alpha1.Wave{}:         everything,
			// A namespace that a person labels as a district's is seen at once.
			&corev1.Namespace{}: {Label: labelled(v1alpha1.LabelDistrict)},
		},
	}
}

// labelled selects objects that have a label, whatever its value.
func labelled(key string) labels.Selector {
	requirement, err := labels.NewRequirement(key, selection.Exists, nil)
	utilruntime.Must(err)
	return labels.NewSelector().Add(*requirement)
}

// Add adds all controllers to a manager.
func Add(ctx context.Context, mgr ctrl.Manager, opts Options) error {
	var (
		applier  = apply.New(mgr.GetClient(), mgr.GetCache(), mgr.GetAPIReader(), opts.Clock, opts.Pace)
		renderer = render.New(config.Stack())
		stages   = &stage.Runner{Applier: applier, APIReader: mgr.GetAPIReader(), Clock: opts.Clock, Pace: opts.Pace}
		statuses = &status.Writer{Client: mgr.GetClient(), Clock: opts.Clock, Pace: opts.Pace}
		records  = &record.Store{Client: mgr.GetClient()}
		recorder = mgr.GetEventRecorder(v1alpha1.ManagerName)
	)
	registry, err := wilayah.NewCache(mgr, opts.Identity.Namespace)
	if err != nil {
		return fmt.Errorf("set up the cache of the registry: %w", err)
	}
	if err := mgr.Add(registry); err != nil {
		return fmt.Errorf("set up the cache of the registry: %w", err)
	}
	districts := &district.Reconciler{
		Client:    mgr.GetClient(),
		APIReader: mgr.GetAPIReader(),
		Recorder:  recorder,
		Applier:   applier,
		Renderer:  renderer,
		Stages:    stages,
		Statuses:  statuses,
		Records:   records,
		Registry:  registry,
		Identity:  opts.Identity,
		Clock:     opts.Clock,
		Pace:      opts.Pace,
	}
	if err := districts.SetupWithManager(ctx, mgr, opts.DistrictWorkers); err != nil {
		return fmt.Errorf("set up districts: %w", err)
	}
	facilities := &puskesmas.Reconciler{
		Client:    mgr.GetClient(),
		APIReader: mgr.GetAPIReader(),
		Recorder:  recorder,
		Applier:   applier,
		Renderer:  renderer,
		Stages:    stages,
		Statuses:  statuses,
		Records:   records,
		Clock:     opts.Clock,
		Pace:      opts.Pace,
	}
	if err := facilities.SetupWithManager(ctx, mgr, opts.PuskesmasWorkers); err != nil {
		return fmt.Errorf("set up Puskesmas: %w", err)
	}
	releases := &stackrelease.Reconciler{Client: mgr.GetClient(), Statuses: statuses, Renderer: renderer, Clock: opts.Clock, Pace: opts.Pace}
	if err := releases.SetupWithManager(ctx, mgr); err != nil {
		return fmt.Errorf("set up StackReleases: %w", err)
	}
	waves := &wave.Reconciler{Client: mgr.GetClient(), Recorder: recorder, Statuses: statuses, Clock: opts.Clock, Pace: opts.Pace}
	if err := waves.SetupWithManager(ctx, mgr); err != nil {
		return fmt.Errorf("set up waves: %w", err)
	}
	return nil
}
