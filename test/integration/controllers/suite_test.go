// Package controllers runs the operator, as its own service account and with
// nothing but that account's rights, against a real API server with its garbage
// collector. There is no node and no CloudNativePG: package world plays those by writing statuses.
//
// While the specs run, three observers look at everything that happens: the
// ledger proves that no object exists which nobody owns or finds, the linter that
// every status keeps the rules of the API, and the judge that GitOps tools agree
// on the health of every resource.
package controllers_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"ilp.health/operator/test/testenv"
)

func TestControllers(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(20 * time.Second)
	EnforceDefaultTimeoutsWhenUsingContexts()
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	RunSpecs(t, "Controllers")
}

var (
	// admin does what people do with kubectl.
	admin client.WithWatch
	// asOperator has the operator's name and an administrator's rights.
	asOperator client.WithWatch
	// adminConfig is the kubeconfig file by which programs do it.
	adminConfig string
	// theOperator runs through all specs; a spec that stops it starts it again.
	theOperator *operator
	// workloads plays the controllers of Kubernetes and CloudNativePG.
	workloads *world
	theLedger *ledger
	theLinter *linter
	theJudge  *judge
	// asNamespaceController finishes the deletion of a namespace, as nobody else may of a district's.
	asNamespaceController client.WithWatch
)

var _ = BeforeSuite(func() {
	ctrl.SetLogger(zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true)))
	environment := testenv.Start(GinkgoT(), testenv.WithCloudNativePG())
	admin, adminConfig = environment.Client, environment.KubeConfig()
	asOperator = environment.As("system:serviceaccount:" + operatorNamespace + ":" + operatorAccount)
	environment.CollectGarbage()
	installOperator(context.Background(), admin)
	createReleases(context.Background(), admin)

	background, stop := context.WithCancel(context.Background())
	DeferCleanup(stop)
	workloads = startWorld(background, environment)
	theLedger = startLedger(background, admin)
	theLinter = startLinter(background, admin)
	theJudge = startJudge(background, admin)
	asNamespaceController = environment.As("system:serviceaccount:kube-system:namespace-controller")
	theOperator = &operator{config: environment.Config, traffic: &traffic{}}
	theOperator.start()
	DeferCleanup(theOperator.stop)
})

// A spec that failed halfway does not take the others with it.
var _ = BeforeEach(func() {
	theOperator.traffic.setFault(nil)
	if theOperator.cancel == nil {
		theOperator.start()
	}
})

// Whatever a spec was about, what the observers saw meanwhile must be right.
var _ = AfterEach(func() {
	Expect(theLinter.findings()).To(BeEmpty(), "statuses that break the rules")
	Expect(theJudge.findings()).To(BeEmpty(), "healths that GitOps tools do not agree on")
	Eventually(theLedger.forgotten).Should(BeEmpty(), "objects that nobody owns or finds")
})

// installOperator creates the operator's namespace, account and rights.
func installOperator(ctx context.Context, c client.Client) {
	GinkgoHelper()
	Expect(c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}})).To(Succeed())
	for _, object := range testenv.Kustomize(GinkgoT(), filepath.Join(testenv.Root(GinkgoT()), "config/rbac")) {
		Expect(c.Create(ctx, object)).To(Succeed())
	}
}
