package preview

import (
	"context"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/district"
	"ilp.health/operator/controllers/stack/upgrade"
)

// known is what the operator would know after the files are applied: what the
// cluster has, and instead of it what the files make of it.
type known struct {
	districts []v1alpha1.District
	waves     []v1alpha1.Wave
	releases  []v1alpha1.StackRelease
	// operator is the service account that it runs as.
	operator district.Identity
}

func (p *preview) know(ctx context.Context) (*known, error) {
	var districts v1alpha1.DistrictList
	var waves v1alpha1.WaveList
	var releases v1alpha1.StackReleaseList
	for _, list := range []client.ObjectList{&districts, &waves, &releases} {
		if err := p.cluster.client.List(ctx, list); err != nil {
			return nil, fmt.Errorf("list what the operator knows: %w", err)
		}
	}
	operator, err := p.cluster.operator(ctx)
	if err != nil {
		return nil, err
	}
	return &known{
		districts: overlay(districts.Items, p.wanted.districts),
		waves:     overlay(waves.Items, p.wanted.waves),
		releases:  overlay(releases.Items, p.wanted.releases),
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
func (k *known) release(name v1alpha1.ObjectName) (*v1alpha1.StackRelease, error) {
	for i := range k.releases {
		if k.releases[i].Name == string(name) {
			return &k.releases[i], nil
		}
	}
	return nil, fmt.Errorf("StackRelease %q does not exist: apply it, too, or name another", name)
}

// releaseOf is the release that a district comes to stand on, as the operator
// finds it. The note says where that is not what its spec asks for.
func (k *known) releaseOf(d *v1alpha1.District) (release *v1alpha1.StackRelease, note string, err error) {
	current := v1alpha1.ObjectName(d.Status.Release.Current)
	switch wave := d.Spec.WaveRef.Name; {
	case d.Spec.Release != "":
		release, err = k.release(d.Spec.Release)
	case wave != "" && current != "":
		release, err = k.release(current)
	case wave != "":
		i := slices.IndexFunc(k.waves, func(w v1alpha1.Wave) bool { return w.Name == string(wave) })
		if i < 0 {
			return nil, "", fmt.Errorf("wave %q does not exist: apply it, too, or name another", wave)
		}
		release, err = k.release(k.waves[i].Spec.Release)
		note = fmt.Sprintf("it waits for Wave %s to give it a release; compared is the one that the wave brings now", wave)
	default:
		if release = upgrade.Default(k.releases); release == nil {
			err = fmt.Errorf("there is no default StackRelease: set spec.release, or annotate a StackRelease with %s=true", v1alpha1.DefaultReleaseAnnotation)
		}
	}
	if err != nil || current == "" || string(current) == release.Name {
		return release, note, err
	}
	from, err := k.release(current)
	if err != nil {
		return nil, "", err
	}
	if _, refusal := upgrade.Path(upgrade.ReleaseOf(from), upgrade.ReleaseOf(release)); refusal != nil {
		return from, refusal.Message + "; everything stays on " + from.Name, nil
	}
	return release, note, nil
}
