// Package e2e asserts what a user sees of a district on a real node with real
// pods. It runs against the cluster that KUBECONFIG names, on which make demo
// has stood Kabupaten Sintang up, and talks to it through its API server and
// its ingress on the loopback address.
package e2e

import (
	"context"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers"
)

const (
	namespace = "ilp-6105"
	district  = "sintang"
	tebidah   = "tebidah"
	neighbour = "sungai-durian"

	// soon is how long a correction by the operator may take.
	soon = 15 * time.Second
	// rollout is how long pods may take to come up on a busy machine.
	rollout = 15 * time.Minute
)

var (
	restConfig *rest.Config
	cluster    client.Client
	clientset  *kubernetes.Clientset
)

func TestE2E(t *testing.T) {
	RegisterFailHandler(Fail)
	log.SetLogger(GinkgoLogr)
	RunSpecs(t, "A district on a real node")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	Expect(os.Getenv("KUBECONFIG")).NotTo(BeEmpty(), "set KUBECONFIG to the cluster of make demo")
	var err error
	restConfig, err = config.GetConfig()
	Expect(err).NotTo(HaveOccurred())
	cluster, err = client.New(restConfig, client.Options{Scheme: controllers.NewScheme()})
	Expect(err).NotTo(HaveOccurred())
	clientset, err = kubernetes.NewForConfig(restConfig)
	Expect(err).NotTo(HaveOccurred())
	awaitSintang(ctx)
})

// Before anything is cleaned up.
var _ = JustAfterEach(func(ctx SpecContext) {
	if CurrentSpecReport().Failed() {
		AddReportEntry("cluster", describeCluster(ctx))
	}
})

// conditionOf returns a condition that speaks of the present spec, or an empty one.
func conditionOf(ctx context.Context, obj client.Object, name string) (metav1.Condition, error) {
	gvk, err := cluster.GroupVersionKindFor(obj)
	if err != nil {
		return metav1.Condition{}, err
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gvk)
	if err := cluster.Get(ctx, client.ObjectKeyFromObject(obj), u); err != nil {
		return metav1.Condition{}, err
	}
	var status struct {
		ObservedGeneration int64              `json:"observedGeneration"`
		Conditions         []metav1.Condition `json:"conditions"`
	}
	raw, _, _ := unstructured.NestedMap(u.Object, "status")
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &status); err != nil {
		return metav1.Condition{}, err
	}
	found := meta.FindStatusCondition(status.Conditions, name)
	if found == nil || status.ObservedGeneration != u.GetGeneration() {
		return metav1.Condition{Status: metav1.ConditionUnknown, Message: "not yet seen"}, nil
	}
	return *found, nil
}

// readyOf returns the status and message of the condition Ready.
func readyOf(ctx context.Context, obj client.Object) (status, message string, err error) {
	ready, err := conditionOf(ctx, obj, v1alpha1.ConditionReady)
	return string(ready.Status), ready.Message, err
}

func awaitReady(ctx context.Context, obj client.Object) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		status, message, err := readyOf(ctx, obj)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(status).To(Equal("True"), message)
	}).WithContext(ctx).WithTimeout(rollout).WithPolling(2 * time.Second).Should(Succeed())
}

// awaitSintang waits for the district of make demo and for both of its Puskesmas.
func awaitSintang(ctx context.Context) {
	GinkgoHelper()
	awaitReady(ctx, puskesmas(tebidah))
	awaitReady(ctx, puskesmas(neighbour))
	awaitReady(ctx, districtNamed(district))
}

func puskesmas(name string) *v1alpha1.Puskesmas {
	return &v1alpha1.Puskesmas{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}
