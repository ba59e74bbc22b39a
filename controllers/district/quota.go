package district

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/override"
)

// quotaStep is by how many Puskesmas the quota grows at once, so that it does
// not change with every facility that is registered.
const quotaStep = 10

// quota bounds what a district may take of the cluster: what its stack needs
// while every RME rolls at once, and some room. It keeps a mistake in one
// district from starving the others, and is no means of saving.
func quota(d v1alpha1.DistrictSpec, puskesmas int) map[string]string {
	facilities := int64(puskesmas/quotaStep+1) * quotaStep
	replicas := int64(max(d.RME.Replicas, 1))
	instances := int64(max(d.Database.Instances, 1))
	memory := func(r v1alpha1.ResourceRequirements, otherwise string) *resource.Quantity {
		if q, ok := r.Limits["memory"]; ok && !q.IsZero() {
			return &q
		}
		q := resource.MustParse(otherwise)
		return &q
	}
	// A roll has every pod twice, and a schema Job beside it.
	pods := facilities*(2*replicas+1) + 3*instances + 10
	limits := sum(
		times(memory(d.RME.Resources, "1Gi"), facilities*(2*replicas+1)),
		times(memory(d.Database.Resources, "2Gi"), 3*instances),
		resource.MustParse("8Gi"),
	)
	storage := times(parse(string(d.Database.Storage)), 3*instances)
	cpu := resource.NewQuantity(facilities*replicas/2+4*instances+4, resource.DecimalSI)
	return map[string]string{
		"pods":            resource.NewQuantity(pods, resource.DecimalSI).String(),
		"requestsCPU":     cpu.String(),
		"requestsMemory":  limits.String(),
		"limitsMemory":    limits.String(),
		"requestsStorage": storage.String(),
	}
}

// parse reads a size that CEL has checked.
func parse(size string) *resource.Quantity {
	q, err := resource.ParseQuantity(size)
	if err != nil {
		return resource.NewQuantity(0, resource.BinarySI)
	}
	return &q
}

func times(q *resource.Quantity, n int64) resource.Quantity {
	product := q.DeepCopy()
	product.Mul(n)
	return product
}

func sum(quantities ...resource.Quantity) resource.Quantity {
	total := resource.NewQuantity(0, resource.BinarySI)
	for _, q := range quantities {
		total.Add(q)
	}
	return *total
}

// sorted orders operations, since the parameters come from a map.
func sorted(adds []override.Add) []override.Add {
	slices.SortStableFunc(adds, func(a, b override.Add) int { return cmp.Compare(a.Path, b.Path) })
	return adds
}
