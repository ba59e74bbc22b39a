package admission_test

import (
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("The pods of an RME", func() {
	DescribeTable("are given", accepts(puskesmas),
		Entry("variables", `spec: {rme: {pod: {env: [{name: FEATURE_LAB, value: "on"}, {name: JAVA_TOOL_OPTIONS, value: -Xmx1g}]}}}`),
		Entry("nodes", `spec: {rme: {pod: {nodeSelector: {topology.kubernetes.io/zone: kalbar}, tolerations: [{key: example.go.id/rme, effect: NoSchedule}]}}}`),
		Entry("labels and annotations", `spec: {rme: {pod: {labels: {cost-centre: a7, dinkes.example.go.id/unit: ""}, annotations: {note: "$(x)", prometheus.io/scrape: "true"}}}}`),
		Entry("a cpu and its limit", `spec: {rme: {resources: {requests: {cpu: 1}, limits: {memory: 2Gi, cpu: 2}}}}`),
	)
	DescribeTable("are refused", refuses(puskesmas),
		Entry("a variable of the operator", `spec: {rme: {pod: {env: [{name: DB_HOST, value: x}]}}}`,
			"spec.rme.pod.env[0].name", "'DB_HOST' is a name that the operator provides", "choose another"),
		Entry("a variable of the loader", `spec: {rme: {pod: {env: [{name: LD_PRELOAD, value: x}]}}}`, "'LD_PRELOAD' is a name"),
		Entry("a function of the shell", `spec: {rme: {pod: {env: [{name: "BASH_FUNC_psql%%", value: x}]}}}`, "is no name of a variable", "letters, digits and _"),
		Entry("a reference", `spec: {rme: {pod: {env: [{name: X, value: "$(ADMIN_PASSWORD)"}]}}}`, "spec.rme.pod.env[0].value", "write a plain value"),
		Entry("a value from elsewhere", `spec: {rme: {pod: {env: [{name: X, value: a, valueFrom: {}}]}}}`, "unknown field", "valueFrom"),
		Entry("a variable twice", `spec: {rme: {pod: {env: [{name: X, value: a}, {name: X, value: b}]}}}`, "Duplicate value"),
		Entry("a variable that custom.env maps", `
spec: {rme: {profile: custom, image: "x:1", custom: {port: 80, env: {X: DB_HOST}}, pod: {env: [{name: X, value: a}]}}}`,
			"spec.rme.pod.env", "in both pod.env and custom.env", "take it out of one of them"),
		Entry("CloudNativePG's labels", `spec: {rme: {pod: {labels: {cnpg.io/cluster: database}}}}`,
			"spec.rme.pod.labels", "a label's key has no domain or one in Indonesia", "others decide about isolation"),
		Entry("our labels", `spec: {rme: {pod: {labels: {ilp.health/role: x}}}}`, "spec.rme.pod.labels"),
		Entry("a label of a controller", `spec: {rme: {pod: {labels: {pod-template-hash: x}}}}`, "spec.rme.pod.labels"),
		Entry("a label that is none", `spec: {rme: {pod: {labels: {note: a b}}}}`, "spec.rme.pod.labels", "letters and digits"),
		Entry("another network", `spec: {rme: {pod: {annotations: {k8s.v1.cni.cncf.io/networks: x}}}}`,
			"spec.rme.pod.annotations", "an annotation's key has no domain or one in Indonesia"),
		Entry("a node's label that is none", `spec: {rme: {pod: {nodeSelector: {"a/b/c": x}}}}`, "spec.rme.pod.nodeSelector", "a node's label has a key"),
		Entry("the control plane", `spec: {rme: {pod: {tolerations: [{key: node-role.kubernetes.io/control-plane}]}}}`,
			"spec.rme.pod.tolerations[0].key", "guard the control plane"),
		Entry("every node", `spec: {rme: {pod: {tolerations: [{effect: NoSchedule}]}}}`, "spec.rme.pod.tolerations[0].key", "Required value"),
		Entry("nothing", `spec: {rme: {pod: {}}}`, "spec.rme.pod", "at least 1 properties"),
		Entry("a device", `spec: {rme: {resources: {limits: {devices.kubevirt.io/kvm: 1}}}}`, "spec.rme.resources.limits", "no devices"),
		Entry("no limit, by zero", `spec: {rme: {resources: {limits: {memory: "0"}}}}`, "spec.rme.resources.limits", "above zero"),
		Entry("no limit, by the number zero", `spec: {rme: {resources: {limits: {memory: 0}}}}`, "spec.rme.resources.limits", "above zero"),
	)
})

var _ = Describe("The parameters of PostgreSQL", func() {
	DescribeTable("are", accepts(district),
		Entry("tuned", `spec: {database: {parameters: {max_connections: "400", work_mem: 8MB, pg_stat_statements.max: "1000", autovacuum_naptime: 30s}}}`),
	)
	DescribeTable("are refused", refuses(district),
		Entry("where they lose records", `spec: {database: {parameters: {fsync: "off"}}}`,
			"spec.database.parameters", "fsync, full_page_writes", "would lose or corrupt records: take it out"),
		Entry("in capitals", `spec: {database: {parameters: {FSYNC: "off"}}}`, "spec.database.parameters", "in lower case, such as max_connections"),
		Entry("with a line of their own", `spec: {database: {parameters: {"a = 1\nfsync": "off"}}}`, "in lower case"),
		Entry("where they end archiving", `spec: {database: {parameters: {archive_timeout: "0"}}}`, "would break backups and replicas"),
		Entry("where they open the database", `spec: {database: {parameters: {ssl_min_protocol_version: TLSv1}}}`, "would open the database to others"),
		Entry("where they load code", `spec: {database: {parameters: {session_preload_libraries: x}}}`, "would load code or read other files"),
		Entry("where they log records", `spec: {database: {parameters: {log_statement: all}}}`, "would write records into the log or end the audit trail"),
		Entry("where they end the audit trail", `spec: {database: {parameters: {pgaudit.log: none}}}`, "end the audit trail"),
		Entry("where CloudNativePG sets them", `spec: {database: {parameters: {cluster_name: x}}}`, "would take from CloudNativePG what it sets itself"),
	)
})

// warnings collects what the API server warns of.
type warnings struct {
	sync.Mutex
	texts []string
}

func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.Lock()
	defer w.Unlock()
	w.texts = append(w.texts, text)
}

var _ = Describe("spec.patches of a Puskesmas", func() {
	It("is taken with a warning that names what takes its place", func(ctx SpecContext) {
		heard := &warnings{}
		config := rest.CopyConfig(environment.Config)
		config.WarningHandler = heard
		warned, err := client.New(config, client.Options{Scheme: environment.Scheme})
		Expect(err).NotTo(HaveOccurred())

		Expect(warned.Create(ctx, manifest(puskesmas), client.DryRunAll)).To(Succeed())
		Expect(heard.texts).To(BeEmpty())
		object := manifest(puskesmas, `spec: {patches: [{patch: "kind: Deployment"}]}`)
		Expect(warned.Create(ctx, object.DeepCopy(), client.DryRunAll)).To(Succeed())
		Expect(heard.texts).To(ConsistOf(And(ContainSubstring("spec.patches of Puskesmas tebidah is deprecated"), ContainSubstring("use spec.rme.replicas, resources"))))

		By("changing it")
		keep(ctx, object)
		heard.texts = nil
		object.SetLabels(map[string]string{"note": "a"})
		Expect(warned.Update(ctx, object, client.DryRunAll)).To(Succeed())
		Expect(heard.texts).To(BeEmpty(), "for another's change")
		Expect(warned.Update(ctx, manifest(puskesmas, `spec: {name: Tebidah Hulu, patches: [{patch: "kind: Job"}]}`, `metadata: {resourceVersion: "`+object.GetResourceVersion()+`"}`), client.DryRunAll)).To(Succeed())
		Expect(heard.texts).To(HaveLen(1))
	})
})
