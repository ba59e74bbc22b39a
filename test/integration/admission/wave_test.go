package admission_test

import (
	. "github.com/onsi/ginkgo/v2"
)

// stage writes a rollout with one stage.
func stage(fields string) string {
	return "spec: {rollout: {stages: [{name: first, " + fields + "}]}}"
}

var _ = Describe("Wave", func() {
	DescribeTable("is accepted with", accepts(wave),
		Entry("nothing but what is required", `{}`),
		Entry("one district at a time", stage(`maxConcurrent: 1`)),
		Entry("a quarter at a time", stage(`maxConcurrent: 25%`)),
		Entry("all at once", stage(`maxConcurrent: 100%`)),
		Entry("a stage by names", stage(`districts: [sintang, buleleng]`)),
		Entry("a stage by labels", stage(`labelSelector: {matchLabels: {island: kalimantan}}`)),
		Entry("a stage by number", stage(`count: 3`)),
		Entry("an approved stage", `
spec: {approvedStages: [others], rollout: {stages: [{name: first, count: 1}, {name: others, approval: Required}]}}`),
		Entry("a window", `
spec: {rollout: {stages: [{name: first}], maintenanceWindow: {cron: "0 21 * * FRI", minutes: 480}}}`),
		Entry("no tolerance for failure", `spec: {rollout: {stages: [{name: first}], failureBudget: {total: 0, application: 0}}}`),
	)

	DescribeTable("is refused for", refuses(wave),
		Entry("no district at a time", stage(`maxConcurrent: 0`),
			"spec.rollout.stages[0].maxConcurrent", "a number from 1 to 514 or a percentage from 1% to 100%"),
		Entry("0%", stage(`maxConcurrent: 0%`),
			"spec.rollout.stages[0].maxConcurrent", "a number from 1 to 514 or a percentage from 1% to 100%"),
		Entry("more than all", stage(`maxConcurrent: 101%`),
			"spec.rollout.stages[0].maxConcurrent", "a number from 1 to 514 or a percentage from 1% to 100%"),
		Entry("more than the country has", stage(`maxConcurrent: 515`), "spec.rollout.stages[0].maxConcurrent", "from 1 to 514"),
		Entry("a number as text", stage(`maxConcurrent: "5"`), "spec.rollout.stages[0].maxConcurrent", "a percentage from 1% to 100%"),
		Entry("no stages", `spec: {rollout: {stages: []}}`, "spec.rollout.stages", "at least 1 items"),
		Entry("two stages of one name", `spec: {rollout: {stages: [{name: first}, {name: first}]}}`,
			"spec.rollout.stages[1]", "Duplicate value", "first"),
		Entry("a stage that selects in two ways", stage(`districts: [sintang], count: 3`),
			"spec.rollout.stages[0]", "stage first selects districts in more than one way", "one of districts, labelSelector and count"),
		Entry("a stage that selects in all ways", stage(`districts: [sintang], count: 3, labelSelector: {matchLabels: {a: b}}`),
			"spec.rollout.stages[0]", "selects districts in more than one way"),
		Entry("a stage of no districts", stage(`districts: []`), "spec.rollout.stages[0].districts", "at least 1 items"),
		Entry("approval of a stage that does not exist", `
spec: {approvedStages: [third], rollout: {stages: [{name: first}]}}`,
			"spec.approvedStages", "names a stage that rollout.stages does not have", "by their name"),
		Entry("approval without stages", `spec: {approvedStages: [first]}`, "spec.approvedStages", "rollout.stages does not have"),
		Entry("unknown approval", stage(`approval: Maybe`), "spec.rollout.stages[0].approval", `"Automatic", "Required"`),
		Entry("a year before there was ILP", `spec: {year: 1999}`, "spec.year", "greater than or equal to 2022"),
		Entry("no release", `spec: {release: null}`, "spec.release", "Required value"),
		Entry("hibernation, which is a district's", `spec: {state: Hibernated}`, "spec.state", `"Active", "Suspended"`),
		Entry("more districts than there are", `spec: {targetDistricts: 515}`, "spec.targetDistricts", "less than or equal to 514"),
		Entry("a negative failure budget", `spec: {rollout: {stages: [{name: first}], failureBudget: {total: -1}}}`,
			"spec.rollout.failureBudget.total", "greater than or equal to 0"),
		Entry("cron with seconds", `
spec: {rollout: {stages: [{name: first}], maintenanceWindow: {cron: "0 0 21 * * 5", minutes: 480}}}`,
			"spec.rollout.maintenanceWindow.cron", "is not a cron expression of five fields", "such as 0 21 * * 5"),
		Entry("a window too short to do anything", `
spec: {rollout: {stages: [{name: first}], maintenanceWindow: {cron: "0 21 * * 5", minutes: 5}}}`,
			"spec.rollout.maintenanceWindow.minutes", "greater than or equal to 15"),
	)
})
