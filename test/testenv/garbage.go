package testenv

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// garbageCollector is the account that deletes what has lost its owner; the
// policies know it.
const garbageCollector = "system:serviceaccount:kube-system:generic-garbage-collector"

// CollectGarbage runs the garbage collector of kube-controller-manager, and no
// other controller, until the test ends. When it returns, what has lost its owner
// goes, of every kind that the API server has by now: kinds that come later are
// noticed half a minute late.
func (e *Environment) CollectGarbage() {
	e.t.Helper()
	folder, err := os.MkdirTemp("", "garbage")
	if err != nil {
		e.t.Fatalf("start the garbage collector: %v", err)
	}
	e.t.Cleanup(func() { _ = os.RemoveAll(folder) })
	config := filepath.Join(folder, "kubeconfig")
	e.writeConfigAs(config, garbageCollector, "system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")

	// Not the test's context: what is deleted while the test cleans up goes too.
	program := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kube-controller-manager")
	command := exec.Command(program, //nolint:gosec,noctx // of the folder that the API server is from; it is ended below
		"--controllers=garbage-collector-controller", "--leader-elect=false", "--secure-port=0",
		"--kube-api-qps=1000", "--kube-api-burst=1000", "--kubeconfig="+config)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		e.t.Fatalf("start the garbage collector: %v. Make the folder of KUBEBUILDER_ASSETS anew with hack/localcluster (localcluster assets)", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	e.t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = command.Process.Kill()
			<-ended
		}
	})
	if err := e.awaitCollection(e.t.Context(), ended); err != nil {
		_ = command.Process.Kill()
		<-ended
		e.t.Fatalf("wait for the garbage collector: %v; it says\n%s", err, output.String())
	}
}

// awaitCollection makes an object without an owner and waits until it is
// collected: the collector begins with none before it has seen all.
func (e *Environment) awaitCollection(ctx context.Context, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	go func() {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	probe := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "probe.garbage.testenv", Namespace: metav1.NamespaceDefault,
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "none", UID: "none"}},
	}}
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		err := e.Client.Get(ctx, client.ObjectKeyFromObject(probe), &corev1.ConfigMap{})
		switch {
		case err == nil:
			return false, nil
		case !apierrors.IsNotFound(err):
			return false, err
		case probe.UID != "":
			return true, nil
		}
		// The API server makes the namespace default a moment after its start.
		return false, client.IgnoreNotFound(e.Client.Create(ctx, probe))
	})
}

// writeConfigAs writes a kubeconfig that acts as another user.
func (e *Environment) writeConfigAs(file, user string, groups ...string) {
	e.t.Helper()
	config, err := clientcmd.Load(e.server.KubeConfig)
	if err != nil {
		e.t.Fatalf("read the kubeconfig: %v", err)
	}
	for _, account := range config.AuthInfos {
		account.Impersonate, account.ImpersonateGroups = user, groups
	}
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		e.t.Fatalf("write a kubeconfig: %v", err)
	}
}
