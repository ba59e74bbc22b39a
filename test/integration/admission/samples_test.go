package admission_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/test/testenv"
)

// applySample is a line of the README that applies a folder of samples.
var applySample = regexp.MustCompile(`(?m)^kubectl apply -k config/samples/(\S+)`)

var _ = Describe("Samples", func() {
	sample := func(folder string) []*unstructured.Unstructured {
		return testenv.Kustomize(GinkgoT(), filepath.Join(testenv.Root(GinkgoT()), "config/samples", folder))
	}

	DescribeTable("are accepted as one apply",
		func(ctx SpecContext, folder string, count int) {
			objects := sample(folder)
			Expect(objects).To(HaveLen(count))
			for _, object := range objects {
				err := strict.Apply(ctx, client.ApplyConfigurationFromUnstructured(object),
					client.FieldOwner("kubectl"), client.ForceOwnership, client.DryRunAll)
				Expect(err).NotTo(HaveOccurred(), "%s %s", object.GetKind(), object.GetName())
			}
		},
		Entry("Kabupaten Sintang", "sintang", 4),
		Entry("Kabupaten Jayapura", "jayapura", 3),
		Entry("the catalogue of releases", "releases", 1),
		Entry("a wave", "waves", 1),
		Entry("all of them", ".", 9),
	)

	It("have a Pustu that meets the minimum staffing and one that does not", func() {
		var tebidah v1alpha1.Puskesmas
		for _, object := range sample("sintang") {
			if object.GetName() == "tebidah" {
				Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &tebidah)).To(Succeed())
			}
		}
		var meets []bool
		for _, pustu := range tebidah.Spec.Pustu {
			meets = append(meets, pustu.MeetsMinimum())
		}
		Expect(meets).To(ConsistOf(true, false))
	})

	It("place every Pustu and Posyandu in a desa that the Puskesmas serves", func() {
		for _, object := range sample(".") {
			if object.GetKind() != "Puskesmas" {
				continue
			}
			var puskesmas v1alpha1.Puskesmas
			Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &puskesmas)).To(Succeed())
			served := map[v1alpha1.DesaCode]bool{}
			for _, desa := range puskesmas.Spec.Desa {
				served[desa.Code] = true
			}
			for _, pustu := range puskesmas.Spec.Pustu {
				Expect(served).To(HaveKey(pustu.Desa), puskesmas.Name)
			}
			for _, posyandu := range puskesmas.Spec.Posyandu {
				Expect(served).To(HaveKey(posyandu.Desa), puskesmas.Name)
			}
		}
	})

	It("name no wave and no release that the README has not applied before", func() {
		readme, err := os.ReadFile(filepath.Join(testenv.Root(GinkgoT()), "README.md"))
		Expect(err).NotTo(HaveOccurred())
		var applied, districts []string
		for _, command := range applySample.FindAllStringSubmatch(string(readme), -1) {
			for _, object := range sample(command[1]) {
				release, _, _ := unstructured.NestedString(object.Object, "spec", "release")
				wave, _, _ := unstructured.NestedString(object.Object, "spec", "waveRef", "name")
				if release != "" {
					Expect(applied).To(ContainElement("StackRelease "+release), object.GetName())
				}
				if wave != "" {
					Expect(applied).To(ContainElement("Wave "+wave), object.GetName())
				}
				if object.GetKind() == "District" {
					districts = append(districts, object.GetName())
				}
				applied = append(applied, object.GetKind()+" "+object.GetName())
			}
		}
		Expect(districts).To(ConsistOf("sintang"))
	})

	It("name the images that hack/images builds", func() {
		var release v1alpha1.StackRelease
		Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(sample("releases")[0].Object, &release)).To(Succeed())
		images := []v1alpha1.ImageReference{release.Spec.Database.Image, release.Spec.Dashboard.Image}
		for _, rme := range release.Spec.RME {
			images = append(images, rme.Image)
		}
		for _, image := range images {
			name, version, _ := strings.Cut(strings.TrimPrefix(string(image), "localhost/ilp/"), ":")
			built, err := os.ReadFile(filepath.Join(testenv.Root(GinkgoT()), "hack/images", name, "VERSION"))
			Expect(err).NotTo(HaveOccurred())
			Expect(version).To(Equal(strings.TrimSpace(string(built))), string(image))
		}
	})
})
