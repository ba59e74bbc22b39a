package harness

import (
	"context"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"ilp.health/operator/controllers"
	districts "ilp.health/operator/controllers/district"
	"ilp.health/operator/test/testenv"
)

// Where the operator is installed.
const (
	OperatorNamespace = "ilp-system"
	operatorAccount   = "ilp-operator"
)

// Operator is the operator's process: it can be stopped and started again, and
// everything it asks of the API server goes through traffic.
type Operator struct {
	Config  *rest.Config
	Traffic *Traffic

	cancel context.CancelFunc
	ended  chan error
}

// Start starts the operator as its own service account.
func (o *Operator) Start() {
	GinkgoHelper()
	restConfig := rest.CopyConfig(o.Config)
	restConfig.QPS = -1
	restConfig.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + OperatorNamespace + ":" + operatorAccount,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + OperatorNamespace, "system:authenticated"},
	}
	restConfig.Wrap(o.Traffic.wrap)
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                  controllers.NewScheme(),
		Cache:                   controllers.CacheOptions(),
		HealthProbeBindAddress:  "0",
		Metrics:                 server.Options{BindAddress: "0"},
		GracefulShutdownTimeout: ptr.To(4 * time.Second),
		// Names of controllers are unique in a process; this one starts several operators.
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	Expect(err).NotTo(HaveOccurred())

	ctx, cancel := context.WithCancel(context.Background())
	Expect(controllers.Add(ctx, mgr, controllers.Options{
		Identity:        districts.Identity{Namespace: OperatorNamespace, ServiceAccount: operatorAccount},
		DistrictWorkers: 4, PuskesmasWorkers: 8,
		Clock: clock.RealClock{}, Pace: Pace(),
	})).To(Succeed())
	o.cancel, o.ended = cancel, make(chan error, 1)
	go func() { o.ended <- mgr.Start(ctx) }()
}

// Stop ends the operator and waits until it has ended.
//
// A queue of controller-runtime 0.24 may keep its worker when it is shut down
// (kubernetes-sigs/controller-runtime#3538, fixed in 0.25), so that the manager
// reports that it has waited for too long. That is let pass, as long as none of
// the operator's own code is still at work.
func (o *Operator) Stop() {
	GinkgoHelper()
	if o.cancel == nil {
		return
	}
	o.cancel()
	o.cancel = nil
	var err error
	Eventually(o.ended).Should(Receive(&err))
	if err != nil {
		Expect(err).To(MatchError(context.DeadlineExceeded))
		var stacks strings.Builder
		Expect(pprof.Lookup("goroutine").WriteTo(&stacks, 1)).To(Succeed())
		Expect(stacks.String()).NotTo(ContainSubstring("ilp.health/operator/controllers/"), "what the operator still does")
		AddReportEntry("shutdown", "a queue kept its worker")
	}
}

// Restart is what happens when the operator's pod is replaced.
func (o *Operator) Restart() {
	GinkgoHelper()
	o.Stop()
	o.Start()
}

// WroteOnce waits until the operator has come to rest, and looks that it wrote
// one object.
func (o *Operator) WroteOnce(start time.Time) {
	GinkgoHelper()
	writes := func() []string { return Lines(o.Traffic.Since(start, Request.OfObject)) }
	Eventually(writes).ShouldNot(BeEmpty())
	o.Quiet(300 * time.Millisecond)
	Expect(writes()).To(HaveLen(1))
}

// Quiet waits until the operator has asked for nothing for some time.
func (o *Operator) Quiet(length time.Duration) {
	GinkgoHelper()
	Eventually(func() []string { return Lines(o.Traffic.Since(time.Now().Add(-length))) }).WithTimeout(40 * time.Second).Should(BeEmpty())
}

// InstallOperator creates the operator's namespace, account and rights.
func InstallOperator(ctx context.Context, c client.Client) {
	GinkgoHelper()
	Expect(c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: OperatorNamespace}})).To(Succeed())
	for _, object := range testenv.Kustomize(GinkgoT(), filepath.Join(testenv.Root(GinkgoT()), "config/rbac")) {
		Expect(c.Create(ctx, object)).To(Succeed())
	}
}

// Die ends the operator as kill -9 does, as far as the API server can tell:
// nothing that it has begun gets through any more.
func (o *Operator) Die() {
	GinkgoHelper()
	o.Traffic.SetFault(func(Request) Fault { return Refused })
	o.Stop()
	o.Traffic.SetFault(nil)
}
