package admission_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("Defaults", func() {
	field := func(ctx SpecContext, base string, path ...string) any {
		GinkgoHelper()
		object := manifest(base)
		Expect(strict.Create(ctx, object, client.DryRunAll)).To(Succeed())
		value, found, err := unstructured.NestedFieldNoCopy(object.Object, path...)
		Expect(err).NotTo(HaveOccurred())
		Expect(found).To(BeTrue(), "%v is not set", path)
		return value
	}

	DescribeTable("tell kstatus that nobody has looked yet",
		func(ctx SpecContext, base string) {
			Expect(field(ctx, base, "status", "observedGeneration")).To(BeEquivalentTo(-1))
		},
		Entry("District", district), Entry("Puskesmas", puskesmas), Entry("Wave", wave), Entry("StackRelease", stackRelease),
	)

	DescribeTable("are set",
		func(ctx SpecContext, base string, value any, path ...string) {
			Expect(field(ctx, base, path...)).To(BeEquivalentTo(value))
		},
		Entry("25 years", district, 25, "spec", "dataProtection", "retentionYears"),
		Entry("keep data", district, "Retain", "spec", "dataProtection", "deletionPolicy"),
		Entry("one instance", district, 1, "spec", "database", "instances"),
		Entry("active district", district, "Active", "spec", "state"),
		Entry("active Puskesmas", puskesmas, "Active", "spec", "state"),
		Entry("without beds", puskesmas, "NonRawatInap", "spec", "category"),
		Entry("all four klaster", puskesmas, []any{"Manajemen", "IbuDanAnak", "UsiaDewasaDanLansia", "PenanggulanganPenyakitMenular"},
			"spec", "klaster"),
		Entry("no way back of the schema", stackRelease, "Unsafe", "spec", "schemaRollback"),
		Entry("active wave", wave, "Active", "spec", "state"),
	)
})
