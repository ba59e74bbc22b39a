package render

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ilp.health/operator/api/v1alpha1"
)

// on makes a patch of the object that is called kind/name; without a name it is
// for all of the kind.
func on(object, patch string) v1alpha1.Patch {
	kind, name, _ := strings.Cut(object, "/")
	return v1alpha1.Patch{Target: v1alpha1.PatchTarget{Kind: kind, Name: name}, Patch: patch}
}

const (
	rme       = "Deployment/tebidah-rme"
	container = `/spec/template/spec/containers/0`
	pods      = "spec: {template: {spec: {"
)

func TestFenceRefuses(t *testing.T) {
	tests := map[string]struct {
		stack string
		patch v1alpha1.Patch
		want  string
	}{
		// As they were tried.
		"the neighbour's Secret by envFrom":   {"gnuhealth", on(rme, pods+"containers: [{name: gnuhealth, envFrom: [{secretRef: {name: kelam-database}}]}]}}}"), "it changes spec.template.spec.containers[gnuhealth].envFrom of Deployment/tebidah-rme, which no patch may: of kind Deployment patches change only spec.replicas, metadata.labels, "},
		"the neighbour's Secret by valueFrom": {"gnuhealth", on(rme, `[{op: add, path: `+container+`/env/-, value: {name: X, valueFrom: {secretKeyRef: {name: kelam-database, key: password}}}}]`), "it changes spec.template.spec.containers[gnuhealth].env of Deployment/tebidah-rme: X needs a name and a plain value in quotes, nothing else: no valueFrom"},
		"the neighbour's Secret as a volume":  {"gnuhealth", on(rme, `[{op: add, path: /spec/template/spec/volumes/-, value: {name: x, secret: {secretName: kelam-database}}}]`), "it changes spec.template.spec.volumes of"},
		"another Secret than its own":         {"gnuhealth", on(rme, `[{op: replace, path: `+container+`/env/4/valueFrom/secretKeyRef/name, value: kelam-database}]`), "DB_USER stays as it is and where it is"},
		"a wide egress":                       {"gnuhealth", on("NetworkPolicy", `spec: {podSelector: {matchLabels: null}, egress: [{}]}`), "which no patch may: patches change nothing of kind NetworkPolicy, only of Cluster, Deployment, Ingress, Job"},
		"CloudNativePG's labels on pods":      {"gnuhealth", on(rme, `spec: {template: {metadata: {labels: {cnpg.io/cluster: database}}}}`), "it changes spec.template.metadata.labels of Deployment/tebidah-rme: cnpg.io/cluster: a label's key has no domain or one in Indonesia"},
		"externalIPs":                         {"gnuhealth", on("Service", `spec: {externalIPs: [10.0.0.1]}`), "it changes spec.externalIPs of Service/tebidah-rme, which no patch may"},
		"ExternalName":                        {"gnuhealth", on("Service", `spec: {type: ExternalName, externalName: example.org}`), "it changes spec.externalName of Service"},
		"superuser":                           {"gnuhealth", on("DatabaseRole", `spec: {superuser: true}`), "it changes spec.superuser of DatabaseRole/tebidah-database"},
		"a dropped database":                  {"gnuhealth", on("Database", `spec: {ensure: absent}`), "it changes spec.ensure of Database/tebidah-database"},
		"a dropped database, by reclaim":      {"gnuhealth", on("Database", `spec: {databaseReclaimPolicy: delete}`), "it changes spec.databaseReclaimPolicy of"},
		"a system priority":                   {"gnuhealth", on(rme, pods+"priorityClassName: system-cluster-critical}}}"), "it changes spec.template.spec.priorityClassName of"},
		"a mounted token":                     {"gnuhealth", on("ServiceAccount", `automountServiceAccountToken: true`), "it changes automountServiceAccountToken of ServiceAccount/tebidah-rme"},
		"a mounted token, in the pod":         {"gnuhealth", on(rme, pods+"automountServiceAccountToken: true}}}"), "it changes spec.template.spec.automountServiceAccountToken of"},
		"a Secret with a token":               {"gnuhealth", on("Secret/tebidah-database", `{type: kubernetes.io/service-account-token}`), "it changes type of Secret/tebidah-database"},
		"an Ingress snippet":                  {"gnuhealth", on("Ingress", `metadata: {annotations: {nginx.ingress.kubernetes.io/server-snippet: "return 200;"}}`), "it changes metadata.annotations of Ingress/tebidah-web: nginx.ingress.kubernetes.io/server-snippet: an Ingress takes only cert-manager.io/cluster-issuer, "},
		"an Ingress snippet in a size":        {"gnuhealth", on("Ingress", `metadata: {annotations: {nginx.ingress.kubernetes.io/proxy-body-size: "1m; return 200"}}`), `"1m; return 200" is no value of it`},
		"another host":                        {"gnuhealth", on("Ingress", `[{op: replace, path: /spec/rules/0/host, value: kelam.example.go.id}]`), "it changes spec.rules[0].host of Ingress/tebidah-web, which no patch may: use spec.rme.host of a Puskesmas or spec.exposure.domain of the District; of kind Ingress patches change only"},
		"another host of a route":             {"custom", on("HTTPRoute", `spec: {hostnames: [kelam.example.go.id]}`), "use spec.exposure of the District or spec.rme.host"},
		"pod security":                        {"district", on("Namespace", `metadata: {labels: {pod-security.kubernetes.io/enforce: privileged}}`), "it changes metadata.labels[pod-security.kubernetes.io/enforce] of Namespace/ilp-6105"},
		"no default-deny":                     {"district", on("NetworkPolicy/default-deny", `$patch: delete`), "it deletes NetworkPolicy/default-deny, which no patch may"},
		"the quota":                           {"district", on("ResourceQuota", `spec: {hard: {services.nodeports: "5"}}`), "it changes spec.hard[services.nodeports] of ResourceQuota/district"},
		"more rights":                         {"district", on("Role/dinkes", `[{op: add, path: /rules/-, value: {apiGroups: [""], resources: [secrets], verbs: [get]}}]`), "it changes rules of Role/dinkes"},
		"other SQL":                           {"district", on("ConfigMap", `data: {load.sql: DROP TABLE desa}`), "of ConfigMap/pws-"},
		// What makes a pod another.
		"host network":             {"gnuhealth", on(rme, pods+"hostNetwork: true}}}"), "spec.template.spec.hostNetwork"},
		"a host path":              {"gnuhealth", on(rme, `[{op: replace, path: /spec/template/spec/volumes/0, value: {name: tmp, hostPath: {path: /}}}]`), "spec.template.spec.volumes[tmp].emptyDir"},
		"privileged":               {"gnuhealth", on(rme, pods+"containers: [{name: gnuhealth, securityContext: {privileged: true}}]}}}"), "containers[gnuhealth].securityContext.privileged"},
		"another user":             {"gnuhealth", on(rme, pods+"securityContext: {runAsUser: 0}}}}"), "spec.template.spec.securityContext.runAsUser"},
		"another image":            {"gnuhealth", on(rme, pods+"containers: [{name: gnuhealth, image: x}]}}}"), "containers[gnuhealth].image of Deployment/tebidah-rme, which no patch may: use spec.rme.image of a Puskesmas; of kind Deployment patches change only"},
		"another command":          {"gnuhealth", on(rme, pods+"containers: [{name: gnuhealth, command: [sh]}]}}}"), "containers[gnuhealth].command"},
		"another container":        {"gnuhealth", on(rme, pods+"containers: [{name: x, image: x}]}}}"), "it changes spec.template.spec.containers of"},
		"a renamed container":      {"gnuhealth", on(rme, `[{op: replace, path: `+container+`/name, value: x}]`), "containers[gnuhealth].name"},
		"no container":             {"gnuhealth", on(rme, pods+"containers: [{name: gnuhealth, $patch: delete}]}}}"), "it changes spec.template.spec.containers"},
		"an init container":        {"gnuhealth", on(rme, pods+"initContainers: [{name: x, image: x}]}}}"), "spec.template.spec.initContainers"},
		"another pod":              {"gnuhealth", on(rme, "spec: {template: {spec: {$patch: replace, containers: [{name: gnuhealth}]}}}"), "it changes spec.template.spec."},
		"another selector":         {"gnuhealth", on(rme, `spec: {selector: {matchLabels: {app: x}}}`), "it changes spec.selector.matchLabels.app"},
		"everything copied":        {"gnuhealth", on(rme, `[{op: copy, from: /spec, path: /spec/template/spec/x}]`), "it changes spec.template.spec.x"},
		"a pod that moves":         {"gnuhealth", on(rme, `[{op: move, from: /spec/template/spec/securityContext, path: /spec/template/spec/x}]`), "it changes spec.template.spec.securityContext"},
		"null in place of nothing": {"gnuhealth", on(rme, `[{op: add, path: /spec/template/spec/hostPID, value: null}]`), "it changes spec.template.spec.hostPID"},
		"an owner":                 {"gnuhealth", on(rme, `metadata: {ownerReferences: [{apiVersion: v1, kind: Pod, name: x, uid: x}]}`), "it changes metadata.ownerReferences"},
		"a finalizer":              {"gnuhealth", on(rme, `metadata: {finalizers: [x/y]}`), "it changes metadata.finalizers"},
		"a status":                 {"gnuhealth", on(rme, `status: {replicas: 1}`), "it changes status of"},
		"a patient Job":            {"gnuhealth", on("Job", `spec: {backoffLimit: 9}`), "it changes spec.backoffLimit of Job/tebidah-schema"},
		"no disruption budget":     {"gnuhealth", on("PodDisruptionBudget", `$patch: delete`), "it deletes PodDisruptionBudget/tebidah-rme"},
		// Openings and their edges.
		"too many replicas":         {"gnuhealth", on(rme, `spec: {replicas: 11}`), "write a number from 0 to 10"},
		"fewer than none":           {"gnuhealth", on(rme, `spec: {replicas: -1}`), "write a number from 0 to 10"},
		"replicas as text":          {"gnuhealth", on(rme, `spec: {replicas: "2"}`), "write a number from 0 to 10"},
		"no word about replicas":    {"gnuhealth", on(rme, `spec: {replicas: null}`), "write a number from 0 to 10"},
		"a changed variable":        {"gnuhealth", on(rme, `[{op: replace, path: `+container+`/env/0/value, value: evil.example.org}]`), "DB_HOST stays as it is and where it is: only further variables are added"},
		"a removed variable":        {"gnuhealth", on(rme, `[{op: remove, path: `+container+`/env/2}]`), "DB_SSLMODE stays as it is"},
		"moved variables":           {"gnuhealth", on(rme, `[{op: move, from: `+container+`/env/0, path: `+container+`/env/3}]`), "DB_HOST stays as it is and where it is"},
		"a variable twice":          {"gnuhealth", on(rme, `[{op: add, path: `+container+`/env/-, value: {name: DB_HOST, value: evil.example.org}}]`), "DB_HOST is there twice"},
		"a new variable twice":      {"gnuhealth", on(rme, `[{op: add, path: `+container+`/env/-, value: {name: X, value: a}}, {op: add, path: `+container+`/env/-, value: {name: X, value: b}}]`), "X is there twice"},
		"a variable of SATUSEHAT":   {"gnuhealth", on(rme, `[{op: add, path: `+container+`/env/-, value: {name: SATUSEHAT_CLIENT_ID, value: a}}]`), "SATUSEHAT_CLIENT_ID is a name that the operator provides or that a program's loader obeys: choose another"},
		"a variable of the loader":  {"gnuhealth", on(rme, `[{op: add, path: `+container+`/env/-, value: {name: LD_PRELOAD, value: /tmp/x.so}}]`), "LD_PRELOAD is a name"},
		"PostgreSQL's address":      {"gnuhealth", on(rme, `[{op: add, path: `+container+`/env/-, value: {name: PGHOSTADDR, value: 10.0.0.1}}]`), "PGHOSTADDR is a name"},
		"a function of the shell":   {"district", on("Job/pws-load", `[{op: add, path: `+container+`/env/-, value: {name: "BASH_FUNC_psql%%", value: "() { :; }"}}]`), `"BASH_FUNC_psql%%" is no name of a variable`},
		"a reference":               {"gnuhealth", on(rme, `[{op: add, path: `+container+`/env/-, value: {name: X, value: "$(ADMIN_PASSWORD)"}}]`), "X refers to other variables by $(…)"},
		"a number as variable":      {"gnuhealth", on(rme, `[{op: add, path: `+container+`/env/-, value: {name: X, value: 1}}]`), "X needs a name and a plain value in quotes"},
		"a variable without a name": {"gnuhealth", on(rme, `[{op: add, path: `+container+`/env/-, value: {value: a}}]`), `"" is no name of a variable`},
		"no variables":              {"gnuhealth", on(rme, `[{op: replace, path: `+container+`/env, value: null}]`), "it stays a list: add to it"},
		"a device":                  {"gnuhealth", on(rme, `[{op: add, path: `+container+`/resources/limits/devices.kubevirt.io~1kvm, value: 1}]`), "limits.devices.kubevirt.io/kvm is not among cpu, memory"},
		"a claim":                   {"gnuhealth", on(rme, `[{op: add, path: `+container+`/resources/claims, value: [{name: x}]}]`), "claims is neither requests nor limits"},
		"no limit of memory":        {"gnuhealth", on(rme, `[{op: remove, path: `+container+`/resources/limits}]`), "limits stays a map"},
		"no limit of memory, empty": {"gnuhealth", on(rme, `[{op: replace, path: `+container+`/resources, value: {requests: {cpu: 1}}}]`), "limits stays a map"},
		"a limit of nothing":        {"gnuhealth", on(rme, `[{op: replace, path: `+container+`/resources/limits/memory, value: "0"}]`), "limits.memory: 0 is no quantity such as 512Mi, above zero for a limit"},
		"a limit that is a word":    {"gnuhealth", on(rme, `[{op: replace, path: `+container+`/resources/limits/memory, value: banyak}]`), "limits.memory: banyak is no quantity"},
		"the control plane":         {"gnuhealth", on(rme, pods+"tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]}}}"), `not "node-role.kubernetes.io/control-plane": those of Kubernetes guard the control plane`},
		"every taint":               {"gnuhealth", on(rme, pods+"tolerations: [{operator: Exists}]}}}"), `a toleration names the key of a taint of your own, not ""`},
		"another network":           {"gnuhealth", on(rme, `spec: {template: {metadata: {annotations: {k8s.v1.cni.cncf.io/networks: x}}}}`), "k8s.v1.cni.cncf.io/networks: an annotation's key has no domain or one in Indonesia"},
		"unconfined":                {"gnuhealth", on(rme, `spec: {template: {metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/gnuhealth: unconfined}}}}`), "others decide about isolation"},
		"a label of the controller": {"gnuhealth", on(rme, `spec: {template: {metadata: {labels: {pod-template-hash: x}}}}`), "pod-template-hash: a label's key"},
		"a label that is none":      {"gnuhealth", on(rme, `metadata: {labels: {note: 5}}`), "note is no text: write it in quotes"},
		"a label with a blank":      {"gnuhealth", on(rme, `metadata: {labels: {note: a b}}`), `note: "a b" is no value of a label`},
		"a node without a name":     {"gnuhealth", on(rme, pods+`nodeSelector: {a/b/c: x}}}}`), "a node's label has a key"},
		"a label of ours":           {"gnuhealth", on(rme, `spec: {template: {metadata: {labels: {ilp.health/role: x}}}}`), "ilp.health/role: a label's key"},
		"a label that is there":     {"gnuhealth", on(rme, `spec: {template: {metadata: {labels: {app.kubernetes.io/component: x}}}}`), `app.kubernetes.io/component stays "rme"`},
		"no labels":                 {"gnuhealth", on(rme, `spec: {template: {metadata: {labels: null}}}`), "it stays a map: add to it"},
		"more servers":              {"district", on("Cluster", `spec: {instances: 3}`), "it changes spec.instances of Cluster/database, which no patch may: use spec.database.instances; of kind Cluster patches change only spec.postgresql.parameters, spec.affinity, spec.storage.size"},
		"a superuser's password":    {"district", on("Cluster", `spec: {enableSuperuserAccess: true}`), "it changes spec.enableSuperuserAccess"},
		"open to everybody":         {"district", on("Cluster", `[{op: add, path: /spec/postgresql/pg_hba/0, value: host all all all trust}]`), "it changes spec.postgresql.pg_hba"},
		"libraries":                 {"district", on("Cluster", `spec: {postgresql: {shared_preload_libraries: [x]}}`), "it changes spec.postgresql.shared_preload_libraries"},
		"hibernation":               {"district", on("Cluster", `metadata: {annotations: {cnpg.io/hibernation: "on"}}`), "use spec.state for hibernation"},
		"no writing to disk":        {"district", on("Cluster", `spec: {postgresql: {parameters: {fsync: "off"}}}`), "it changes spec.postgresql.parameters of Cluster/database: fsync would lose or corrupt records: take it out"},
		"no writing, shouted":       {"district", on("Cluster", `spec: {postgresql: {parameters: {FSYNC: "off"}}}`), `"FSYNC" is no parameter's name in lower case`},
		"no writing, by a line":     {"district", on("Cluster", `spec: {postgresql: {parameters: {"work_mem = 1\nfsync": "off"}}}`), "is no parameter's name"},
		"another file":              {"district", on("Cluster", `spec: {postgresql: {parameters: {include: /tmp/x}}}`), "include would load code or read other files"},
		"no audit trail":            {"district", on("Cluster", `spec: {postgresql: {parameters: {pgaudit.log: none}}}`), "pgaudit.log would write records into the log or end the audit trail"},
		"no audit trail, taken out": {"district", on("Cluster", `spec: {postgresql: {parameters: {pgaudit.log: null}}}`), "pgaudit.log is taken out: write the value that you want"},
		"a parameter as number":     {"district", on("Cluster", `[{op: add, path: /spec/postgresql/parameters/max_connections, value: 400}]`), "max_connections is no text: write it in quotes"},
		"less storage":              {"district", on("Cluster", `spec: {storage: {size: 1Gi}}`), "1Gi is less than 10Gi: volumes grow, they never shrink"},
		"storage that is none":      {"district", on("Cluster", `spec: {storage: {size: besar}}`), "besar is no quantity"},
		"another storage":           {"district", on("Cluster", `spec: {storage: {storageClass: x}}`), "use spec.database.storageClassName"},
		"an unknown affinity":       {"district", on("Cluster", `spec: {affinity: {hostNetwork: true}}`), "it changes spec.affinity of Cluster/database: hostNetwork: CloudNativePG has no such field"},
		"the control plane's disks": {"district", on("Cluster", `spec: {affinity: {tolerations: [{key: node-role.kubernetes.io/control-plane}]}}`), "tolerations: a toleration names"},
	}
	rendered := stacks(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := applyPatches(rendered[test.stack], []v1alpha1.Patch{test.patch})
			var patchError *PatchError
			if !errors.As(err, &patchError) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant a PatchError with %q", err, test.want)
			}
		})
	}
}

func TestFenceLets(t *testing.T) {
	rendered := stacks(t)
	for name, test := range map[string]struct {
		stack string
		patch v1alpha1.Patch
	}{
		"replicas":                   {"gnuhealth", on(rme, `spec: {replicas: 0}`)},
		"resources":                  {"gnuhealth", on(rme, `[{op: replace, path: `+container+`/resources, value: {requests: {cpu: 1}, limits: {memory: 2Gi, cpu: 1.5, ephemeral-storage: 1Gi}}}]`)},
		"variables before and after": {"gnuhealth", on(rme, `[{op: add, path: `+container+`/env/0, value: {name: A, value: ""}}, {op: add, path: `+container+`/env/-, value: {name: B, value: "$100"}}]`)},
		"nodes":                      {"gnuhealth", on("Job", pods+"nodeSelector: {disk: ssd}, tolerations: [{key: example.go.id/rme, operator: Exists, effect: NoSchedule}]}}}")},
		"labels and annotations":     {"gnuhealth", on(rme, `{metadata: {labels: {dinkes.example.go.id/unit: a7}}, spec: {template: {metadata: {labels: {cost-centre: a7}, annotations: {prometheus.io/scrape: "true", note: Dinkes}}}}}`)},
		"an issuer and a body size":  {"gnuhealth", on("Ingress", `metadata: {annotations: {cert-manager.io/cluster-issuer: letsencrypt, nginx.ingress.kubernetes.io/proxy-body-size: 50m}}`)},
		"parameters":                 {"district", on("Cluster", `spec: {postgresql: {parameters: {max_connections: "400", work_mem: 8MB, pg_stat_statements.max: "1000"}}}`)},
		"affinity":                   {"district", on("Cluster", `spec: {affinity: {nodeSelector: {disk: ssd}, topologyKey: topology.kubernetes.io/zone, podAntiAffinityType: required}}`)},
		"more storage":               {"district", on("Cluster", `spec: {storage: {size: 20Gi}}`)},
		"the dashboard's pods":       {"district", on("Deployment/dashboard", `spec: {replicas: 0}`)},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := applyPatches(rendered[test.stack], []v1alpha1.Patch{test.patch})
			if err != nil {
				t.Fatal(err)
			}
			if err := outsideFence(rendered[test.stack], after); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFenceKeepsResidency has pods and PostgreSQL on the district's nodes.
func TestFenceKeepsResidency(t *testing.T) {
	for stack, path := range map[string][]string{"gnuhealth": {"spec", "template", "spec", "nodeSelector"}, "district": {"spec", "affinity", "nodeSelector"}} {
		rendered := stacks(t)[stack]
		object := "Cluster"
		if stack == "gnuhealth" {
			object = rme
		}
		kind, _, _ := strings.Cut(object, "/")
		if err := unstructured.SetNestedStringMap(find(rendered, kind).Object, map[string]string{"country": "id"}, path...); err != nil {
			t.Fatal(err)
		}
		pointer := "/" + strings.Join(path, "/")
		for _, patch := range []string{
			`[{op: remove, path: ` + pointer + `}]`,
			`[{op: remove, path: ` + pointer + `/country}]`,
			`[{op: replace, path: ` + pointer + `/country, value: sg}]`,
			`[{op: replace, path: ` + pointer + `, value: {disk: ssd}}]`,
			`[{op: copy, from: /metadata/labels, path: ` + pointer + `}]`,
			strings.Join(path, ": {") + ": null" + strings.Repeat("}", len(path)-1),
			strings.Join(path, ": {") + ": {$patch: delete}" + strings.Repeat("}", len(path)-1),
		} {
			if _, err := applyPatches(rendered, []v1alpha1.Patch{on(object, patch)}); err == nil || !strings.Contains(err.Error(), "it changes spec.") {
				t.Errorf("%s of %s: %v", patch, object, err)
			}
		}
		if _, err := applyPatches(rendered, []v1alpha1.Patch{on(object, `[{op: add, path: `+pointer+`/disk, value: ssd}]`)}); err != nil {
			t.Error(err)
		}
	}
}

// TestHibernationWins leaves a stopped stack stopped whatever patches say.
func TestHibernationWins(t *testing.T) {
	rendered := stacks(t)["gnuhealth"]
	if err := unstructured.SetNestedField(find(rendered, "Deployment").Object, int64(0), "spec", "replicas"); err != nil {
		t.Fatal(err)
	}
	after, err := applyPatches(rendered, []v1alpha1.Patch{on(rme, `spec: {replicas: 2}`)})
	if err != nil {
		t.Fatal(err)
	}
	if n, _, _ := unstructured.NestedInt64(find(after, "Deployment").Object, "spec", "replicas"); n != 0 {
		t.Errorf("a hibernated RME has %d pods", n)
	}
}

// TestFenceNeedsNoEarlierPatch compares with what was rendered, so that no patch
// prepares the way for another.
func TestFenceNeedsNoEarlierPatch(t *testing.T) {
	rendered := stacks(t)["gnuhealth"]
	label := on(rme, `spec: {template: {metadata: {labels: {note: a}}}}`)
	_, err := applyPatches(rendered, []v1alpha1.Patch{label, {
		Target: v1alpha1.PatchTarget{LabelSelector: "app.kubernetes.io/component=rme"},
		Patch:  `[{op: copy, from: /spec/template/metadata/labels, path: /metadata/labels}, {op: test, path: /metadata/labels/note, value: a}]`,
	}})
	if err == nil || !strings.Contains(err.Error(), "spec.patches[1]") {
		t.Errorf("got %v", err)
	}
}

// TestRenderedEnvIsReserved holds the list of reserved names to the folders.
func TestRenderedEnvIsReserved(t *testing.T) {
	for name, objects := range stacks(t) {
		for _, object := range objects {
			for _, c := range containers(object) {
				list, _ := c["env"].([]any)
				for _, v := range list {
					if variable := nameOf(v); !reservedEnv.MatchString(variable) {
						t.Errorf("%s of %s in %s is not among the reserved names: add it to v1alpha1.ReservedEnv", variable, describe(object), name)
					}
				}
			}
		}
	}
}
