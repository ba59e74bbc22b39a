package controllers_test

import (
	"context"
	"runtime/pprof"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"ilp.health/operator/controllers"
	districts "ilp.health/operator/controllers/district"
)

const (
	operatorNamespace = "ilp-system"
	operatorAccount   = "ilp-operator"
)

// operator is the operator's process: it can be stopped and started again, and
// everything it asks of the API server goes through traffic.
type operator struct {
	config  *rest.Config
	traffic *traffic

	cancel context.CancelFunc
	ended  chan error
}

// start starts the operator as its own service account.
func (o *operator) start() {
	GinkgoHelper()
	restConfig := rest.CopyConfig(o.config)
	restConfig.QPS = -1
	restConfig.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + operatorNamespace + ":" + operatorAccount,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + operatorNamespace, "system:authenticated"},
	}
	restConfig.Wrap(o.traffic.wrap)
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
		Identity:        districts.Identity{Namespace: operatorNamespace, ServiceAccount: operatorAccount},
		DistrictWorkers: 4, PuskesmasWorkers: 8,
	})).To(Succeed())
	o.cancel, o.ended = cancel, make(chan error, 1)
	go func() { o.ended <- mgr.Start(ctx) }()
}

// stop ends the operator and waits until it has ended.
//
// A queue of controller-runtime 0.24 may keep its worker when it is shut down
// (kubernetes-sigs/controller-runtime#3538, fixed in 0.25), so that the manager
// reports that it has waited for too long. That is let pass, as long as none of
// the operator's own code is still at work.
func (o *operator) stop() {
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

// restart is what happens when the operator's pod is replaced.
func (o *operator) restart() {
	GinkgoHelper()
	o.stop()
	o.start()
}
