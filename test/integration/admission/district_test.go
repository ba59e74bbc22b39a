package admission_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("District", func() {
	DescribeTable("is accepted with", accepts(district),
		Entry("nothing but what is required", `{}`),
		Entry("a kota's code and name", `spec: {code: "11.71", name: Kota Banda Aceh}`),
		Entry("the highest code of a kabupaten", `spec: {code: "61.69"}`),
		Entry("the lowest code of a kota", `spec: {code: "61.71", name: Kota Pontianak}`),
		Entry("the other time zone of Kalimantan", `spec: {timeZone: Asia/Pontianak}`),
		Entry("hibernation", `spec: {state: Hibernated}`),
		Entry("a release pinned by Git", `spec: {release: ilp-1.0.0}`),
		Entry("sizes in any unit", `spec: {database: {storage: 20000M}}`),
		Entry("a backup", `
spec:
  database:
    backup:
      destination: s3://ilp-backup/6105
      endpointURL: https://s3.example.go.id
      credentialsSecretRef: {name: backup}
      retentionDays: 30`),
		Entry("a mirror with a port and a path", `
spec: {images: {registry: "registry.example.go.id:5000/ilp", pullSecrets: [{name: mirror}]}}`),
		Entry("consent to its own code", `
spec:
  dataProtection:
    deletionPolicy: Delete
    consent: {action: Delete, code: "61.05", reason: moved to a data centre of its own, issuedAt: "2030-01-01T00:00:00Z", expiresAt: "2030-01-31T00:00:00Z"}`),
		Entry("the longest name", `metadata: {name: `+strings.Repeat("s", 63)+`}`),
		Entry("the office of its team", `
spec: {timPembina: {decree: SK Bupati 440/123/2025, contacts: [{office: Dinas Kesehatan, address: dinkes@example.go.id}]}}`),
	)

	It("is accepted in each of the 38 provinces", func(ctx SpecContext) {
		provinces := strings.Fields(`11 12 13 14 15 16 17 18 19 21 31 32 33 34 35 36 51 52 53
			61 62 63 64 65 71 72 73 74 75 76 81 82 91 92 93 94 95 96`)
		Expect(provinces).To(HaveLen(38))
		for _, province := range provinces {
			object := manifest(district, fmt.Sprintf(`spec: {code: "%s.01"}`, province))
			Expect(strict.Create(ctx, object, client.DryRunAll)).To(Succeed(), "province %s", province)
		}
	})

	DescribeTable("is refused for its code:", refuses(district),
		Entry("BPS's form without a dot", `spec: {code: "6107"}`,
			"spec.code", "'6107' is not a Kemendagri code", "such as 61.05", "codes without a dot are BPS codes"),
		Entry("kabupaten or kota 70", `spec: {code: "61.70"}`,
			"spec.code", "'61.70' is not a Kemendagri code", "01-69 (kabupaten) or 71-99 (kota)"),
		Entry("kabupaten or kota 00", `spec: {code: "61.00"}`,
			"spec.code", "'61.00' is not a Kemendagri code", "01-69 (kabupaten) or 71-99 (kota)"),
		Entry("one digit too few", `spec: {code: "61.5"}`, "spec.code", "'61.5' is not a Kemendagri code", "such as 61.05"),
		Entry("a kecamatan", `spec: {code: "61.05.09"}`, "spec.code", "'61.05.09' is not a Kemendagri code", "such as 61.05"),
		Entry("a province that does not exist", `spec: {code: "20.01"}`,
			"spec.code", "'20.01' starts with a province code that does not exist", "11-19, 21, 31-36"),
		Entry("a province that is still to come", `spec: {code: "97.01"}`,
			"spec.code", "'97.01' starts with a province code that does not exist", "91-96"),
		Entry("a number instead of text", `spec: {code: 61.05}`, "spec.code", "must be of type string"),
		Entry("none", `spec: {code: null}`, "spec.code", "Required value"),
	)

	DescribeTable("is refused for its name:", refuses(district),
		Entry("Kota with a kabupaten's code", `spec: {name: Kota Sintang}`,
			"spec.name", "name 'Kota Sintang' does not agree with code 61.05", "write 'Kabupaten …'"),
		Entry("Kabupaten with a kota's code", `spec: {code: "11.71", name: Kabupaten Banda Aceh}`,
			"spec.name", "name 'Kabupaten Banda Aceh' does not agree with code 11.71", "write 'Kota …'"),
		Entry("neither", `spec: {name: Sintang}`, "spec.name", "name 'Sintang' does not agree", "write 'Kabupaten …'"),
		Entry("metadata.name with a dot", `metadata: {name: sintang.kalbar}`, "metadata.name must be a DNS label", "such as sintang"),
		Entry("metadata.name too long", `metadata: {name: `+strings.Repeat("s", 64)+`}`,
			"metadata.name", "at most 63 characters", "such as sintang"),
	)

	DescribeTable("is refused for its database:", refuses(district),
		Entry("no storage", `spec: {database: {storage: null}}`, "spec.database", "Required value"),
		Entry("a word for a size", `spec: {database: {storage: besar}}`,
			"spec.database.storage", "'besar' is not a size", "such as 20Gi"),
		Entry("nothing for a size", `spec: {database: {storage: "0"}}`, "spec.database.storage", "'0' is not a size", "above zero"),
		Entry("less than nothing", `spec: {database: {storage: -1Gi}}`, "spec.database.storage", "'-1Gi' is not a size", "above zero"),
		Entry("more than a volume can have", `spec: {database: {storage: 100Ti}}`,
			"spec.database.storage", "'100Ti' is more than 16Ti", "ask for less"),
		Entry("no instances", `spec: {database: {instances: 0}}`, "spec.database.instances", "greater than or equal to 1"),
		Entry("a backup to nowhere", `
spec: {database: {backup: {destination: ftp://backup/6105, credentialsSecretRef: {name: backup}}}}`,
			"spec.database.backup.destination", "'ftp://backup/6105' is not an object store's URL", "s3://bucket/path"),
		Entry("a backup without credentials", `spec: {database: {backup: {destination: s3://backup/6105}}}`,
			"spec.database.backup.credentialsSecretRef", "Required value"),
		Entry("backups kept too briefly", `
spec: {database: {backup: {destination: s3://backup/6105, credentialsSecretRef: {name: backup}, retentionDays: 3}}}`,
			"spec.database.backup.retentionDays", "greater than or equal to 7"),
	)

	DescribeTable("is refused for its protection of data:", refuses(district),
		Entry("24 years", `spec: {dataProtection: {retentionYears: 24}}`,
			"spec.dataProtection.retentionYears", "24", "less than the law allows", "at least 25 years"),
		Entry("an unknown policy", `spec: {dataProtection: {deletionPolicy: Purge}}`,
			"spec.dataProtection.deletionPolicy", `"Purge"`, `"Retain", "Delete"`),
		Entry("consent for another district", `
spec: {dataProtection: {consent: {action: Delete, code: "61.06", reason: copied from a neighbour, issuedAt: "2030-01-01T00:00:00Z", expiresAt: "2030-01-31T00:00:00Z"}}}`,
			"spec.dataProtection.consent.code", "'61.06' is the code of something else", "this district, 61.05"),
		Entry("consent without an end", `
spec: {dataProtection: {consent: {action: Delete, code: "61.05", reason: moved to another place, issuedAt: "2030-01-01T00:00:00Z"}}}`,
			"spec.dataProtection.consent.expiresAt", "Required value"),
		Entry("consent that nobody can tell the age of", `
spec: {dataProtection: {consent: {action: Delete, code: "61.05", reason: moved to another place, expiresAt: "2030-01-01T00:00:00Z"}}}`,
			"spec.dataProtection.consent.issuedAt", "Required value"),
		Entry("consent for good", `
spec: {dataProtection: {consent: {action: Delete, code: "61.05", reason: moved to another place, issuedAt: "2030-01-01T00:00:00Z", expiresAt: "2999-01-01T00:00:00Z"}}}`,
			"spec.dataProtection.consent.expiresAt", "a consent lasts 30 days at most", "at most 30 days after issuedAt"),
		Entry("consent for a second more than 30 days", `
spec: {dataProtection: {consent: {action: Delete, code: "61.05", reason: moved to another place, issuedAt: "2030-01-01T00:00:00Z", expiresAt: "2030-01-31T00:00:01Z"}}}`,
			"spec.dataProtection.consent.expiresAt", "a consent lasts 30 days at most"),
		Entry("consent that ends before it is given", `
spec: {dataProtection: {consent: {action: Delete, code: "61.05", reason: moved to another place, issuedAt: "2030-01-02T00:00:00Z", expiresAt: "2030-01-01T00:00:00Z"}}}`,
			"spec.dataProtection.consent.expiresAt", "a consent ends after it is given"),
		Entry("consent for no reason", `
spec: {dataProtection: {consent: {action: Delete, code: "61.05", reason: ok, issuedAt: "2030-01-01T00:00:00Z", expiresAt: "2030-01-31T00:00:00Z"}}}`,
			"spec.dataProtection.consent.reason", "at least 10 chars long"),
		Entry("consent to something unknown", `
spec: {dataProtection: {consent: {action: Destroy, code: "61.05", reason: moved to another place, issuedAt: "2030-01-01T00:00:00Z", expiresAt: "2030-01-31T00:00:00Z"}}}`,
			"spec.dataProtection.consent.action", `"Destroy"`, `"Delete", "Prune", "Recreate"`),
		Entry("an end of consent that is no moment", `
spec: {dataProtection: {consent: {action: Delete, code: "61.05", reason: moved to another place, issuedAt: "2030-01-01T00:00:00Z", expiresAt: besok}}}`,
			"spec.dataProtection.consent.expiresAt", "date-time"),
	)

	DescribeTable("is refused for", refuses(district),
		Entry("a time zone outside Indonesia", `spec: {timeZone: Asia/Singapore}`, "spec.timeZone", `"Asia/Jakarta"`),
		Entry("an unknown state", `spec: {state: Paused}`, "spec.state", `"Active", "Suspended", "Hibernated"`),
		Entry("an unknown RME profile", `spec: {rme: {profile: openmrs}}`, "spec.rme.profile", `"openmrs"`, `"gnuhealth", "hapi-fhir"`),
		Entry("an image of one facility as everybody's default", `spec: {rme: {profile: custom}}`,
			"spec.rme.profile", "one facility's own image", "rme.custom of that Puskesmas"),
		Entry("an unknown dashboard profile", `spec: {dashboard: {profile: metabase}}`, "spec.dashboard.profile", `"superset"`),
		Entry("no replicas", `spec: {rme: {replicas: 0}}`, "spec.rme.replicas", "greater than or equal to 1"),
		Entry("an address as domain", `spec: {exposure: {domain: "https://sintang.example.go.id"}}`,
			"spec.exposure.domain", "is not a host name", "such as sintang.example.go.id"),
		Entry("a registry with a scheme", `spec: {images: {registry: "https://registry.example.go.id"}}`,
			"spec.images.registry", "is not a registry", "without scheme"),
		Entry("SATUSEHAT without encryption", `spec: {satusehat: {baseURL: "http://proxy.example.go.id"}}`,
			"spec.satusehat.baseURL", "is not a base address", "https://host"),
		Entry("an unknown environment of SATUSEHAT", `spec: {satusehat: {environment: Dev}}`,
			"spec.satusehat.environment", `"Sandbox", "Production"`),
		Entry("a release that no object can have", `spec: {release: "ILP 1.0"}`,
			"spec.release", "'ILP 1.0' is not an object's name", "lower-case letters"),
		Entry("a wave that no object can have", `spec: {waveRef: {name: "GF RSSH"}}`,
			"spec.waveRef.name", "'GF RSSH' is not an object's name"),
		Entry("a patch that says nothing", `spec: {patches: [{patch: ""}]}`, "spec.patches[0].patch", "at least 1 chars long"),
		Entry("too many patches", `spec: {patches: [`+strings.Repeat(`{patch: "{}"},`, 33)+`]}`, "spec.patches", "at most 32 items"),
		Entry("a field that does not exist", `spec: {databse: {storage: 20Gi}}`, `unknown field "spec.databse"`),
	)

	DescribeTable("may change", acceptsChange(district),
		Entry("its storage upwards", `{}`, `spec: {database: {storage: 30Gi}}`),
		Entry("the unit of its storage", `{}`, `spec: {database: {storage: 20480Mi}}`),
		Entry("its storage downwards, while there are no volumes", `{}`, `spec: {database: {storage: 10Gi}}`),
		Entry("its storage class, while there are no volumes", `spec: {database: {storageClassName: fast}}`, `spec: {database: {storageClassName: slow}}`),
		Entry("from no storage class to one", `{}`, `spec: {database: {storageClassName: fast}}`),
		Entry("its name", `{}`, `spec: {name: Kabupaten Sintang Raya}`),
		Entry("its release", `spec: {release: ilp-1.0.0}`, `spec: {release: ilp-1.1.0}`),
	)

	DescribeTable("cannot change", refusesChange(district),
		Entry("its code", `{}`, `spec: {code: "61.06"}`,
			"spec.code", "code cannot change from 61.05 to 61.06", "create another District"),
	)
})
