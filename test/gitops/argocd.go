package gitops

import (
	"context"
	"fmt"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// health is what Argo CD shows of a resource.
type health string

// The healths that Argo CD knows and a script may tell.
const (
	healthy     health = "Healthy"
	progressing health = "Progressing"
	degraded    health = "Degraded"
	suspended   health = "Suspended"
)

// scriptPrefix starts the keys of argocd-cm that hold a kind's script.
const scriptPrefix = "resource.customizations.health."

// scriptTimeout is what Argo CD gives a script.
const scriptTimeout = time.Second

// argoCD holds the scripts of an argocd-cm.
type argoCD struct{ scripts map[string]string }

// loadArgoCD reads the scripts of a file with a ConfigMap.
func loadArgoCD(file string) (*argoCD, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var configMap corev1.ConfigMap
	if err := yaml.UnmarshalStrict(content, &configMap); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &argoCD{scripts: configMap.Data}, nil
}

// health runs the script of the resource's kind.
func (a *argoCD) health(ctx context.Context, object *unstructured.Unstructured) (shown health, message string, err error) {
	gvk := object.GroupVersionKind()
	key := scriptPrefix + gvk.Group + "_" + gvk.Kind
	script, found := a.scripts[key]
	if !found {
		return "", "", fmt.Errorf("there is no %s", key)
	}
	ctx, cancel := context.WithTimeout(ctx, scriptTimeout)
	defer cancel()
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	state.SetContext(ctx)
	if err := openLibraries(state); err != nil {
		return "", "", err
	}
	state.SetGlobal("obj", valueOf(state, object.Object))
	if err := state.DoString(script); err != nil {
		return "", "", fmt.Errorf("%s: %w", key, err)
	}
	result, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("%s returns %s, not a table", key, state.Get(-1).Type())
	}
	shown = health(lua.LVAsString(result.RawGetString("status")))
	switch shown {
	case healthy, progressing, degraded, suspended:
		return shown, lua.LVAsString(result.RawGetString("message")), nil
	default:
		return "", "", fmt.Errorf("%s returns the status %q, which Argo CD does not know", key, shown)
	}
}

// openLibraries opens those that a script finds in Argo CD, apart from its own
// of time and date.
func openLibraries(state *lua.LState) error {
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	} {
		call := lua.P{Fn: state.NewFunction(library.open), Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return fmt.Errorf("open Lua's library %q: %w", library.name, err)
		}
	}
	return nil
}

// valueOf makes a Lua value of one out of JSON.
func valueOf(state *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case map[string]any:
		table := state.CreateTable(0, len(v))
		for key, item := range v {
			table.RawSetString(key, valueOf(state, item))
		}
		return table
	case []any:
		table := state.CreateTable(len(v), 0)
		for _, item := range v {
			table.Append(valueOf(state, item))
		}
		return table
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case nil:
		return lua.LNil
	default:
		panic(fmt.Sprintf("%T is no value of JSON", v))
	}
}
