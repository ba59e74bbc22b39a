package preview

import (
	"context"
	"errors"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/release"
	"ilp.health/operator/controllers/district"
	"ilp.health/operator/controllers/stack/resolve"
)

// known is what the operator would know after the files are applied: what the
// cluster has, and instead of it what the files make of it.
type known struct {
	release.Fleet
	districts []v1alpha1.District
	// operator is the service account that it runs as.
	operator district.Identity
}

func (p *preview) know(ctx context.Context) (*known, error) {
	var districts v1alpha1.DistrictList
	if err := p.cluster.client.List(ctx, &districts); err != nil {
		return nil, fmt.Errorf("list districts: %w", err)
	}
	fleet, err := release.FleetOf(ctx, p.cluster.client)
	if err != nil {
		return nil, err
	}
	operator, err := p.cluster.operator(ctx)
	if err != nil {
		return nil, err
	}
	return &known{
		Fleet: release.Fleet{
			Waves:    overlay(fleet.Waves, p.wanted.waves),
			Releases: overlay(fleet.Releases, p.wanted.releases),
		},
		districts: overlay(districts.Items, p.wanted.districts),
		operator:  operator,
	}, nil
}

// overlay replaces resources of the cluster by those that the files make.
func overlay[T any, P interface {
	*T
	client.Object
}](live, files []T) []T {
	all := slices.Clone(files)
	for i := range live {
		same := func(file T) bool {
			return client.ObjectKeyFromObject(P(&file)) == client.ObjectKeyFromObject(P(&live[i]))
		}
		if !slices.ContainsFunc(files, same) {
			all = append(all, live[i])
		}
	}
	return all
}

// operatorBinding gives the operator its rights, under this name wherever it is
// installed.
const operatorBinding = "ilp-operator"

// operator finds the service account that the operator runs as, which each
// district's isolation names.
func (c *cluster) operator(ctx context.Context) (district.Identity, error) {
	like := &unstructured.Unstructured{}
	like.SetGroupVersionKind(rbacv1.SchemeGroupVersion.WithKind("ClusterRoleBinding"))
	like.SetName(operatorBinding)
	identity := district.DefaultIdentity
	object, err := c.get(ctx, like)
	if err != nil || object == nil {
		return identity, err
	}
	var binding rbacv1.ClusterRoleBinding
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &binding); err != nil {
		return identity, err
	}
	for _, subject := range binding.Subjects {
		if subject.Kind == rbacv1.ServiceAccountKind {
			identity = district.Identity{Namespace: subject.Namespace, ServiceAccount: subject.Name}
		}
	}
	return identity, nil
}

// release finds a release, or says that there is none.
func (k *known) release(name string) (*v1alpha1.StackRelease, error) {
	if found := k.Get(name); found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("StackRelease %q does not exist: apply it, too, or name another", name)
}

// releaseOf is the release that a district comes to stand on, as the operator
// finds it. The note says where that is not what is asked for.
func (k *known) releaseOf(ctx context.Context, place *release.Place, d *v1alpha1.District) (found *v1alpha1.StackRelease, note string, err error) {
	decision, err := k.District(ctx, place, d)
	name := decision.Release
	switch wave := d.Spec.WaveRef.Name; {
	case err != nil:
		return nil, "", err
	case decision.Row == resolve.Waiting && k.Wave(wave) == nil:
		return nil, "", fmt.Errorf("wave %q does not exist: apply it, too, or name another", wave)
	case decision.Row == resolve.Waiting:
		name = string(k.Wave(wave).Spec.Release)
		note = fmt.Sprintf("it waits for Wave %s to admit it; compared is the release that the wave brings now", wave)
	case decision.Row == resolve.New && decision.Held == nil && name == "":
		return nil, "", fmt.Errorf("there is no default StackRelease: set spec.release, or annotate a StackRelease with %s=true", v1alpha1.DefaultReleaseAnnotation)
	default:
		note, err = staying(decision)
	}
	if err == nil {
		found, err = k.release(name)
	}
	return found, note, err
}

// staying says of a stack why it does not go where it is asked to; it is an
// error where it has no release then.
func staying(d resolve.Decision) (note string, err error) {
	switch {
	case d.Row == resolve.Unknown:
		return "", errors.New("something of it runs, and neither its namespace nor its status says of which release: set spec.release to the one that runs")
	case d.Held == nil:
		return "", nil
	case d.Release == "":
		return "", errors.New(d.Held.Message)
	default:
		return d.Held.Message + "; everything stays on " + d.Release, nil
	}
}
