package testenv

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Root is the folder of the repository.
func Root(t T) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatalf("find the repository: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Fatalf("find the repository: no folder above has a go.mod")
		}
		folder = parent
	}
}

// Kustomize renders a folder, as kubectl kustomize does.
func Kustomize(t T, folder string) []*unstructured.Unstructured {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatalf("render %s: %v", folder, err)
	}
	objects := make([]*unstructured.Unstructured, 0, resources.Size())
	for _, resource := range resources.Resources() {
		content, err := resource.Map()
		if err != nil {
			t.Fatalf("render %s: %v", folder, err)
		}
		objects = append(objects, &unstructured.Unstructured{Object: content})
	}
	return objects
}

// WithCloudNativePG installs CloudNativePG's CRDs.
func WithCloudNativePG() Option {
	return func(t T, e *envtest.Environment) {
		t.Helper()
		WithCRDs(CloudNativePG(t))(t, e)
	}
}

// CloudNativePG is the folder of CloudNativePG's CRDs, in the module that
// hack/images/cloudnative-pg builds its image from.
func CloudNativePG(t T) string {
	t.Helper()
	folder := filepath.Join(Root(t), "hack/images/cloudnative-pg")
	return filepath.Join(download(t, folder, "github.com/cloudnative-pg/cloudnative-pg"), "config/crd/bases")
}

// Flux are the folders of Flux's CRDs: of the controller that hack/flux builds,
// and of the one that it would have its sources from.
func Flux(t T) []string {
	t.Helper()
	from := filepath.Join(Root(t), "hack/flux")
	return []string{
		filepath.Join(download(t, from, "github.com/fluxcd/kustomize-controller"), "config/crd/bases"),
		filepath.Join(download(t, from, "github.com/fluxcd/source-controller@v1.9.5"), "config/crd/bases"),
	}
}

// Kro is the folder of kro's CRDs, in the module that hack/kro builds.
func Kro(t T) string {
	t.Helper()
	return filepath.Join(download(t, filepath.Join(Root(t), "hack/kro"), "github.com/kubernetes-sigs/kro"), "helm/crds")
}

// download returns the folder of a module's files.
func download(t T, from, module string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module) //nolint:gosec // the modules above
	command.Dir = from
	output, err := command.Output()
	if err != nil {
		t.Fatalf("download %s for its CRDs: %s: %v", module, command, err)
	}
	var files struct{ Dir string }
	if err := json.Unmarshal(output, &files); err != nil {
		t.Fatalf("download %s for its CRDs: %v", module, err)
	}
	return files.Dir
}
