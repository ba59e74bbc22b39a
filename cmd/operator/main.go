// Command operator runs the ILP operator in a cluster.
package main

import (
	"flag"
	"os"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"ilp.health/operator/controllers"
	"ilp.health/operator/controllers/district"
	"ilp.health/operator/controllers/stack/pace"
)

func main() {
	if err := run(); err != nil {
		ctrl.Log.Error(err, "the operator ends")
		os.Exit(1)
	}
}

func run() error {
	var (
		opts            = controllers.Options{Clock: clock.RealClock{}, Pace: pace.Default()}
		identity        district.Identity
		metricsAddress  = flag.String("metrics-bind-address", ":8443", "address of the metrics, served over HTTPS to who may read them; 0 turns them off")
		probeAddress    = flag.String("health-probe-bind-address", ":8081", "address of /healthz and /readyz")
		profilerAddress = flag.String("profiler-address", "", "address of /debug/pprof; off by default")
		leaderElect     = flag.Bool("leader-elect", true, "run one of several replicas at a time")
		logging         zap.Options
	)
	flag.StringVar(&identity.Namespace, "namespace", district.DefaultIdentity.Namespace, "namespace that the operator runs in")
	flag.StringVar(&identity.ServiceAccount, "service-account", district.DefaultIdentity.ServiceAccount, "service account that the operator runs as")
	flag.IntVar(&opts.DistrictWorkers, "district-workers", 4, "districts that are worked on at once")
	flag.IntVar(&opts.PuskesmasWorkers, "puskesmas-workers", 8, "Puskesmas that are worked on at once")
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	opts.Identity = identity
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))

	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	unlimited(restConfig)
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                        controllers.NewScheme(),
		Cache:                         controllers.CacheOptions(),
		HealthProbeBindAddress:        *probeAddress,
		PprofBindAddress:              *profilerAddress,
		LeaderElection:                *leaderElect,
		LeaderElectionID:              "operator.ilp.health",
		LeaderElectionNamespace:       identity.Namespace,
		LeaderElectionReleaseOnCancel: true,
		// controller-runtime's priority queue can hang when it is shut down (its issue 3538); the process ends all the same.
		GracefulShutdownTimeout: new(5 * time.Second),
		Metrics: server.Options{
			BindAddress:    *metricsAddress,
			SecureServing:  true,
			FilterProvider: filters.WithAuthenticationAndAuthorization,
		},
	})
	if err != nil {
		return err
	}
	ctx := ctrl.SetupSignalHandler()
	if err := controllers.Add(ctx, mgr, opts); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// unlimited leaves the pace to the API server's own flow control; the operator
// bounds how many calls it has in flight.
func unlimited(config *rest.Config) {
	config.QPS = -1
}
