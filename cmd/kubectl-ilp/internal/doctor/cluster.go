package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/health"
	"ilp.health/operator/controllers/stack/live"
)

// The oldest versions that the operator works with.
var (
	oldestKubernetes    = semver.MustParse("1.34.0")
	oldestCloudNativePG = semver.MustParse("1.30.0")
)

const (
	labelName    = "app.kubernetes.io/name"
	labelIngress = "ilp.health/ingress"
	// annotationDefault marks the default StorageClass.
	annotationDefault = "storageclass.kubernetes.io/is-default-class"
)

func (p *patient) kubernetes(context.Context) (finding, error) {
	info, err := p.discovery.ServerVersion()
	if err != nil {
		return finding{}, err
	}
	version, err := semver.NewVersion(info.GitVersion)
	if err != nil {
		return finding{}, fmt.Errorf("version %q: %w", info.GitVersion, err)
	}
	if older(version, oldestKubernetes) {
		return failed("upgrade the cluster", "%s is older than %d.%d", info.GitVersion, oldestKubernetes.Major(), oldestKubernetes.Minor())
	}
	return passed("%s", info.GitVersion)
}

// older compares what a minor version can do; a preview of it can do it.
func older(version, than *semver.Version) bool {
	return version.Major() < than.Major() || (version.Major() == than.Major() && version.Minor() < than.Minor())
}

// served reports whether the cluster has a kind.
func (p *patient) served(gvk schema.GroupVersionKind) (bool, error) {
	_, err := p.client.RESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		return false, nil
	}
	return err == nil, err
}

// cloudNativePGAccount is how CloudNativePG's own manifest installs it, and how
// the policies know it.
const cloudNativePGAccount = cnpg.OperatorNamespace + ":cnpg-manager"

func (p *patient) cloudNativePG(ctx context.Context) (finding, error) {
	install := fmt.Sprintf("install CloudNativePG %d.%d or later", oldestCloudNativePG.Major(), oldestCloudNativePG.Minor())
	for _, gvk := range cnpg.Kinds {
		there, err := p.served(gvk)
		if err != nil {
			return finding{}, err
		}
		if !there {
			return failed(install, "the cluster has no kind %s of %s: it is not installed, or too old", gvk.Kind, gvk.Group)
		}
	}
	deployment, err := p.deployment(ctx, "cloudnative-pg")
	if err != nil {
		return finding{}, err
	}
	if deployment == nil {
		return failed(install, "its kinds are there, and no Deployment labelled %s=cloudnative-pg that would serve them", labelName)
	}
	where, image := client.ObjectKeyFromObject(deployment), imageOf(deployment)
	if state := health.Check(deployment); state.State != health.Ready {
		return failed("kubectl describe deployment -n "+where.Namespace+" "+where.Name, "Deployment %s: %s", where, state.Message)
	}
	account := where.Namespace + ":" + deployment.Spec.Template.Spec.ServiceAccountName
	version, err := semver.NewVersion(tagOf(image))
	switch {
	case account != cloudNativePGAccount:
		return failed("install it by its own manifest, or with that namespace and service account",
			"it runs as %s, and the policies let %s alone make volume claims that belong to a Cluster: no database would start", account, cloudNativePGAccount)
	case err != nil:
		return warned("see that it is "+oldestCloudNativePG.String()+" or later", "image %s of Deployment %s names no version", image, where)
	case older(version, oldestCloudNativePG):
		return failed(install, "%s is older than %d.%d", version, oldestCloudNativePG.Major(), oldestCloudNativePG.Minor())
	}
	return passed("%s in %s", version, where.Namespace)
}

// deployment finds one by the name that its label gives, wherever it is; nil if
// there is none.
func (p *patient) deployment(ctx context.Context, name string) (*appsv1.Deployment, error) {
	var list appsv1.DeploymentList
	if err := p.client.List(ctx, &list, client.MatchingLabels{labelName: name}); err != nil {
		return nil, err
	}
	if len(list.Items) == 0 {
		return nil, nil
	}
	return &list.Items[0], nil
}

func imageOf(d *appsv1.Deployment) string {
	if len(d.Spec.Template.Spec.Containers) == 0 {
		return ""
	}
	return d.Spec.Template.Spec.Containers[0].Image
}

// tagOf an image, or nothing.
func tagOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return tag
}

func (p *patient) storage(ctx context.Context) (finding, error) {
	var list storagev1.StorageClassList
	if err := p.client.List(ctx, &list); err != nil {
		return finding{}, err
	}
	var defaults []string
	for _, class := range list.Items {
		if class.Annotations[annotationDefault] == "true" {
			defaults = append(defaults, class.Name)
		}
	}
	switch len(defaults) {
	case 0:
		return failed("kubectl annotate storageclass NAME "+annotationDefault+"=true, or name one in spec.database.storageClassName of every District",
			"none of %d StorageClasses is the default", len(list.Items))
	case 1:
		return passed("StorageClass %s is the default", defaults[0])
	default:
		return warned("leave one", "more than one StorageClass is the default: %s", strings.Join(defaults, ", "))
	}
}

func (p *patient) ingress(ctx context.Context) (finding, error) {
	var classes networkingv1.IngressClassList
	if err := p.client.List(ctx, &classes); err != nil {
		return finding{}, err
	}
	gateways, err := p.served(live.RouteKind)
	if err != nil {
		return finding{}, err
	}
	by := "the Gateway API"
	switch {
	case len(classes.Items) > 0:
		by = "IngressClass " + classes.Items[0].Name
	case !gateways:
		return failed("install an ingress controller, or the Gateway API; without one nothing is published", "there is neither an IngressClass nor the Gateway API")
	}
	var namespaces corev1.NamespaceList
	if err := p.client.List(ctx, &namespaces, client.MatchingLabels{labelIngress: "true"}); err != nil {
		return finding{}, err
	}
	if len(namespaces.Items) == 0 {
		return warned("kubectl label namespace NAME "+labelIngress+"=true, unless it runs on the nodes' own network",
			"%s is there, and no namespace has the label by which its controller may reach RME and dashboard", by)
	}
	return passed("%s; namespace %s may reach RME and dashboard", by, namespaces.Items[0].Name)
}
