package open

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/cmd/kubectl-ilp/internal/parts"
)

// end is where a connection leads: a port of a pod.
type end struct {
	pod  types.NamespacedName
	port int32
}

// endOf finds a ready pod behind the Service of a target.
func endOf(ctx context.Context, c client.Client, t *target) (*end, error) {
	service, err := serviceOf(ctx, c, t)
	if err != nil {
		return nil, err
	}
	if service == nil {
		return nil, fmt.Errorf("%s has no Service yet; %s says why", t.what, t.why)
	}
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(service.Namespace), client.MatchingLabels(service.Spec.Selector)); err != nil {
		return nil, fmt.Errorf("list pods of %s: %w", service.Namespace, err)
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if !parts.ReadyPod(pod) {
			continue
		}
		if port := portOf(service, pod); port != 0 {
			return &end{client.ObjectKeyFromObject(pod), port}, nil
		}
	}
	return nil, fmt.Errorf("no pod of Service %s is ready; %s says why", client.ObjectKeyFromObject(service), t.why)
}

// serviceOf is the one of the target's Services that leads to the component; nil
// if there is none.
func serviceOf(ctx context.Context, c client.Client, t *target) (*corev1.Service, error) {
	var services corev1.ServiceList
	err := c.List(ctx, &services, client.InNamespace(t.namespace), client.MatchingLabels{"app.kubernetes.io/component": t.component})
	if err != nil {
		return nil, fmt.Errorf("list Services of %s: %w", t.namespace, err)
	}
	for i := range services.Items {
		if t.has(&services.Items[i]) {
			return &services.Items[i], nil
		}
	}
	return nil, nil
}

// portOf a pod that the first port of a Service leads to; 0 if the pod has none
// of that name.
func portOf(service *corev1.Service, pod *corev1.Pod) int32 {
	if len(service.Spec.Ports) == 0 || len(service.Spec.Selector) == 0 {
		return 0
	}
	wanted := service.Spec.Ports[0]
	switch {
	case wanted.TargetPort.Type == intstr.Int && wanted.TargetPort.IntVal != 0:
		return wanted.TargetPort.IntVal
	case wanted.TargetPort.Type == intstr.Int:
		return wanted.Port
	}
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == wanted.TargetPort.StrVal {
				return port.ContainerPort
			}
		}
	}
	return 0
}
