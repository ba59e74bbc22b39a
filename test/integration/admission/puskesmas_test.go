package admission_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
)

// manyDesa writes a list of so many different desa of Kayan Hulu and beyond.
func manyDesa(n int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "{code: 61.05.%02d.2%03d, name: Desa}, ", 10+i/1000, i%1000)
	}
	return "spec: {desa: [" + list.String() + "]}"
}

var _ = Describe("Puskesmas", func() {
	DescribeTable("is accepted with", accepts(puskesmas),
		Entry("nothing but what is required", `{}`),
		Entry("desa, kelurahan and desa of another kecamatan", `
spec:
  desa:
    - {code: 61.05.09.2001, name: Nanga Tebidah}
    - {code: 61.05.01.1001, name: Ladang}`),
		Entry("desa adat", `
metadata: {name: sentani, namespace: ilp-9103}
spec:
  code: P9403000101
  kecamatan: {code: 91.03.01, name: Sentani}
  desa: [{code: 91.03.01.3007, name: Desa Adat Yoboi}]
  pustu: [{desa: 91.03.01.3007, name: Yoboi}]`),
		Entry("200 desa", manyDesa(200)),
		Entry("beds", `spec: {category: RawatInap, lintasKlaster: [KegawatDaruratan, RawatInap]}`),
		Entry("a Pustu without staff", `spec: {pustu: [{desa: 61.05.09.2001, name: Nanga Tebidah, bidan: 0}]}`),
		Entry("several Pustu in a desa, and the name of one in another desa", `
spec: {pustu: [{desa: 61.05.09.2001, name: Hulu}, {desa: 61.05.09.2001, name: Hilir}, {desa: 61.05.09.2002, name: Hulu}]}`),
		Entry("explicitly no Pustu", `spec: {pustu: []}`),
		Entry("an image by tag", `spec: {rme: {image: "gnuhealth:5.0.6"}}`),
		Entry("an image from a registry with a port", `spec: {rme: {image: "registry:5000/x:1"}}`),
		Entry("an image by digest", `spec: {rme: {image: "registry.example.go.id/ilp/gnuhealth@sha256:`+strings.Repeat("a", 64)+`"}}`),
		Entry("an image by tag and digest", `spec: {rme: {image: "gnuhealth:latest@sha256:`+strings.Repeat("a", 64)+`"}}`),
		Entry("an image of its own", `
spec: {rme: {profile: custom, image: "registry.example.go.id/simpus:3.2", custom: {port: 8080, env: {DATABASE_HOST: DB_HOST}}}}`),
		Entry("SATUSEHAT", `spec: {satusehat: {organizationID: "1000012345", credentialsSecretRef: {name: satusehat}}}`),
		Entry("no connection at all", `spec: {connectivity: None}`),
		Entry("the longest name", `metadata: {name: `+strings.Repeat("t", 40)+`}`),
		Entry("consent to its own code", `
spec: {consent: {action: Prune, code: P6107080201, reason: closed by decree 440/5/2030, issuedAt: "2030-01-01T00:00:00Z", expiresAt: "2030-01-31T00:00:00Z"}}`),
	)

	DescribeTable("is refused for its code:", refuses(puskesmas),
		Entry("without P", `spec: {code: "6107080201"}`, "spec.code", "'6107080201' is not a kode Puskesmas", "such as P6107080201"),
		Entry("a small p", `spec: {code: p6107080201}`, "spec.code", "'p6107080201' is not a kode Puskesmas", "write P"),
		Entry("too short", `spec: {code: P610708020}`, "spec.code", "'P610708020' is not a kode Puskesmas", "seven digits"),
		Entry("another kind of facility", `spec: {code: P6107080301}`, "spec.code", "'P6107080301' is not a kode Puskesmas", "1 or 2"),
		Entry("number 00", `spec: {code: P6107080200}`, "spec.code", "'P6107080200' is not a kode Puskesmas", "from 01 to 99"),
		Entry("none", `spec: {code: null}`, "spec.code", "Required value"),
	)

	DescribeTable("is refused for where it lies:", refuses(puskesmas),
		Entry("a namespace that is no district's", `metadata: {namespace: default}`,
			"metadata.namespace 'default' is not the namespace of a district", "such as ilp-6105 for 61.05"),
		Entry("the namespace of another district", `metadata: {namespace: ilp-9103}`,
			"spec.kecamatan.code: '61.05.09' lies outside district 91.03", "write codes that start with 91.03, or"),
		Entry("desa outside the district", `
spec: {desa: [{code: 61.05.09.2001, name: Nanga Tebidah}, {code: 61.06.01.2001, name: Elsewhere}]}`,
			"spec.desa", "61.06.01.2001", "61.05"),
		Entry("Pustu outside the district", `spec: {pustu: [{desa: 61.06.01.2001, name: Elsewhere}]}`,
			"spec.pustu: outside district 61.05 lie '61.06.01.2001'", "write codes that start with 61.05, or"),
		Entry("Posyandu outside the district", `spec: {posyandu: [{desa: 61.06.01.2001, count: 1}]}`,
			"spec.posyandu: outside district 61.05 lie '61.06.01.2001'", "write codes that start with 61.05, or"),
		Entry("all of it outside the district", `
metadata: {namespace: ilp-9103}
spec: {desa: [{code: 61.05.09.2001, name: Nanga Tebidah}, {code: 61.05.09.2002, name: Nanga Payak}]}`,
			"spec.kecamatan.code: '61.05.09' lies outside district 91.03"),
		Entry("a kecamatan without dots", `spec: {kecamatan: {code: "610509"}}`,
			"spec.kecamatan.code", "'610509' is not a Kemendagri code of a kecamatan", "such as 61.05.15"),
		Entry("a kecamatan without a name", `spec: {kecamatan: {name: null}}`, "spec.kecamatan.name", "Required value"),
		Entry("BPS's code of a desa", `spec: {desa: [{code: "6107080001", name: Nanga Tebidah}]}`,
			"spec.desa[0].code", "'6107080001' is not a Kemendagri code of a desa", "such as 61.05.15.2001"),
		Entry("a kind of desa that does not exist", `spec: {desa: [{code: 61.05.09.4001, name: Nanga Tebidah}]}`,
			"spec.desa[0].code", "'61.05.09.4001'", "1 (kelurahan), 2 (desa) or 3 (desa adat)"),
		Entry("one desa twice", `spec: {desa: [{code: 61.05.09.2001, name: A}, {code: 61.05.09.2001, name: B}]}`,
			"spec.desa", "desa '61.05.09.2001' is listed twice", "list each desa once"),
		Entry("the last of 200 desa twice", strings.Replace(manyDesa(200), "2198", "2199", 1),
			"spec.desa", "desa '61.05.10.2199' is listed twice"),
		Entry("201 desa", manyDesa(201), "spec.desa", "Too many: 201", "at most 200 items"),
		Entry("10,000 desa", manyDesa(10000), "spec.desa", "Too many: 10000", "at most 200 items"),
		Entry("one Pustu twice", `spec: {pustu: [{desa: 61.05.09.2001, name: Hulu}, {desa: 61.05.09.2002, name: Hulu}, {desa: 61.05.09.2001, name: Hulu}]}`,
			"spec.pustu", "Pustu '61.05.09.2001 Hulu' is listed twice", "give each Pustu of a desa a name of its own"),
		Entry("one desa's Posyandu twice", `spec: {posyandu: [{desa: 61.05.09.2001, count: 1}, {desa: 61.05.09.2001, count: 2}]}`,
			"spec.posyandu", "the Posyandu of desa '61.05.09.2001' are counted twice", "write one entry with all of them"),
	)

	DescribeTable("is refused for its services:", refuses(puskesmas),
		Entry("beds without being rawat inap", `spec: {lintasKlaster: [RawatInap]}`,
			"spec.lintasKlaster", "RawatInap but category is NonRawatInap", "set category to RawatInap or take the service out"),
		Entry("an unknown category", `spec: {category: Besar}`, "spec.category", `"RawatInap", "NonRawatInap"`),
		Entry("an unknown klaster", `spec: {klaster: [Gigi]}`, "spec.klaster[0]", `"Gigi"`, `"IbuDanAnak"`),
		Entry("one klaster twice", `spec: {klaster: [Manajemen, Manajemen]}`, "spec.klaster", "'Manajemen' is listed twice", "list each klaster once"),
		Entry("one service twice", `spec: {lintasKlaster: [Laboratorium, Kefarmasian, Laboratorium]}`,
			"spec.lintasKlaster", "'Laboratorium' is listed twice", "list each service once"),
		Entry("an unknown stage of ILP", `spec: {ilp: {stage: Done}}`, "spec.ilp.stage", `"Preparing", "Pilot", "Running"`),
		Entry("negative staff", `spec: {pustu: [{desa: 61.05.09.2001, name: A, bidan: -1}]}`,
			"spec.pustu[0].bidan", "greater than or equal to 0"),
		Entry("Posyandu that are none", `spec: {posyandu: [{desa: 61.05.09.2001, count: 0}]}`,
			"spec.posyandu[0].count", "greater than or equal to 1"),
		Entry("unknown connectivity", `spec: {connectivity: Slow}`, "spec.connectivity", `"Good", "Intermittent", "None"`),
	)

	DescribeTable("is refused for its RME:", refuses(puskesmas),
		Entry("an unknown profile", `spec: {rme: {profile: openmrs}}`, "spec.rme.profile", `"openmrs"`, `"gnuhealth", "hapi-fhir", "custom"`),
		Entry("the tag latest", `spec: {rme: {image: "gnuhealth:latest"}}`,
			"spec.rme.image", "'gnuhealth:latest' uses the tag latest", "pin a version or a digest"),
		Entry("no tag", `spec: {rme: {image: gnuhealth}}`, "spec.rme.image", "'gnuhealth' has neither tag nor digest", "such as gnuhealth:"),
		Entry("a port and no tag", `spec: {rme: {image: "registry:5000/x"}}`,
			"spec.rme.image", "'registry:5000/x' has neither tag nor digest"),
		Entry("half a digest", `spec: {rme: {image: "gnuhealth@sha256:abc"}}`,
			"spec.rme.image", "'gnuhealth@sha256:abc' is not an image reference", "repository@sha256:digest"),
		Entry("capitals in the repository", `spec: {rme: {image: "GNUHealth:5.0"}}`, "spec.rme.image", "'GNUHealth:5.0' is not an image reference"),
		Entry("custom without saying how", `spec: {rme: {profile: custom, image: "simpus:3.2"}}`,
			"spec.rme", "profile custom needs image and custom", "name the image and its port"),
		Entry("custom without an image", `spec: {rme: {profile: custom, custom: {port: 8080}}}`,
			"spec.rme", "profile custom needs image and custom"),
		Entry("saying how without custom", `spec: {rme: {custom: {port: 8080}}}`,
			"spec.rme.custom", "rme.profile is not custom", "set rme.profile to custom"),
		Entry("saying how beside another profile", `spec: {rme: {profile: gnuhealth, custom: {port: 8080}}}`,
			"spec.rme.custom", "rme.profile is not custom"),
		Entry("a port that is none", `spec: {rme: {profile: custom, image: "simpus:3.2", custom: {port: 70000}}}`,
			"spec.rme.custom.port", "less than or equal to 65535"),
		Entry("a path that is none", `spec: {rme: {profile: custom, image: "simpus:3.2", custom: {port: 80, readinessPath: ready}}}`,
			"spec.rme.custom.readinessPath", "'ready' is not a path", "start it with /"),
		Entry("a host that is none", `spec: {rme: {host: "Tebidah!"}}`, "spec.rme.host", "'Tebidah!' is not a host name"),
		Entry("no replicas", `spec: {rme: {replicas: 0}}`, "spec.rme.replicas", "greater than or equal to 1"),
	)

	DescribeTable("is refused for", refuses(puskesmas),
		Entry("an Organization ID of 7 digits", `spec: {satusehat: {organizationID: "1000012", credentialsSecretRef: {name: s}}}`,
			"spec.satusehat.organizationID", "'1000012' is not a SATUSEHAT Organization ID", "8 to 10 digits"),
		Entry("an Organization ID with letters", `spec: {satusehat: {organizationID: "10000AB345", credentialsSecretRef: {name: s}}}`,
			"spec.satusehat.organizationID", "'10000AB345' is not a SATUSEHAT Organization ID", "8 to 10 digits"),
		Entry("SATUSEHAT without credentials", `spec: {satusehat: {organizationID: "1000012345"}}`,
			"spec.satusehat.credentialsSecretRef", "Required value"),
		Entry("consent for another facility", `
spec: {consent: {action: Delete, code: P6107140201, reason: copied from a neighbour, issuedAt: "2030-01-01T00:00:00Z", expiresAt: "2030-01-31T00:00:00Z"}}`,
			"spec.consent.code", "'P6107140201' is the code of something else", "this Puskesmas, P6107080201"),
		Entry("a name too long for the names made from it", `metadata: {name: `+strings.Repeat("t", 41)+`}`,
			"metadata.name", "at most 40 characters", "such as sungai-durian"),
		Entry("a name that starts with a digit", `metadata: {name: 1-tebidah}`, "metadata.name must start with a letter", "such as sungai-durian"),
		Entry("no name for people", `spec: {name: ""}`, "spec.name", "at least 1 chars long"),
		Entry("a field that does not exist", `spec: {rawatInap: true}`, `unknown field "spec.rawatInap"`),
	)

	DescribeTable("may change", acceptsChange(puskesmas),
		Entry("its desa", `{}`, `spec: {desa: [{code: 61.05.09.2001, name: Nanga Tebidah}]}`),
		Entry("its release", `{}`, `spec: {release: ilp-1.1.0}`),
	)

	DescribeTable("cannot change", refusesChange(puskesmas),
		Entry("its code", `{}`, `spec: {code: P6107080202}`,
			"spec.code", "code cannot change from P6107080201 to P6107080202", "create another Puskesmas"),
		Entry("to a desa outside the district", `{}`, `spec: {pustu: [{desa: 61.06.01.2001, name: Elsewhere}]}`,
			"spec.pustu: outside district 61.05 lie '61.06.01.2001'"),
	)
})
