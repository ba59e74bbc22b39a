package e2e

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

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// repository stands in for Flux's source-controller: what it would have fetched
// from Git is served on the loopback address, and named in the status of the
// GitRepository.
type repository struct {
	// folder is what is in Git.
	folder string
	// artifacts are what is served of it.
	artifacts string
	server    *httptest.Server
	commits   int
}

func serveRepository() *repository {
	r := &repository{folder: GinkgoT().TempDir(), artifacts: GinkgoT().TempDir()}
	r.server = httptest.NewServer(http.FileServer(http.Dir(r.artifacts)))
	DeferCleanup(r.server.Close)
	return r
}

// commit makes a revision of what is in the folder now, and returns it.
func (r *repository) commit(ctx context.Context) (revision string) {
	GinkgoHelper()
	r.commits++
	revision = fmt.Sprintf("main@sha1:%040x", r.commits)
	file := fmt.Sprintf("%d.tar.gz", r.commits)
	tarball := tarOf(r.folder)
	Expect(os.WriteFile(filepath.Join(r.artifacts, file), tarball, 0o600)).To(Succeed())

	source := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository"}}
	Expect(cluster.Get(ctx, client.ObjectKey{Namespace: fluxNamespace, Name: "ilp"}, source)).To(Succeed())
	before := source.DeepCopy()
	Expect(unstructured.SetNestedMap(source.Object, map[string]any{
		"observedGeneration": source.GetGeneration(),
		"artifact": map[string]any{
			"path": file, "url": r.server.URL + "/" + file, "revision": revision, "digest": fmt.Sprintf("sha256:%x", sha256.Sum256(tarball)),
			"size": int64(len(tarball)), "lastUpdateTime": metav1.Now().UTC().Format(time.RFC3339),
		},
	}, "status")).To(Succeed())
	Expect(cluster.Status().Patch(ctx, source, client.MergeFrom(before))).To(Succeed())
	return revision
}

func tarOf(folder string) []byte {
	GinkgoHelper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	Expect(archive.AddFS(os.DirFS(folder))).To(Succeed())
	Expect(archive.Close()).To(Succeed())
	Expect(zipped.Close()).To(Succeed())
	return out.Bytes()
}
