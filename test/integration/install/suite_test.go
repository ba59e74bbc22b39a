// Package install proves against a real API server that the operator is
// installed, upgraded from 0.1.0 and uninstalled by kubectl and by Flux without
// taking the guards or any data along. hack/chart/lifecycle does it by Helm.
package install_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kustomize "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/test/testenv"
)

func TestInstall(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Install, upgrade, uninstall")
}

const (
	guards  = "config/guards"
	current = "config/default"
	// soon is how long the API server may take to enforce what it has just been told.
	soon = 2 * time.Minute
)

// data is what a district's namespace holds, made by hand: nothing runs here.
const data = `
apiVersion: v1
kind: Secret
metadata: {name: tebidah-database, namespace: ilp-6105, labels: {ilp.health/district: "61.05", ilp.health/stateful: "true"}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: database-1, namespace: ilp-6105, labels: {ilp.health/district: "61.05", ilp.health/stateful: "true"}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: database, namespace: ilp-6105, labels: {ilp.health/district: "61.05", ilp.health/stateful: "true"}}
spec: {instances: 1, storage: {size: 1Gi}}
---
apiVersion: postgresql.cnpg.io/v1
kind: Database
metadata: {name: tebidah-database, namespace: ilp-6105, labels: {ilp.health/district: "61.05", ilp.health/stateful: "true"}}
spec: {cluster: {name: database}, name: p6107080201, owner: p6107080201}
`

// The kinds of which nothing may go.
var (
	guardKinds = []schema.GroupVersionKind{
		{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicy"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicyBinding"},
		{Version: "v1", Kind: "Namespace"},
	}
	dataKinds = []schema.GroupVersionKind{
		{Group: "ilp.health", Version: "v1alpha1", Kind: "District"},
		{Group: "ilp.health", Version: "v1alpha1", Kind: "Puskesmas"},
		{Group: "postgresql.cnpg.io", Version: "v1", Kind: "Cluster"},
		{Group: "postgresql.cnpg.io", Version: "v1", Kind: "Database"},
		{Version: "v1", Kind: "PersistentVolumeClaim"},
		{Version: "v1", Kind: "Secret"},
	}
)

// cluster is an API server of a spec's own.
type cluster struct {
	*testenv.Environment
	root, kubeconfig string
}

func start() *cluster {
	GinkgoHelper()
	environment := testenv.StartBare(GinkgoT(), testenv.WithCloudNativePG())
	return &cluster{Environment: environment, root: testenv.Root(GinkgoT()), kubeconfig: environment.KubeConfig()}
}

// bash runs commands at the root of the repository.
func (c *cluster) bash(ctx context.Context, script string) (string, error) {
	run := exec.CommandContext(ctx, "bash", "-euc", script) //nolint:gosec // the commands are the repository's own
	run.Dir = c.root
	run.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig, "PATH="+os.Getenv("KUBEBUILDER_ASSETS")+":"+os.Getenv("PATH"))
	output, err := run.CombinedOutput()
	GinkgoWriter.Printf("$ %s\n%s\n", script, output)
	return string(output), err
}

// must runs commands that are to succeed.
func (c *cluster) must(ctx context.Context, script string) {
	GinkgoHelper()
	output, err := c.bash(ctx, script)
	Expect(err).NotTo(HaveOccurred(), "%s\n%s", script, output)
}

// fill makes a district with data, and waits until the guards guard it.
func (c *cluster) fill(ctx context.Context) {
	GinkgoHelper()
	c.must(ctx, "kubectl apply -k config/samples/sintang && kubectl apply -f - <<'END'"+data+"END")
	c.awaitGuards(ctx)
}

// awaitGuards waits until the District keeps its CRD and the operator.
func (c *cluster) awaitGuards(ctx context.Context) {
	GinkgoHelper()
	Eventually(func() string {
		output, _ := c.bash(ctx, "kubectl delete --dry-run=server crd/districts.ilp.health -n ilp-system deployment/ilp-operator || true")
		return output
	}).WithContext(ctx).WithTimeout(soon).WithPolling(time.Second).Should(And(
		ContainSubstring("customresourcedefinitions districts.ilp.health belongs to the ILP operator"),
		ContainSubstring("deployments ilp-operator belongs to the ILP operator"),
	))
}

// kept is everything that must not go: the guards, the resources and the data.
func (c *cluster) kept(ctx context.Context) map[string]types.UID {
	GinkgoHelper()
	return c.keptOf(ctx, slices.Concat(guardKinds, dataKinds))
}

func (c *cluster) keptOf(ctx context.Context, kinds []schema.GroupVersionKind) map[string]types.UID {
	GinkgoHelper()
	uids := map[string]types.UID{}
	for _, kind := range kinds {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		Expect(c.Client.List(ctx, list)).To(Succeed())
		for _, object := range list.Items {
			if kind.Kind == "Namespace" && !strings.HasPrefix(object.GetName(), "ilp-") {
				continue // the API server makes its own when it likes
			}
			Expect(object.GetDeletionTimestamp()).To(BeNil(), "%s %s", kind.Kind, object.GetName())
			uids[kind.Kind+" "+object.GetName()] = object.GetUID()
		}
	}
	return uids
}

// exists says whether an object is there.
func (c *cluster) exists(ctx context.Context, kind schema.GroupVersionKind, namespace, name string) bool {
	GinkgoHelper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	err := c.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
	Expect(client.IgnoreNotFound(err)).NotTo(HaveOccurred())
	return err == nil
}

func (c *cluster) operatorExists(ctx context.Context) bool {
	GinkgoHelper()
	return c.exists(ctx, schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, "ilp-system", "ilp-operator")
}

// earlier is a folder such as config/default was in 0.1.0: guards and operator as
// one, and nothing on them that keeps a tool from pruning.
func (c *cluster) earlier() string {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	content := kustomize.Kustomization{
		Resources: []string{"namespace.yaml"},
		Labels:    []kustomize.Label{{Pairs: map[string]string{"app.kubernetes.io/part-of": "ilp"}}},
	}
	for _, part := range []string{"crd", "policy", "rbac", "manager"} {
		path, err := filepath.Rel(folder, filepath.Join(c.root, "config", part))
		Expect(err).NotTo(HaveOccurred())
		content.Resources = append(content.Resources, path)
	}
	text, err := yaml.Marshal(content)
	Expect(err).NotTo(HaveOccurred())
	namespace, err := os.ReadFile(filepath.Join(c.root, guards, "namespace.yaml"))
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(filepath.Join(folder, "kustomization.yaml"), text, 0o600)).To(Succeed())
	Expect(os.WriteFile(filepath.Join(folder, "namespace.yaml"), namespace, 0o600)).To(Succeed())
	return folder
}
