package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"ilp.health/operator/test/testenv"
)

var (
	gitRepositories = schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"}
	kustomizations  = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
)

const fluxSource = "contoh"

func fluxBinary(*bench) string { return cached("kustomize-controller") }

// flux is Flux's kustomize-controller with a Kustomization for each district.
// The bench serves the repository.
func flux() contestant {
	return contestant{
		name: "flux", what: "Flux kustomize-controller, a Kustomization for each District", program: fluxBinary, bring: bringByFlux,
		installs: func(b *bench) ([]testenv.Option, error) {
			var folders []string
			err := recovered(func() { folders = testenv.Flux(&harness{ctx: b.ctx}) })
			return []testenv.Option{testenv.WithCRDs(folders...)}, err
		},
	}
}

func bringByFlux(ctx context.Context, a *attempt) error {
	tarball, err := a.repository(filepath.Join(a.cluster.folder, "repository"))
	if err != nil {
		return err
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(tarball) }))
	a.cluster.Cleanup(server.Close)
	if err := a.serveSource(ctx, server.URL, tarball); err != nil {
		return err
	}
	controller, err := a.startPeer(ctx, fluxBinary(a.bench), []string{"RUNTIME_NAMESPACE=" + operatorNamespace, "TMPDIR=" + a.cluster.folder},
		"--metrics-addr=0", "--health-addr=127.0.0.1:0", "--concurrent=8", "--concurrent-ssa=8", "--kube-api-qps=5000", "--kube-api-burst=5000")
	if err != nil {
		return err
	}
	// It says nothing of when its informers are filled.
	if err := a.sleep(5 * time.Second); err != nil {
		return err
	}
	if err := a.start(ctx); err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(bareInFlight)
	for n := range a.wave.districts {
		group.Go(func() error {
			return create(ctx, a.cluster, kustomizations, map[string]any{
				"kind": "Kustomization", "metadata": map[string]any{"name": folderName(n), "namespace": operatorNamespace},
				"spec": map[string]any{
					"interval": "10m", "prune": true, "path": "./" + folderName(n),
					"sourceRef": map[string]any{"kind": "GitRepository", "name": fluxSource},
				},
			})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return a.awaitObjectsOf(controller)
}

func folderName(n int) string { return fmt.Sprintf("contoh-%d", n+1) }

// repository is a tarball with a kustomize folder for each district.
func (a *attempt) repository(folder string) ([]byte, error) {
	for n, objects := range a.byDistrict() {
		if err := writeFolder(filepath.Join(folder, folderName(n)), objects); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	for _, step := range []func() error{func() error { return archive.AddFS(os.DirFS(folder)) }, archive.Close, zipped.Close} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// serveSource is the part of source-controller.
func (a *attempt) serveSource(ctx context.Context, url string, tarball []byte) error {
	err := create(ctx, a.cluster, gitRepositories, map[string]any{
		"kind": "GitRepository", "metadata": map[string]any{"name": fluxSource, "namespace": operatorNamespace},
		"spec": map[string]any{"url": "https://git.example/" + fluxSource, "interval": "10m"},
	})
	if err != nil {
		return err
	}
	status := fmt.Sprintf(`{"status":{"observedGeneration":1,"artifact":{"path":"1.tar.gz","url":"%s/1.tar.gz","revision":"main@sha1:%040x","digest":"sha256:%x","size":%d,"lastUpdateTime":%q}}}`,
		url, 1, sha256.Sum256(tarball), len(tarball), time.Now().UTC().Format(time.RFC3339))
	_, err = a.cluster.dynamic.Resource(gitRepositories).Namespace(operatorNamespace).Patch(ctx, fluxSource, types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status")
	return err
}

// create creates an object of a peer.
func create(ctx context.Context, c *cluster, gvr schema.GroupVersionResource, content map[string]any) error {
	object := &unstructured.Unstructured{Object: content}
	object.SetAPIVersion(gvr.GroupVersion().String())
	_, err := c.dynamic.Resource(gvr).Namespace(object.GetNamespace()).Create(ctx, object, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create %s %s: %w", gvr.Resource, object.GetName(), err)
	}
	return nil
}
