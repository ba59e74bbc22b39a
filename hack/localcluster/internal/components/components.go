// Package components links every Kubernetes program the local cluster runs
// into one binary. Programs that share client-go, apimachinery and the
// generated API types cost one build and one file instead of eight.
package components

import (
	"context"
	"os"
	"sort"

	"github.com/coredns/coredns/coremain"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	kubectlcmd "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	// The logging format, metrics and client auth plugins the upstream mains link.
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"

	// The CoreDNS plugins our Corefile names, and no others.
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/ready"
)

var mains = map[string]func() int{
	"etcd":                    func() int { etcdmain.Main(os.Args); return 0 },
	"kube-apiserver":          func() int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() int { return cli.Run(controllermanager.NewControllerManagerCommand()) },
	"kube-scheduler":          func() int { return cli.Run(scheduler.NewSchedulerCommand()) },
	"kube-proxy":              func() int { return cli.Run(proxy.NewProxyCommand()) },
	"kubelet":                 func() int { return cli.Run(kubelet.NewKubeletCommand(context.Background())) },
	"kubectl":                 kubectl,
	"coredns":                 func() int { coremain.Run(); return 0 },
}

// Names lists the programs, sorted.
func Names() []string {
	names := make([]string, 0, len(mains))
	for name := range mains {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Has tells whether name is one of the linked programs.
func Has(name string) bool {
	_, ok := mains[name]
	return ok
}

// Run runs the named program with args (without the program's name) and
// returns its exit code. The programs read os.Args themselves, so it is set.
func Run(name string, args []string) int {
	os.Args = append([]string{name}, args...)
	return mains[name]()
}

func kubectl() int {
	// As upstream's main: verbosity is needed before flags are parsed, because
	// building the command already reads .kuberc and looks for plugins.
	_, _ = logs.GlogSetter(kubectlcmd.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(kubectlcmd.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
	return 0
}
