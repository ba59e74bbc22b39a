package admission_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
)

var _ = Describe("StackRelease", func() {
	DescribeTable("is accepted with", accepts(stackRelease),
		Entry("nothing but what is required", `{}`),
		Entry("a pre-release", `spec: {version: 1.0.0-rc.1+build.5}`),
		Entry("a digest", `spec: {database: {image: "postgresql:15.10@sha256:`+strings.Repeat("b", 64)+`"}}`),
		Entry("two RMEs", `
spec: {rme: [{profile: gnuhealth, image: "gnuhealth:5.0.6"}, {profile: hapi-fhir, image: "hapi-fhir:5.4.0"}]}`),
		Entry("a range", `spec: {upgradeFrom: ">=1.0.0 <2.0.0"}`),
	)

	DescribeTable("is refused for", refuses(stackRelease),
		Entry("a version with v", `spec: {version: v1.0.0}`, "spec.version", "'v1.0.0' is not a semantic version", "such as 1.4.0"),
		Entry("a version of two parts", `spec: {version: "1.0"}`, "spec.version", "'1.0' is not a semantic version", "MAJOR.MINOR.PATCH"),
		Entry("a version with a leading zero", `spec: {version: 1.01.0}`, "spec.version", "'1.01.0' is not a semantic version"),
		Entry("the tag latest", `spec: {database: {image: "postgresql:latest"}}`,
			"spec.database.image", "'postgresql:latest' uses the tag latest", "pin a version"),
		Entry("no tag", `spec: {dashboard: {image: superset}}`, "spec.dashboard.image", "'superset' has neither tag nor digest"),
		Entry("no RME", `spec: {rme: []}`, "spec.rme", "at least 1 items"),
		Entry("one profile twice", `
spec: {rme: [{profile: gnuhealth, image: "a:1"}, {profile: gnuhealth, image: "a:2"}]}`,
			"spec.rme[1]", "Duplicate value", "gnuhealth"),
		Entry("an unknown profile", `spec: {rme: [{profile: openmrs, image: "a:1"}]}`, "spec.rme[0].profile", `"openmrs"`, `"gnuhealth"`),
		Entry("an image of one facility", `spec: {rme: [{profile: custom, image: "a:1"}]}`,
			"spec.rme[0].profile", "one facility's own image", "rme.image of that Puskesmas"),
		Entry("an unknown dashboard", `spec: {dashboard: {profile: grafana}}`, "spec.dashboard.profile", `"superset"`),
		Entry("no database", `spec: {database: null}`, "spec.database", "Required value"),
		Entry("an unknown kind of rollback", `spec: {schemaRollback: Maybe}`, "spec.schemaRollback", `"Safe", "Unsafe"`),
	)

	DescribeTable("may change", acceptsChange(stackRelease),
		Entry("being the default", `{}`, `metadata: {annotations: {ilp.health/is-default-release: "true"}}`),
	)

	DescribeTable("cannot change", refusesChange(stackRelease),
		Entry("an image", `{}`, `spec: {dashboard: {image: "superset:6.1.1"}}`,
			"spec", "a StackRelease cannot change", "create a new one with a new version"),
		Entry("its version", `{}`, `spec: {version: 1.0.1}`, "spec", "a StackRelease cannot change"),
		Entry("by another RME", `{}`, `spec: {rme: [{profile: hapi-fhir, image: "hapi-fhir:5.4.0"}]}`, "spec", "a StackRelease cannot change"),
	)
})
