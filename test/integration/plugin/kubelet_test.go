package plugin_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// kubelet answers for a node: with one log, and with one web server behind every
// port of every pod.
type kubelet struct {
	node string
	log  string
	web  *httptest.Server
}

// start registers the node.
func (k *kubelet) start(ctx context.Context) {
	GinkgoHelper()
	k.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the login page") }))
	DeferCleanup(k.web.Close)
	server := httptest.NewTLSServer(k)
	DeferCleanup(server.Close)
	host, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "https://"))
	Expect(err).NotTo(HaveOccurred())
	number, err := strconv.ParseInt(port, 10, 32)
	Expect(err).NotTo(HaveOccurred())
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: k.node}}
	create(ctx, node)
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: host}}
	node.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(number)
	Expect(environment.Client.Status().Update(ctx, node)).To(Succeed())
}

func (k *kubelet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/containerLogs/"):
		_, _ = fmt.Fprintf(w, k.log, r.URL.Path, r.URL.Query().Get("previous"))
	case strings.HasPrefix(r.URL.Path, "/portForward/"):
		k.forward(w, r)
	default:
		http.NotFound(w, r)
	}
}

// forward speaks the kubelet's protocol: for each connection a stream for data
// and one for errors, of which there are none.
func (k *kubelet) forward(w http.ResponseWriter, r *http.Request) {
	if _, err := httpstream.Handshake(r, w, []string{portforward.PortForwardProtocolV1Name}); err != nil {
		return
	}
	connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, answered <-chan struct{}) error {
		go func() {
			<-answered
			defer func() { _ = stream.Close() }()
			if stream.Headers().Get(corev1.StreamType) != corev1.StreamTypeData {
				return
			}
			web, err := net.Dial("tcp", k.web.Listener.Addr().String()) //nolint:noctx // it is next door
			if err != nil {
				return
			}
			defer func() { _ = web.Close() }()
			go func() { _, _ = io.Copy(web, stream) }()
			_, _ = io.Copy(stream, web)
		}()
		return nil
	})
	if connection != nil {
		<-connection.CloseChan()
	}
}
