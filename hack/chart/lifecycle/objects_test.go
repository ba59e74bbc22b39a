package lifecycle

import (
	"fmt"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// object names something in the cluster.
type object struct{ apiVersion, kind, namespace, name string }

var (
	sintang         = object{"ilp.health/v1alpha1", "District", "", "sintang"}
	deployment      = object{"apps/v1", "Deployment", namespace, "ilp-operator"}
	needsGuards     = object{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "needsguards.ilp.health"}
	protectOperator = object{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "", "protect-operator.ilp.health"}
	// operator is what serves Districts.
	operator = []object{
		deployment,
		{"v1", "ServiceAccount", namespace, "ilp-operator"},
		{"rbac.authorization.k8s.io/v1", "ClusterRole", "", "ilp-operator"},
		{"rbac.authorization.k8s.io/v1", "ClusterRole", "", "ilp-district-manager"},
		{"rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", "ilp-operator"},
	}
	// guards are what no uninstall takes away, in the order to delete them in.
	guards = []object{
		{"v1", "Namespace", "", namespace},
		{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "districts.ilp.health"},
		{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "puskesmas.ilp.health"},
		{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "stackreleases.ilp.health"},
		{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "waves.ilp.health"},
		needsGuards,
		{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "", "protect-data.ilp.health"},
		{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "", "protect-data.ilp.health"},
		protectOperator,
		{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "", "protect-operator.ilp.health"},
	}
)

func (o object) String() string { return o.kind + " " + o.name }

func (o object) empty() *unstructured.Unstructured {
	empty := &unstructured.Unstructured{}
	empty.SetAPIVersion(o.apiVersion)
	empty.SetKind(o.kind)
	empty.SetNamespace(o.namespace)
	empty.SetName(o.name)
	return empty
}

func (c *cluster) get(o object) (*unstructured.Unstructured, error) {
	found := o.empty()
	return found, c.client.Get(c.t.Context(), client.ObjectKeyFromObject(found), found)
}

func (c *cluster) find(o object) error {
	_, err := c.get(o)
	return err
}

func (c *cluster) delete(o object, options ...client.DeleteOption) error {
	return c.client.Delete(c.t.Context(), o.empty(), options...)
}

// uids tell whether something has been deleted, or made anew.
func (c *cluster) uids(g *WithT, objects []object) map[object]types.UID {
	uids := map[object]types.UID{}
	for _, key := range objects {
		found, err := c.get(key)
		g.Expect(client.IgnoreNotFound(err)).NotTo(HaveOccurred())
		uids[key] = found.GetUID()
	}
	return uids
}

// columns are what kubectl get districts shows.
func (c *cluster) columns() ([]string, error) {
	crd, err := c.get(object{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "districts.ilp.health"})
	if err != nil {
		return nil, err
	}
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if err != nil {
		return nil, err
	}
	columns, _, err := unstructured.NestedSlice(versions[0].(map[string]any), "additionalPrinterColumns")
	names := make([]string, 0, len(columns))
	for _, column := range columns {
		names = append(names, fmt.Sprint(column.(map[string]any)["name"]))
	}
	return names, err
}

// arguments are the operator's.
func (c *cluster) arguments() ([]any, error) {
	found, err := c.get(deployment)
	if err != nil {
		return nil, err
	}
	containers, _, err := unstructured.NestedSlice(found.Object, "spec", "template", "spec", "containers")
	if err != nil {
		return nil, err
	}
	return containers[0].(map[string]any)["args"].([]any), nil
}
