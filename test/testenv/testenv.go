// Package testenv starts a real API server with this project's CRDs and
// admission policies, for tests that must not guess what it does. Nothing runs
// beside it, no controller and no node; but the garbage collector where a test
// asks for it.
//
// It takes etcd, kube-apiserver and kube-controller-manager from KUBEBUILDER_ASSETS.
package testenv

import (
	"context"
	"os"
	"path/filepath"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"ilp.health/operator/api/v1alpha1"
)

// T is what Start needs of a test; *testing.T and GinkgoT() have it.
type T interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Fatalf(format string, args ...any)
}

// Environment is a running API server.
type Environment struct {
	// Config belongs to an administrator.
	Config *rest.Config
	// Client uses Config and reads nothing from a cache.
	Client client.WithWatch
	// Scheme knows Kubernetes's own kinds, CRDs and ilp.health.
	Scheme *runtime.Scheme

	t      T
	server *envtest.Environment
}

// Option adds to an Environment.
type Option func(T, *envtest.Environment)

// WithCRDs installs further CRDs, from files or folders.
func WithCRDs(paths ...string) Option {
	return func(_ T, e *envtest.Environment) {
		e.CRDDirectoryPaths = append(e.CRDDirectoryPaths, paths...)
	}
}

// WithAPIServerFlag sets a flag of kube-apiserver, named without dashes.
func WithAPIServerFlag(name string, values ...string) Option {
	return func(_ T, e *envtest.Environment) {
		e.ControlPlane.GetAPIServer().Configure().Set(name, values...)
	}
}

// Start starts an API server that ends with the test. When it returns, the CRDs
// are served and the policies of config/policy are in force.
func Start(t T, options ...Option) *Environment {
	t.Helper()
	root := Root(t)
	e := StartBare(t, append(options, WithCRDs(filepath.Join(root, "config/crd/bases")))...)
	e.enforcePolicies(t.Context(), filepath.Join(root, "config/policy"))
	return e
}

// StartBare starts an API server that ends with the test, without the CRDs and
// policies of this project.
func StartBare(t T, options ...Option) *Environment {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatalf("KUBEBUILDER_ASSETS is not set: it names the folder with etcd and kube-apiserver. " +
			"Run the tests by make, or build both with hack/localcluster (localcluster assets)")
	}

	server := &envtest.Environment{
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: time.Minute,
		ControlPlaneStopTimeout:  time.Minute,
	}
	// It gives volume claims a finalizer that only kube-controller-manager takes off.
	server.ControlPlane.GetAPIServer().Configure().Append("disable-admission-plugins", "StorageObjectInUseProtection")
	// CloudNativePG's CRDs take longer than the default on a busy machine.
	server.CRDInstallOptions.MaxTime = time.Minute
	for _, option := range options {
		option(t, server)
	}

	config, err := server.Start()
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Fatalf("stop the API server: %v", err)
		}
	})
	if err != nil {
		t.Fatalf("start the API server: %v", err)
	}

	e := &Environment{Config: config, Scheme: Scheme(), t: t, server: server}
	e.Client = e.client(config)
	return e
}

// Scheme knows Kubernetes's own kinds, CRDs and ilp.health.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(apiextensionsv1.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

// KubeConfig writes a file by which kubectl and other programs reach the API
// server as its administrator.
func (e *Environment) KubeConfig() string {
	e.t.Helper()
	folder, err := os.MkdirTemp("", "testenv")
	if err != nil {
		e.t.Fatalf("write a kubeconfig: %v", err)
	}
	e.t.Cleanup(func() { _ = os.RemoveAll(folder) })
	file := filepath.Join(folder, "kubeconfig")
	if err := os.WriteFile(file, e.server.KubeConfig, 0o600); err != nil {
		e.t.Fatalf("write a kubeconfig: %v", err)
	}
	return file
}

// As returns a client that acts as another user with an administrator's rights,
// to see what admission alone makes of who asks.
func (e *Environment) As(user string) client.WithWatch {
	e.t.Helper()
	config := rest.CopyConfig(e.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}}
	return e.client(config)
}

func (e *Environment) client(config *rest.Config) client.WithWatch {
	e.t.Helper()
	c, err := client.NewWithWatch(config, client.Options{Scheme: e.Scheme})
	if err != nil {
		e.t.Fatalf("make a client of the API server: %v", err)
	}
	return c
}
