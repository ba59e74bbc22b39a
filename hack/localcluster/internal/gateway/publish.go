package gateway

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"reflect"
	"strconv"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// publisher writes the gateway's address into the status of each Ingress of
// our class: what tools that judge health wait for.
type publisher struct {
	client kubernetes.Interface
	status networkingv1.IngressLoadBalancerStatus
}

func newPublisher(client kubernetes.Interface, address string) (*publisher, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseInt(portText, 10, 32)
	if err != nil {
		return nil, err
	}
	return &publisher{client: client, status: networkingv1.IngressLoadBalancerStatus{Ingress: []networkingv1.IngressLoadBalancerIngress{{
		IP: host, Ports: []networkingv1.IngressPortStatus{{Port: int32(port), Protocol: "TCP"}},
	}}}}, nil
}

func (p *publisher) publish(ctx context.Context, object any) {
	ingress, ok := object.(*networkingv1.Ingress)
	if !ok || ingress.Spec.IngressClassName == nil || *ingress.Spec.IngressClassName != ClassName {
		return
	}
	if reflect.DeepEqual(ingress.Status.LoadBalancer, p.status) {
		return
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"loadBalancer": p.status}})
	if err == nil {
		_, err = p.client.NetworkingV1().Ingresses(ingress.Namespace).Patch(ctx, ingress.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	}
	if err != nil {
		slog.Error("publish the gateway's address", "ingress", ingress.Namespace+"/"+ingress.Name, "error", err)
	}
}
