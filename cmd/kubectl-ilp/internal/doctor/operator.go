package doctor

import (
	"context"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/health"
)

// deploy is how what belongs to the operator comes into a cluster.
const deploy = "make deploy, or upgrade the charts"

// Names in config/manager/flowschema.yaml.
const (
	priorityLevel = v1alpha1.ManagerName
	flowSchema    = v1alpha1.ManagerName
	flowOfLeader  = v1alpha1.ManagerName + "-leader"
)

func (p *patient) priority(ctx context.Context) (finding, error) {
	level, flow, leader := &flowcontrolv1.PriorityLevelConfiguration{}, &flowcontrolv1.FlowSchema{}, &flowcontrolv1.FlowSchema{}
	for _, wanted := range []struct {
		kind, name string
		object     client.Object
	}{{"PriorityLevelConfiguration", priorityLevel, level}, {"FlowSchema", flowSchema, flow}, {"FlowSchema", flowOfLeader, leader}} {
		err := p.client.Get(ctx, client.ObjectKey{Name: wanted.name}, wanted.object)
		switch {
		case apierrors.IsNotFound(err):
			return warned(deploy, "there is no %s %s: in a wave the operator would compete with all other service accounts", wanted.kind, wanted.name)
		case err != nil:
			return finding{}, err
		}
	}
	if used := flow.Spec.PriorityLevelConfiguration.Name; used != priorityLevel {
		return warned(deploy, "FlowSchema %s leads to the level %s instead of %s", flowSchema, used, priorityLevel)
	}
	return passed("the operator has a level of its own at the API server")
}

func (p *patient) operator(ctx context.Context) (finding, error) {
	deployment, err := p.deployment(ctx, v1alpha1.ManagerName)
	if err != nil {
		return finding{}, err
	}
	if deployment == nil {
		return failed(deploy, "there is no Deployment labelled %s=%s", labelName, v1alpha1.ManagerName)
	}
	where := client.ObjectKeyFromObject(deployment)
	if state := health.Check(deployment); state.State != health.Ready {
		return failed("kubectl describe deployment -n "+where.Namespace+" "+where.Name, "Deployment %s: %s", where, state.Message)
	}
	return passed("%s runs in %s", imageOf(deployment), where.Namespace)
}
