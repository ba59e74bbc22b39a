package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"ilp.health/operator/test/testenv"
)

var graphDefinitions = schema.GroupVersionResource{Group: "kro.run", Version: "v1alpha1", Resource: "resourcegraphdefinitions"}

// kroPatience is how long kro may take to make a kind of a graph.
const kroPatience = time.Minute

func kroBinary(*bench) string { return cached("kro") }

// kroShape is how the stacks are put into graphs.
type kroShape struct {
	workers string
	graphs  func(stacks) ([]graph, error)
}

var (
	// kro applies what a graph holds at once, so one worker is the fastest here.
	kroPerDistrict = kroShape{"1", func(s stacks) ([]graph, error) {
		g, err := s.whole()
		return []graph{g}, err
	}}
	kroPerPuskesmas = kroShape{"4", stacks.apart}
)

// kro brings the objects up by graphs that say what the stacks have in common.
func kro(name, what string, shape kroShape) contestant {
	return contestant{
		name: name, what: what, program: kroBinary,
		installs: func(b *bench) ([]testenv.Option, error) {
			var option testenv.Option
			err := recovered(func() { option = testenv.WithCRDs(testenv.Kro(&harness{ctx: b.ctx})) })
			return []testenv.Option{option}, err
		},
		bring: func(ctx context.Context, a *attempt) error { return bringByKro(ctx, a, shape) },
	}
}

func bringByKro(ctx context.Context, a *attempt, shape kroShape) error {
	stacks, err := stacksOf(a.objects)
	if err != nil {
		return err
	}
	graphs, err := shape.graphs(stacks)
	if err != nil {
		return fmt.Errorf("kro: %w", err)
	}
	controller, err := a.startPeer(ctx, kroBinary(a.bench), nil,
		"--metrics-bind-address=0", "--health-probe-bind-address=0", "--zap-log-level=error", "--client-qps=5000", "--client-burst=5000",
		"--dynamic-controller-rate-limiter-rate-limit=5000", "--dynamic-controller-rate-limiter-burst-limit=5000",
		"--dynamic-controller-concurrent-reconciles="+shape.workers)
	if err != nil {
		return err
	}
	for _, g := range graphs {
		if err := create(ctx, a.cluster, graphDefinitions, g.definition); err != nil {
			return err
		}
		if err := a.awaitGraph(ctx, g, controller); err != nil {
			return err
		}
	}
	if err := a.start(ctx); err != nil {
		return err
	}
	// As with the operator, people bring the Namespaces.
	if err := a.wave.applyNamespaces(ctx, a.cluster); err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(bareInFlight)
	for _, g := range graphs {
		for n, spec := range g.instances {
			group.Go(func() error {
				return create(ctx, a.cluster, g.resource, map[string]any{
					"kind": g.kind, "spec": spec, "metadata": map[string]any{"name": fmt.Sprintf("contoh-%d", n+1), "namespace": operatorNamespace},
				})
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return a.awaitObjectsOf(controller)
}

// awaitGraph waits until kro serves a graph's kind.
func (a *attempt) awaitGraph(ctx context.Context, g graph, controller *operator) error {
	var says string
	for deadline := time.Now().Add(kroPatience); time.Now().Before(deadline); {
		if err := controller.died(a.peerLog()); err != nil {
			return err
		}
		definition, err := a.cluster.dynamic.Resource(graphDefinitions).Get(ctx, g.name(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		if state, _, _ := unstructured.NestedString(definition.Object, "status", "state"); state == "Active" {
			return a.sleep(2 * time.Second)
		}
		conditions, _, _ := unstructured.NestedFieldNoCopy(definition.Object, "status", "conditions")
		says = fmt.Sprint(conditions)
		if err := a.sleep(100 * time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("kro does not serve the graph %s: %s", g.name(), says)
}
