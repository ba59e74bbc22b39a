package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/test/testenv"
)

// Namespaces and service accounts of the two that are measured. Both come with
// a token of a service account, so that authentication and flow control weigh
// the same on them.
const (
	operatorNamespace = "ilp-system"
	operatorAccount   = "ilp-operator"
	bareAccount       = "bare-client"
)

// auditPolicy logs what the operator asks for, once it is answered.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
rules:
- level: Metadata
  users: ["system:serviceaccount:` + operatorNamespace + `:` + operatorAccount + `"]
- level: None
`

// cluster is an API server with its etcd that lives for one round.
type cluster struct {
	*testenv.Environment
	harness
	dynamic dynamic.Interface
	// tally counts the requests of the clients here.
	tally *tally
	// cnpg has the name of CloudNativePG and an administrator's rights.
	cnpg dynamic.Interface
	// auditLog is empty unless requests are counted.
	auditLog string
	// folder holds the kubeconfigs.
	folder string
}

// harness is what testenv needs, outside of a test.
type harness struct {
	ctx      context.Context
	cleanups []func()
}

// failure carries the message of Fatalf up to recovered.
type failure struct{ error }

func (h *harness) Helper()                  {}
func (h *harness) Context() context.Context { return h.ctx }
func (h *harness) Cleanup(cleanup func())   { h.cleanups = append(h.cleanups, cleanup) }
func (h *harness) Fatalf(format string, args ...any) {
	panic(failure{fmt.Errorf(format, args...)})
}

// recovered runs what may call Fatalf.
func recovered(call func()) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			err = p.error
		default:
			panic(p)
		}
	}()
	call()
	return nil
}

// stop ends the processes and removes their data.
func (c *cluster) stop() {
	for i := len(c.cleanups) - 1; i >= 0; i-- {
		if err := recovered(c.cleanups[i]); err != nil {
			say("%v", err)
		}
	}
	c.cleanups = nil
}

// startCluster starts an API server with everything that must be there before
// the operator. Whoever calls it stops it, also after an error.
func startCluster(ctx context.Context, folder string, audited bool, others ...testenv.Option) (*cluster, error) {
	c := &cluster{folder: folder, harness: harness{ctx: ctx}, tally: &tally{count: requests{}}}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return c, err
	}
	options := append([]testenv.Option{testenv.WithCloudNativePG()}, others...)
	if audited {
		policy := filepath.Join(folder, "audit-policy.yaml")
		if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
			return c, err
		}
		c.auditLog = filepath.Join(folder, "audit.log")
		options = append(options, testenv.WithAPIServerFlag("audit-policy-file", policy), testenv.WithAPIServerFlag("audit-log-path", c.auditLog))
	}
	err := recovered(func() { c.Environment = testenv.Start(&c.harness, options...) })
	if err != nil {
		return c, err
	}
	c.Config.QPS = -1
	c.Config.Wrap(c.tally.wrap)
	if c.Client, err = client.NewWithWatch(c.Config, client.Options{Scheme: c.Scheme}); err != nil {
		return c, err
	}
	if c.dynamic, err = dynamic.NewForConfig(c.Config); err != nil {
		return c, err
	}
	asCloudNativePG := rest.CopyConfig(c.Config)
	asCloudNativePG.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:cnpg-system:cnpg-manager", Groups: []string{"system:masters"}}
	if c.cnpg, err = dynamic.NewForConfig(asCloudNativePG); err != nil {
		return c, err
	}
	err = c.install(ctx)
	return c, err
}

// install creates the namespace of the operator, its rights, the bare client's
// rights and the release.
func (c *cluster) install(ctx context.Context) error {
	root := testenv.Root(&c.harness)
	objects := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: bareAccount, Namespace: operatorNamespace}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: bareAccount},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: bareAccount, Namespace: operatorNamespace}},
		},
	}
	err := recovered(func() {
		for _, folder := range []string{"config/rbac", "config/samples/releases"} {
			for _, object := range testenv.Kustomize(&c.harness, filepath.Join(root, folder)) {
				objects = append(objects, object)
			}
		}
	})
	if err != nil {
		return err
	}
	for _, object := range objects {
		if err := c.Client.Create(ctx, object); err != nil {
			return fmt.Errorf("create %s: %w", object.GetName(), err)
		}
	}
	return nil
}

// kubeconfig writes one with a token of a service account.
func (c *cluster) kubeconfig(ctx context.Context, account string) (string, error) {
	clientset, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return "", err
	}
	// Longer than any run.
	hours := int64(24 * 3600)
	token, err := clientset.CoreV1().ServiceAccounts(operatorNamespace).CreateToken(ctx, account,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hours}}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of %s: %w", account, err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["bench"] = &clientcmdapi.Cluster{Server: c.Config.Host, CertificateAuthorityData: c.Config.CAData}
	config.AuthInfos["bench"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["bench"] = &clientcmdapi.Context{Cluster: "bench", AuthInfo: "bench"}
	config.CurrentContext = "bench"
	path := filepath.Join(c.folder, account+".kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}
