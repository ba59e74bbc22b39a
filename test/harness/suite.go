// Package harness runs the operator, as its own service account and with
// nothing but that account's rights, against a real API server beside which the
// garbage collector runs. There is no node and no CloudNativePG: World plays
// those by writing statuses.
//
// While specs run, three observers look at everything that happens: the Ledger
// proves that no object exists which no inventory names, the Linter that every
// status keeps the rules of the API, and the Judge that GitOps tools agree on
// the health of every resource.
//
// A process has one Suite. Suites of several packages, and of several processes
// of one package, share nothing.
package harness

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"ilp.health/operator/test/testenv"
)

// Suite is what the specs of one process share.
type Suite struct {
	// Admin does what people do with kubectl.
	Admin client.WithWatch
	// AsOperator has the operator's name and an administrator's rights.
	AsOperator client.WithWatch
	// AsNamespaceController finishes the deletion of a namespace, as nobody else may of a district's.
	AsNamespaceController client.WithWatch
	// AdminConfig is the kubeconfig file by which programs do what Admin does.
	AdminConfig string
	// Operator runs through all specs; a spec that stops it starts it again.
	Operator *Operator
	// World plays the controllers of Kubernetes and CloudNativePG.
	World  *World
	Ledger *Ledger
	Linter *Linter
	Judge  *Judge
}

// Configure sets what is the same for all suites; it comes before RunSpecs.
func Configure() {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(time.Minute)
	EnforceDefaultTimeoutsWhenUsingContexts()
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
}

// Start starts an API server with a garbage collector and two releases, the
// observers and the operator, until the suite ends.
func Start() *Suite {
	GinkgoHelper()
	ctrl.SetLogger(zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true)))
	environment := testenv.Start(GinkgoT(), testenv.WithCloudNativePG())
	environment.CollectGarbage()
	s := &Suite{
		Admin:                 environment.Client,
		AdminConfig:           environment.KubeConfig(),
		AsOperator:            environment.As("system:serviceaccount:" + OperatorNamespace + ":" + operatorAccount),
		AsNamespaceController: environment.As("system:serviceaccount:kube-system:namespace-controller"),
	}
	InstallOperator(context.Background(), s.Admin)
	CreateReleases(context.Background(), s.Admin)

	background, stop := context.WithCancel(context.Background())
	DeferCleanup(stop)
	s.World = StartWorld(background, environment)
	s.Ledger = StartLedger(background, s.Admin)
	s.Linter = StartLinter(background, s.Admin)
	s.Judge = StartJudge(background, s.Admin)
	s.Operator = &Operator{Config: environment.Config, Traffic: &Traffic{}}
	s.Operator.Start()
	DeferCleanup(s.Operator.Stop)
	return s
}

// BeforeSpec sees that a spec that failed halfway does not take the others with it.
func (s *Suite) BeforeSpec() {
	GinkgoHelper()
	s.Operator.Traffic.SetFault(nil)
	if s.Operator.cancel == nil {
		s.Operator.Start()
	}
}

// AfterSpec wants what the observers saw meanwhile to be right, whatever the
// spec was about.
func (s *Suite) AfterSpec() {
	GinkgoHelper()
	Expect(s.Linter.Findings()).To(BeEmpty(), "statuses that break the rules")
	Expect(s.Judge.Findings()).To(BeEmpty(), "healths that GitOps tools do not agree on")
	defer s.Ledger.Close()
	Eventually(s.Ledger.Forgotten).Should(BeEmpty(), "objects that nobody owns or finds")
}
