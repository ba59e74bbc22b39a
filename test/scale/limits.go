package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// The limits are the least that the same work takes: nobody is faster who sends
// the same requests. Three of them, because an operator may create instead of
// apply, and has resources and statuses to care for.
const (
	limitApply     = "bare"
	limitPost      = "bare-post"
	limitResources = "bare-crs"
)

// applyPatch is the content type of server-side apply; JSON is YAML.
const applyPatch = string(types.ApplyYAMLPatchType)

func applies(path string, body json.RawMessage, manager string) call {
	return call{http.MethodPatch, path + "?force=true&fieldManager=" + manager, applyPatch, body}
}

// bareApply is every object by server-side apply, Namespaces first.
func (b *bench) bareApply() (stages [][]call, users requests) {
	return b.stages(func(object applied) call { return applies(object.Path, object.Body, v1alpha1.ManagerName) }), nil
}

// barePost is every object by POST.
func (b *bench) barePost() (stages [][]call, users requests) {
	return b.stages(func(object applied) call {
		return call{http.MethodPost, path.Dir(object.Path) + "?fieldManager=" + v1alpha1.ManagerName, "application/json", object.Body}
	}), nil
}

// bareResources is every object by server-side apply, with the user's apply of
// every District and Puskesmas, and one status for each when all is there.
func (b *bench) bareResources() (stages [][]call, users requests) {
	stages, _ = b.bareApply()
	users = requests{}
	var resources, statuses []call
	for _, resource := range b.captured {
		resources = append(resources, applies(resource.Path, resource.Body, "gitops"))
		users[requestName("apply", resource.Plural, "")]++
		statuses = append(statuses, call{
			http.MethodPatch, resource.Path + "/status?fieldManager=" + v1alpha1.ManagerName, string(types.MergePatchType), resource.Status,
		})
	}
	stages[1] = append(resources, stages[1]...)
	return append(stages, statuses), users
}

func (b *bench) stages(as func(applied) call) [][]call {
	stages := make([][]call, 2)
	for _, object := range b.objects {
		stage := 1
		if object.Key.Resource == "namespaces" {
			stage = 0
		}
		stages[stage] = append(stages[stage], as(object))
	}
	return stages
}

// resource is a District or a Puskesmas as a user applies it, and the status
// that it had in the end.
type resource struct {
	Plural, Path string
	Body, Status json.RawMessage
}

// captureResources reads the statuses that the operator has written.
func (w wave) captureResources(ctx context.Context, c *cluster) ([]resource, error) {
	var out []resource
	for _, object := range w.resources() {
		body, err := json.Marshal(object)
		if err != nil {
			return nil, err
		}
		live := object.DeepCopyObject().(client.Object)
		if err := c.Client.Get(ctx, client.ObjectKeyFromObject(object), live); err != nil {
			return nil, err
		}
		var status any
		plural := "districts"
		switch o := live.(type) {
		case *v1alpha1.District:
			status = o.Status
		case *v1alpha1.Puskesmas:
			status, plural = o.Status, "puskesmas"
		}
		patch, err := json.Marshal(map[string]any{"status": status})
		if err != nil {
			return nil, err
		}
		gvr := schema.GroupVersionResource{Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Resource: plural}
		out = append(out, resource{plural, pathOf(key{gvr, object.GetNamespace(), object.GetName()}), body, patch})
	}
	return out, nil
}

// bringByBareClient has the bare client send its calls. What it asks for in the
// user's place is not counted as its own, as with the operator.
func bringByBareClient(calls func(*bench) ([][]call, requests)) func(context.Context, *attempt) error {
	return func(ctx context.Context, a *attempt) error {
		kubeconfig, err := a.cluster.kubeconfig(ctx, bareAccount)
		if err != nil {
			return err
		}
		stages, users := calls(a.bench)
		content, err := json.Marshal(stages)
		if err != nil {
			return err
		}
		file := filepath.Join(a.cluster.folder, "calls.json")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return err
		}
		if err := a.start(ctx); err != nil {
			return err
		}
		result, used, err := startBareClient(ctx, kubeconfig, file)
		if err != nil {
			return err
		}
		// Reading its file is no part of what it does.
		a.began = result.Start
		a.outcome.Done = result.End.Sub(result.Start)
		a.spent(used)
		a.cluster.tally.by(users)
		return nil
	}
}

func limit(name, what string, calls func(*bench) ([][]call, requests)) contestant {
	return contestant{name: name, what: fmt.Sprintf("bare client, %s", what), bring: bringByBareClient(calls)}
}
