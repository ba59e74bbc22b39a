package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
)

// TestFenceHolds throws random patches at real stacks. Each is refused as the
// user's mistake, or has changed nothing but what the oracle knows as allowed.
func TestFenceHolds(t *testing.T) {
	const rounds = 600
	for name, objects := range stacks(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := &thrower{Rand: rand.New(rand.NewPCG(6105, 11)), objects: objects}
			taken, changed := 0, 0
			for range rounds {
				patches := make([]v1alpha1.Patch, 1+random.IntN(4)/2)
				for i := range patches {
					patches[i] = random.patch()
				}
				input := make([]*unstructured.Unstructured, len(objects))
				for i := range objects {
					input[i] = objects[i].DeepCopy()
				}
				after, err := applyPatches(input, patches)
				if patchError := (*PatchError)(nil); err != nil && !errors.As(err, &patchError) {
					t.Fatalf("%v\nis a %T: %v", written(patches), err, err)
				}
				if err := outsideFence(objects, input); err != nil {
					t.Fatalf("%v\nreached what was rendered: %v", written(patches), err)
				}
				if err != nil {
					continue
				}
				taken++
				if err := outsideFence(objects, after); err != nil {
					t.Fatalf("%v\nwas taken: %v", written(patches), err)
				}
				for i := range after {
					if !slices.Equal(mustJSON(after[i].Object), mustJSON(objects[i].Object)) {
						changed++
						break
					}
				}
			}
			t.Logf("of %d rounds %d were taken, of them %d changed something", rounds, taken, changed)
			if changed < rounds/50 || taken > rounds/2 {
				t.Errorf("of %d rounds %d were taken, of them %d changed something: the patches are not worth much", rounds, taken, changed)
			}
		})
	}
}

func written(patches []v1alpha1.Patch) string {
	var b strings.Builder
	for _, p := range patches {
		fmt.Fprintf(&b, "%+v\n%s\n", p.Target, p.Patch)
	}
	return b.String()
}

func mustJSON(v any) []byte {
	content, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return content
}

// thrower makes patches, mean and plain ones.
type thrower struct {
	*rand.Rand
	objects []*unstructured.Unstructured
}

func pick[T any](r *thrower, list []T) T { return list[r.IntN(len(list))] }

// words are keys and values that matter to somebody.
var words = []string{
	"note", "cost-centre", "dinkes.example.go.id/unit", "ilp.health/district", "ilp.health/puskesmas", "app.kubernetes.io/component", "cnpg.io/cluster", "cnpg.io/hibernation",
	"k8s.v1.cni.cncf.io/networks", "sidecar.istio.io/inject", "nginx.ingress.kubernetes.io/server-snippet", "nginx.ingress.kubernetes.io/proxy-body-size", "cert-manager.io/issuer",
	"pod-template-hash", "config.kubernetes.io/local-config", "hostNetwork", "hostPID", "privileged", "envFrom", "valueFrom", "secretKeyRef", "name", "value", "image", "command",
	"volumes", "hostPath", "serviceAccountName", "automountServiceAccountToken", "priorityClassName", "externalIPs", "externalName", "superuser", "ensure", "initContainers",
	"FEATURE_X", "DB_HOST", "LD_PRELOAD", "PGHOST", "BASH_FUNC_psql%%", "$(ADMIN_PASSWORD)", "tebidah-database", "512Mi", "0", "-1", "2", "40Gi", "on", "off",
	"work_mem", "fsync", "ssl_ciphers", "archive_mode", "pgaudit.log", "shared_preload_libraries", "max_connections", "nvidia.com/gpu", "cpu", "memory", "limits", "requests",
	"$patch", "$retainKeys", "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers", "a/b~c", "", "finalizers", "ownerReferences", "key", "operator", "effect",
}

// plain are patches of openings, some of which are fine.
func (r *thrower) plain() (path []string, value any) {
	word := func() string { return pick(r, words) }
	if r.IntN(3) > 0 {
		word = func() string { return pick(r, []string{"note", "cost-centre", "work_mem", "FEATURE_X", "FEATURE_Y"}) }
	}
	container := []string{"spec", "template", "spec", "containers", "0"}
	switch r.IntN(9) {
	case 0:
		return []string{"spec", "replicas"}, pick(r, []any{0, 1, 3, 10, 11, -1, "2", nil, 1.5})
	case 1:
		return append(container, "env", pick(r, []string{"-", "0", "1"})), map[string]any{"name": pick(r, []string{word(), "FEATURE_X", "DB_HOST", "SATUSEHAT_ENV", "PGHOST", "LD_PRELOAD"}), "value": word()}
	case 2:
		return append(container, "resources", pick(r, []string{"limits", "requests"})), map[string]any{pick(r, []string{"cpu", "memory", "nvidia.com/gpu"}): pick(r, []any{"1", "2Gi", "0", "x", 1, nil, true})}
	case 3:
		return []string{"spec", "template", "spec", "nodeSelector"}, map[string]any{word(): word()}
	case 4:
		return []string{"spec", "template", "metadata", pick(r, []string{"labels", "annotations"}), word()}, word()
	case 5:
		return []string{"metadata", pick(r, []string{"labels", "annotations"})}, map[string]any{word(): word()}
	case 6:
		return []string{"spec", "postgresql", "parameters", word()}, word()
	case 7:
		return []string{"spec", "storage", "size"}, pick(r, []any{"40Gi", "1Gi", 7, nil})
	default:
		return []string{"spec", "template", "spec", "tolerations"}, []any{map[string]any{"key": word(), "operator": "Exists"}}
	}
}

// anywhere is a path of an object or one step beyond, and any value.
func (r *thrower) anywhere(o *unstructured.Unstructured) (path []string, v any) {
	path = r.walk(o.Object)
	if r.IntN(3) == 0 {
		path = append(path, pick(r, words))
	}
	return path, r.value(3)
}

func (r *thrower) walk(v any) []string {
	var path []string
	for r.IntN(7) > 0 {
		switch node := v.(type) {
		case map[string]any:
			if len(node) == 0 {
				return path
			}
			key := pick(r, slices.Sorted(maps.Keys(node)))
			path, v = append(path, key), node[key]
		case []any:
			if len(node) == 0 {
				return path
			}
			i := r.IntN(len(node))
			path, v = append(path, strconv.Itoa(i)), node[i]
		default:
			return path
		}
	}
	return path
}

func (r *thrower) value(depth int) any {
	switch n := r.IntN(12); {
	case n < 4 || depth == 0:
		return pick(r, words)
	case n == 4:
		return r.IntN(20) - 5
	case n == 5:
		return nil
	case n == 6:
		return r.IntN(2) == 0
	case n == 7:
		return []any{r.value(depth - 1)}
	case n == 8: // what stands somewhere else in the stack
		var v any = pick(r, r.objects).Object
		for _, step := range r.walk(v) {
			if m, ok := v.(map[string]any); ok {
				v = m[step]
			}
		}
		return v
	default:
		m := map[string]any{}
		for range 1 + r.IntN(2) {
			m[pick(r, words)] = r.value(depth - 1)
		}
		return m
	}
}

func (r *thrower) patch() v1alpha1.Patch {
	o := pick(r, r.objects)
	path, v := r.anywhere(o)
	odds := 8
	if r.IntN(3) > 0 {
		odds = 40
		path, v = r.plain()
		open := func(o *unstructured.Unstructured) bool {
			return slices.Contains([]string{"Deployment", "Job", "Cluster", "Ingress"}, o.GetKind()) && (o.GetKind() == "Cluster") == (path[1] == "postgresql" || path[1] == "storage")
		}
		if candidates := slices.DeleteFunc(slices.Clone(r.objects), func(o *unstructured.Unstructured) bool { return !open(o) }); len(candidates) > 0 {
			o = pick(r, candidates)
		}
	}
	p := v1alpha1.Patch{Target: v1alpha1.PatchTarget{Kind: o.GetKind(), Name: regexp.QuoteMeta(o.GetName())}}
	switch r.IntN(odds) {
	case 0:
		p.Target = v1alpha1.PatchTarget{Kind: o.GetKind()}
	case 1:
		p.Target = v1alpha1.PatchTarget{Name: ".*" + regexp.QuoteMeta(o.GetName()[len(o.GetName())/2:])}
	case 2:
		p.Target = v1alpha1.PatchTarget{LabelSelector: v1alpha1.LabelManagedBy + "=" + v1alpha1.ManagerName}
	}
	if r.IntN(2) == 0 {
		p.Patch = string(mustJSON(r.operations(o, path, v)))
	} else {
		p.Patch = string(mustJSON(r.merge(o.Object, path, v)))
	}
	return p
}

func (r *thrower) operations(o *unstructured.Unstructured, path []string, v any) []map[string]any {
	pointer := func(path []string) string {
		var b strings.Builder
		for _, step := range path {
			b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(step))
		}
		return b.String()
	}
	operations := []map[string]any{{"op": pick(r, []string{"add", "add", "add", "replace", "remove"}), "path": pointer(path), "value": v}}
	for range r.IntN(2) {
		more := map[string]any{"op": pick(r, []string{"move", "copy", "copy", "add", "replace"}), "from": pointer(r.walk(o.Object)), "path": pointer(r.walk(o.Object)), "value": r.value(2)}
		operations = append(operations, more)
	}
	return operations
}

// merge nests a value; list elements are found by their names.
func (r *thrower) merge(node any, path []string, v any) any {
	if len(path) == 0 {
		return v
	}
	if list, ok := node.([]any); ok {
		element := map[string]any{}
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(list) {
			if named, ok := list[i].(map[string]any); ok {
				if inner, ok := r.merge(named, path[1:], v).(map[string]any); ok {
					element = inner
				}
				if name, ok := named["name"]; ok {
					element["name"] = name
				}
			}
		} else if inner, ok := v.(map[string]any); ok {
			element = maps.Clone(inner)
		}
		if r.IntN(10) == 0 {
			element["$patch"] = pick(r, []string{"delete", "replace", "merge"})
		}
		return []any{element}
	}
	var below any
	if m, ok := node.(map[string]any); ok {
		below = m[path[0]]
	}
	merged := map[string]any{path[0]: r.merge(below, path[1:], v)}
	switch r.IntN(30) {
	case 0:
		merged["$patch"] = pick(r, []string{"delete", "replace", "merge"})
	case 1:
		merged["$retainKeys"] = []any{path[0]}
	case 2:
		merged["$setElementOrder/"+path[0]] = []any{map[string]any{"name": "x"}}
	}
	return merged
}
