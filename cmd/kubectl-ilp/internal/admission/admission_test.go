package admission

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
)

const namespace = `
apiVersion: v1
kind: Namespace
metadata: {name: ilp-6105, labels: {ilp.health/district: "61.05"}}
`

const district = `
apiVersion: ilp.health/v1alpha1
kind: District
metadata: {name: sintang}
spec:
  code: "61.05"
  name: Kabupaten Sintang
  database: {storage: 2Gi}
`

const puskesmas = `
apiVersion: ilp.health/v1alpha1
kind: Puskesmas
metadata: {name: tebidah, namespace: ilp-6105}
spec:
  code: P6107080201
  name: Tebidah
  kecamatan: {code: 61.05.09, name: Kayan Hulu}
  desa:
    - {code: 61.05.09.2001, name: Nanga Tebidah}
`

const database = `
apiVersion: postgresql.cnpg.io/v1
kind: Database
metadata: {name: tebidah-database, namespace: ilp-6105}
spec: {cluster: {name: database}, name: p6107080201, owner: p6107080201, ensure: present}
`

// TestCheck changes a good object and reads what is refused.
func TestCheck(t *testing.T) {
	checker, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		good, old, new string
		want           []string // parts of each problem, in order
	}{
		"namespace":                     {good: namespace},
		"district":                      {good: district},
		"puskesmas":                     {good: puskesmas},
		"database":                      {good: database},
		"database that is dropped":      {database, "ensure: present", "ensure: absent", []string{"spec.ensure: 'absent' drops p6107080201 in PostgreSQL. databases tebidah-database holds data of district 61.05"}},
		"database with consent":         {database, "ilp-6105}\nspec: {", "ilp-6105, annotations: {ilp.health/delete-data: \"61.05\"}}\nspec: {databaseReclaimPolicy: delete, ", nil},
		"database of somebody else":     {database, "ilp-6105}\nspec: {", "payroll}\nspec: {databaseReclaimPolicy: delete, ", nil},
		"namespace of another code":     {namespace, "name: ilp-6105", "name: ilp-6107", []string{"metadata.labels[ilp.health/district]: '61.05' does not agree with the namespace's name 'ilp-6107'"}},
		"namespace of nobody":           {namespace, `labels: {ilp.health/district: "61.05"}`, "labels: {}", nil},
		"unknown kind":                  {district, "kind: District", "kind: Distrik", []string{"there is no kind Distrik in ilp.health/v1alpha1: use one of District"}},
		"unknown version":               {district, "v1alpha1", "v2", []string{"there is no kind District in ilp.health/v2"}},
		"unknown fields":                {district, "storage: 2Gi", "storage: 2Gi, size: 3Gi", []string{"spec.database.size: unknown field"}},
		"unknown field of metadata":     {district, "{name: sintang}", "{name: sintang, label: {}}", []string{"metadata.label: unknown field"}},
		"code as a number":              {district, `"61.05"`, "61.05", []string{"spec.code: must be a string, not of type number: write it in quotes"}},
		"code of no province":           {district, `"61.05"`, `"77.05"`, []string{"spec.code: '77.05' starts with a province code that does not exist"}},
		"code of a kota":                {district, `"61.05"`, `"61.72"`, []string{"spec.name: name 'Kabupaten Sintang' does not agree with code 61.72"}},
		"without storage":               {district, "database: {storage: 2Gi}", "database: {}", []string{"spec.database.storage: Required value"}},
		"name of a district":            {district, "name: sintang", "name: Sintang", []string{`metadata.name: Invalid value: "Sintang": a lowercase RFC 1123 subdomain`, "Sintang: metadata.name must be a DNS label"}},
		"state":                         {district, "database:", "state: Asleep\n  database:", []string{`spec.state: Unsupported value: "Asleep": supported values: "Active", "Suspended", "Hibernated"`}},
		"kode of a Puskesmas":           {puskesmas, "P6107080201", "P610708020", []string{"spec.code: 'P610708020' is not a kode Puskesmas"}},
		"kecamatan of another district": {puskesmas, "61.05.09, name: Kayan", "61.07.09, name: Kayan", []string{"spec.kecamatan.code: '61.07.09' lies outside district 61.05"}},
		"desa of another district":      {puskesmas, "61.05.09.2001", "61.07.09.2001", []string{"spec.desa: outside district 61.05 lie '61.07.09.2001'"}},
		"namespace of no district":      {puskesmas, "namespace: ilp-6105", "namespace: default", []string{"metadata.namespace 'default' is not the namespace of a district"}},
		"without namespace":             {puskesmas, ", namespace: ilp-6105", "", []string{"metadata.namespace: Required value"}},
		"desa twice": {
			puskesmas, "    - {code", "    - {code: 61.05.09.2001, name: Again}\n    - {code",
			[]string{"spec.desa: desa '61.05.09.2001' is listed twice: list each desa once"},
		},
		"many at once": {
			puskesmas, "name: Kayan Hulu}", "name: Kayan Hulu}\n  category: Large\n  colour: red",
			[]string{"spec.colour: unknown field", "spec.category: Unsupported value"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(test.good, test.old) {
				t.Fatalf("%q is not in the object", test.old)
			}
			set := manifest.Parse("x.yaml", []byte(strings.Replace(test.good, test.old, test.new, 1)))
			if len(set.Problems) > 0 || len(set.Objects) != 1 {
				t.Fatalf("not read: %v", set.Problems)
			}
			got := checker.Check(t.Context(), set.Objects[0])
			if len(got) != len(test.want) {
				t.Fatalf("says %v, want %d problems", got, len(test.want))
			}
			for i, want := range test.want {
				if !strings.Contains(got[i].String(), want) {
					t.Errorf("says %q, want %q", got[i], want)
				}
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	checker, err := New()
	if err != nil {
		t.Fatal(err)
	}
	object := manifest.Parse("x.yaml", []byte(district)).Objects[0]
	if problems := checker.Check(t.Context(), object); len(problems) > 0 {
		t.Fatal(problems)
	}
	if state := object.Object["spec"].(map[string]any)["state"]; state != "Active" {
		t.Errorf("spec.state is %v, want the default Active", state)
	}
}

// TestSamples takes everything that the repository shows as right.
func TestSamples(t *testing.T) {
	checker, err := New()
	if err != nil {
		t.Fatal(err)
	}
	set, err := manifest.Read([]string{filepath.Join("..", "..", "..", "..", "config", "samples")}, os.Stdin)
	if err != nil || len(set.Problems) > 0 || len(set.Objects) < 5 {
		t.Fatal(err, set)
	}
	for _, object := range set.Objects {
		for _, problem := range checker.Check(t.Context(), object) {
			t.Error(problem)
		}
	}
}
