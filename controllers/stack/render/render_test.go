package render

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/types"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/config"
)

// countingFS counts how often each file is opened.
type countingFS struct {
	fs.FS
	mutex  sync.Mutex
	opened map[string]int
}

func (c *countingFS) Open(name string) (fs.File, error) {
	c.mutex.Lock()
	c.opened[name]++
	c.mutex.Unlock()
	return c.FS.Open(name)
}

// mapFS copies one component, for tests that change it.
func mapFS(t testing.TB, dir string) fstest.MapFS {
	t.Helper()
	f, err := readFolder(config.Stack(), dir)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for name, content := range f.files {
		files[path.Join(dir, name)] = &fstest.MapFile{Data: content}
	}
	return files
}

func TestRenderRefusesWrongComponents(t *testing.T) {
	const dir = "exposure/ingress"
	tests := map[string]struct {
		change func(*Instance, *Component, fstest.MapFS)
		want   string
	}{
		"no such folder":     {func(_ *Instance, c *Component, _ fstest.MapFS) { c.Path = "rme/grafana" }, "config/stack has no such folder"},
		"a missing value":    {func(_ *Instance, c *Component, _ fstest.MapFS) { delete(c.Values, "host") }, `value "host" is missing: values.yaml asks for [host, service]`},
		"an unknown value":   {func(_ *Instance, c *Component, _ fstest.MapFS) { c.Values["hots"] = "x" }, `value "hots" is given but neither values.yaml asks for it nor does a patch refer to $(hots)`},
		"an unknown file":    {func(_ *Instance, c *Component, _ fstest.MapFS) { c.Files = map[string]string{"desa.csv": ""} }, `file "desa.csv" is to be replaced but the folder has none`},
		"a missing label":    {func(in *Instance, _ *Component, _ fstest.MapFS) { in.Labels = nil }, "label ilp.health/district is missing"},
		"no kustomization":   {func(_ *Instance, _ *Component, f fstest.MapFS) { delete(f, dir+"/kustomization.yaml") }, "the folder has no kustomization.yaml"},
		"a broken patch":     {func(_ *Instance, c *Component, _ fstest.MapFS) { c.Patches = []types.Patch{{Patch: "nonsense"}} }, "patch"},
		"a remote resource":  {edit(dir, "- ingress.yaml", "- https://example.org/ingress.yaml"), `refers to "https://example.org/ingress.yaml", which is not a file of the folder`},
		"a file outside":     {edit(dir, "- ingress.yaml", "- ../gateway"), `refers to "../gateway", which is not a file of the folder`},
		"a plugin":           {edit(dir, "resources:", "generators: [plugin.yaml]\nresources:"), "may not use"},
		"no managed-by":      {edit(dir, "    app.kubernetes.io/managed-by: ilp-operator\n", ""), "does not carry the label app.kubernetes.io/managed-by=ilp-operator"},
		"prefix without one": {edit(dir, "namePrefix: tebidah-\n", ""), "the instance has a name prefix but kustomization.yaml has none"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in, c := exampleOf(t, dir)
			files := mapFS(t, dir)
			test.change(&in, &c, files)
			_, err := New(files).Render(in, []Component{c}, nil)
			var componentError *ComponentError
			if !errors.As(err, &componentError) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want a ComponentError with %q", err, test.want)
			}
		})
	}
}

// edit replaces text of a component's kustomization.
func edit(dir, old, text string) func(*Instance, *Component, fstest.MapFS) {
	return func(_ *Instance, _ *Component, files fstest.MapFS) {
		file := files[dir+"/"+kustomizationFile]
		file.Data = []byte(strings.Replace(string(file.Data), old, text, 1))
	}
}

func TestJobsAreNamedBySpec(t *testing.T) {
	renderer := New(config.Stack())
	name := func(change func(*Instance, *Component)) string {
		in, c := exampleOf(t, "schema/custom")
		change(&in, &c)
		objects, err := renderer.Render(in, []Component{c}, nil)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == "Job" })
		return objects[i].GetName()
	}
	first := name(func(*Instance, *Component) {})
	if !regexp.MustCompile(`^tebidah-schema-[0-9a-f]{8}$`).MatchString(first) {
		t.Errorf("the Job is called %s", first)
	}
	if again := name(func(*Instance, *Component) {}); again != first {
		t.Errorf("the same spec got the name %s and then %s", first, again)
	}
	if other := name(func(_ *Instance, c *Component) { c.Values["image"] = "gnuhealth:6" }); other == first {
		t.Errorf("another image kept the name %s", first)
	}
	in, c := exampleOf(t, "schema/custom")
	in.NamePrefix = strings.Repeat("a", 50) + "-"
	if _, err := renderer.Render(in, []Component{c}, nil); err == nil || !strings.Contains(err.Error(), "leaves no room for the digest") {
		t.Errorf("a name that is too long gave %v", err)
	}
}

func TestPick(t *testing.T) {
	renderer := New(config.Stack())
	got, err := renderer.Pick("exposure/ingress", map[string]string{"host": "h", "service": "s", "image": "i"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"host": "h", "service": "s"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := renderer.Pick("exposure/ingress", map[string]string{"host": "h"}); err == nil || !strings.Contains(err.Error(), `asks for "service"`) {
		t.Errorf("a value that nobody offers gave %v", err)
	}
}

// TestProfilesAreFolders holds the enums of the API to the folders of the stack.
func TestProfilesAreFolders(t *testing.T) {
	source, err := os.ReadFile("../../../api/v1alpha1/common_types.go")
	if err != nil {
		t.Fatal(err)
	}
	for typeName, folder := range map[string]string{"RMEProfile": "rme", "DashboardProfile": "dashboard"} {
		enum := regexp.MustCompile(`kubebuilder:validation:Enum=(\S+)\ntype ` + typeName + ` string`).FindStringSubmatch(string(source))
		if enum == nil {
			t.Fatalf("api/v1alpha1 has no enum %s", typeName)
		}
		entries, err := fs.ReadDir(config.Stack(), folder)
		if err != nil {
			t.Fatal(err)
		}
		folders := map[string]bool{}
		for _, entry := range entries {
			folders[entry.Name()] = true
		}
		want := slices.Sorted(slices.Values(strings.Split(enum[1], ";")))
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(folders))); diff != "" {
			t.Errorf("%s and the folders of config/stack/%s differ (-enum +folders):\n%s", typeName, folder, diff)
		}
	}
	for _, profile := range []v1alpha1.RMEProfile{v1alpha1.RMEProfileGNUHealth, v1alpha1.RMEProfileCustom} {
		if _, err := fs.Stat(config.Stack(), path.Join("schema", string(profile), kustomizationFile)); err != nil {
			t.Errorf("profile %s has no schema: %v", profile, err)
		}
	}
}
