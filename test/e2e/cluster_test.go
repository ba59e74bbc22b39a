package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// credentials reads a Secret that the operator generated.
func credentials(ctx context.Context, namespace, name string) (username, password string) {
	GinkgoHelper()
	var secret corev1.Secret
	Expect(cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &secret)).To(Succeed())
	Expect(secret.Data["password"]).NotTo(BeEmpty(), "Secret "+name)
	return string(secret.Data["username"]), string(secret.Data["password"])
}

// psql runs a statement over TCP in the primary's pod as one of the roles.
func psql(ctx context.Context, namespace, secret, database, statement string) (string, error) {
	username, password := credentials(ctx, namespace, secret)
	return execute(ctx, namespace, "database-1", "postgres", "env", "PGPASSWORD="+password,
		"psql", "--no-psqlrc", "--tuples-only", "--no-align", "--quiet",
		fmt.Sprintf("host=127.0.0.1 user=%s dbname=%s sslmode=require connect_timeout=10", username, database),
		"--command", statement)
}

// execute runs a command in a pod, as kubectl exec does.
func execute(ctx context.Context, namespace, pod, container string, command ...string) (string, error) {
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
		v1alpha1.GroupVersion.WithKind("Wave"),
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

// apply applies a file or a kustomization of testdata as a person does.
func apply(ctx context.Context, option, path string) {
	GinkgoHelper()
	command(ctx, "kubectl", "apply", "--server-side", "--force-conflicts", option, filepath.Join("testdata", path))
}

// command runs a program that must succeed, and returns what it prints.
func command(ctx context.Context, program string, arguments ...string) string {
	GinkgoHelper()
	out, err := exec.CommandContext(ctx, program, arguments...).CombinedOutput() //nolint:gosec // the specs' own words
	Expect(err).NotTo(HaveOccurred(), "%s %s\n%s", program, strings.Join(arguments, " "), out)
	return string(out)
}

// removeDistricts deletes districts with all their data, as their consent says,
// and waits until their namespaces are gone.
func removeDistricts(ctx context.Context, names ...string) {
	GinkgoHelper()
	var list v1alpha1.DistrictList
	Expect(cluster.List(ctx, &list)).To(Succeed())
	list.Items = slices.DeleteFunc(list.Items, func(d v1alpha1.District) bool { return !slices.Contains(names, d.Name) })
	for i := range list.Items {
		d := &list.Items[i]
		before := d.DeepCopy()
		d.Spec.DataProtection.DeletionPolicy = v1alpha1.DeletionDelete
		d.Spec.DataProtection.Consent = v1alpha1.Consent{
			Action: v1alpha1.ConsentDelete, Code: string(d.Spec.Code), Reason: "made by a test, for a test",
			IssuedAt: metav1.Now(), ExpiresAt: metav1.NewTime(time.Now().Add(time.Hour)),
		}
		Expect(cluster.Patch(ctx, d, client.MergeFrom(before))).To(Succeed())
		Expect(cluster.Delete(ctx, d)).To(Succeed())
	}
	for i := range list.Items {
		Eventually(func(g Gomega) {
			g.Expect(apierrors.IsNotFound(cluster.Get(ctx, client.ObjectKeyFromObject(&list.Items[i]), &v1alpha1.District{}))).To(BeTrue())
		}).WithContext(ctx).WithTimeout(5*time.Minute).WithPolling(time.Second).Should(Succeed(), list.Items[i].Name)
	}
}

// images are those that the running pods of a Puskesmas' RME, or of PostgreSQL, have.
func images(ctx context.Context, namespace string, labels client.MatchingLabels) []string {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(cluster.List(ctx, &pods, client.InNamespace(namespace), labels)).To(Succeed())
	var out []string
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning {
			out = append(out, pod.Spec.Containers[0].Image)
		}
	}
	return out
}
