package e2e

import (
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// Kabupaten Mamuju of testdata/circumstances.
var _ = Describe("A district that is not as usual", Label("circumstances"), Ordered, func() {
	const (
		there        = "ilp-7602"
		storageClass = "e2e-later"
	)
	mamuju := districtNamed("mamuju")
	binanga := facility{"mamuju", there, "binanga", "p7602000101"}
	bambu := facility{"mamuju", there, "bambu", "p7602000102"}

	// saying waits until a resource is not ready and says these words.
	saying := func(ctx SpecContext, obj client.Object, words ...string) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			status, message, err := readyOf(ctx, obj)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(status).To(Equal("False"), message)
			for _, word := range words {
				g.Expect(message).To(ContainSubstring(word))
			}
		}).WithContext(ctx).WithTimeout(5 * time.Minute).WithPolling(time.Second).Should(Succeed())
	}

	BeforeAll(func(ctx SpecContext) {
		DeferCleanup(func(ctx SpecContext) {
			removeDistricts(ctx, mamuju.Name)
			Expect(client.IgnoreNotFound(cluster.Delete(ctx, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: storageClass}}))).To(Succeed())
		})
		apply(ctx, "-f", "circumstances/mamuju.yaml")
	})

	It("names the StorageClass that does not exist, and goes on when it does", func(ctx SpecContext) {
		saying(ctx, mamuju, `StorageClass "`+storageClass+`" does not exist: create it`)

		var list storagev1.StorageClassList
		Expect(cluster.List(ctx, &list)).To(Succeed())
		var later *storagev1.StorageClass
		for _, class := range list.Items {
			if class.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
				later = class.DeepCopy()
			}
		}
		Expect(later).NotTo(BeNil(), "a default StorageClass to copy")
		later.ObjectMeta = metav1.ObjectMeta{Name: storageClass}
		later.AllowVolumeExpansion = ptr.To(false)
		Expect(cluster.Create(ctx, later)).To(Succeed())
		await(ctx, mamuju, v1alpha1.ConditionDatabaseReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
	})

	It("names the quota that has no room, and goes on when it has", func(ctx SpecContext) {
		saying(ctx, bambu.object(), "pods cannot be created", "exceeded quota: narrow")

		Expect(cluster.Delete(ctx, &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "narrow", Namespace: there}})).To(Succeed())
		awaitReady(ctx, mamuju)
	})

	It("runs an image of one's own by its contract", func(ctx SpecContext) {
		awaitReady(ctx, binanga.object())
		code, page, err := fetch(ctx, http.MethodGet, "http://"+binanga.host()+"/", "", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(code).To(Equal(http.StatusOK))
		Expect(string(page)).To(ContainSubstring("<script"))

		By("migrating with the variables it is promised, and with the one that is mapped")
		_, password := credentials(ctx, there, "binanga-rme-admin")
		Expect(loginRME(ctx, binanga.host(), binanga.database, password)).To(BeTrue())
		Expect(binanga.sql(ctx, "SELECT code FROM gnuhealth_institution")).To(Equal("P7602000101"))
		Expect(binanga.sql(ctx, "SELECT timezone FROM company_company")).To(Equal("Asia/Makassar"), "TIME_ZONE is mapped to TZ")
	})

	It("runs HAPI FHIR for programs of its own namespace only", func(ctx SpecContext) {
		awaitReady(ctx, bambu.object())
		code, _, err := fetch(ctx, http.MethodGet, "http://"+bambu.host()+"/fhir/metadata", "", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(code).To(Equal(http.StatusNotFound), "it knows no users, so it is not published")

		var pods corev1.PodList
		Expect(cluster.List(ctx, &pods, client.InNamespace(there), rmeOf("binanga"))).To(Succeed())
		Expect(pods.Items).To(HaveLen(1))
		answer, err := execute(ctx, there, pods.Items[0].Name, "rme", "python", "-c",
			"import urllib.request; print(urllib.request.urlopen('http://bambu-rme:8080/fhir/metadata', timeout=60).read().decode())")
		Expect(err).NotTo(HaveOccurred())
		Expect(answer).To(And(ContainSubstring(`"CapabilityStatement"`), ContainSubstring(`"fhirVersion"`)))
	})

	nothingLost(mamuju, binanga, bambu)
})
