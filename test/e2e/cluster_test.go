package e2e

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// credentials reads a Secret that the operator generated.
func credentials(ctx context.Context, name string) (username, password string) {
	var secret corev1.Secret
	Expect(cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &secret)).To(Succeed())
	Expect(secret.Data["password"]).NotTo(BeEmpty(), "Secret "+name)
	return string(secret.Data["username"]), string(secret.Data["password"])
}

// psql runs a statement over TCP in the primary's pod as one of the roles.
func psql(ctx context.Context, secret, database, statement string) (string, error) {
	username, password := credentials(ctx, secret)
	return execute(ctx, "database-1", "postgres", "env", "PGPASSWORD="+password,
		"psql", "--no-psqlrc", "--tuples-only", "--no-align", "--quiet",
		fmt.Sprintf("host=127.0.0.1 user=%s dbname=%s sslmode=require connect_timeout=10", username, database),
		"--command", statement)
}

// execute runs a command in a pod, as kubectl exec does.
func execute(ctx context.Context, pod, container string, command ...string) (string, error) {
	request := clientset.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(restConfig, "POST", request.URL())
	if err != nil {
		return "", err
	}
	var stdout, stderr bytes.Buffer
	if err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr}); err != nil {
		return stdout.String(), fmt.Errorf("%w: %s", err, stderr.String())
	}
	return strings.TrimSpace(stdout.String()), nil
}

// describeCluster is what a person would look at first when a test has failed.
func describeCluster(ctx context.Context) string {
	var out strings.Builder
	for _, gvk := range []schema.GroupVersionKind{
		v1alpha1.GroupVersion.WithKind("District"),
		v1alpha1.GroupVersion.WithKind("Puskesmas"),
		{Version: "v1", Kind: "Pod"},
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk)
		if err := cluster.List(ctx, list); err != nil {
			fmt.Fprintln(&out, gvk.Kind, err)
			continue
		}
		for _, item := range list.Items {
			phase, _, _ := unstructured.NestedString(item.Object, "status", "phase")
			conditions, _, _ := unstructured.NestedSlice(item.Object, "status", "conditions")
			fmt.Fprintln(&out, gvk.Kind, item.GetNamespace(), item.GetName(), phase)
			for _, c := range conditions {
				condition := c.(map[string]any)
				fmt.Fprintln(&out, "   ", condition["type"], condition["status"], condition["reason"], condition["message"])
			}
		}
	}
	return out.String()
}

// uidOf is the UID of any object.
func uidOf(ctx context.Context, gvk schema.GroupVersionKind, name string) (string, error) {
	obj := &metav1.PartialObjectMetadata{}
	obj.SetGroupVersionKind(gvk)
	err := cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, obj)
	return string(obj.GetUID()), err
}
