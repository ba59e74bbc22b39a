package controllers_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"ilp.health/operator/api/v1alpha1"
	. "ilp.health/operator/test/harness"
	"ilp.health/operator/test/testenv"
)

var _ = Describe("kubectl ilp diff", Ordered, func() {
	const value, other = "the-value-before", "the-value-after"
	var (
		plugin *plugin
		d      *District
		wave   *v1alpha1.Wave
		files  *folder
	)
	BeforeAll(func(ctx SpecContext) {
		plugin = buildPlugin(ctx)
		d = NewDistrict(admin)
		resource := d.Resource()
		resource.Spec.Exposure.Domain = "example.test"
		resource.Spec.WaveRef.Name = "nusantara-2025"
		tebidah, durian := d.NewPuskesmas("tebidah"), d.NewPuskesmas("sungai-durian")
		tebidah.Spec.Connectivity = "Good"
		tebidah.Spec.SatuSehat = v1alpha1.SatuSehatSpec{OrganizationID: "100000077", CredentialsSecretRef: v1alpha1.SecretReference{Name: "satusehat-tebidah"}}
		files = &folder{
			"namespace.yaml": &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: d.Namespace, Labels: map[string]string{v1alpha1.LabelDistrict: string(d.Code)}}},
			"district.yaml":  resource, "tebidah.yaml": tebidah, "durian.yaml": durian,
			"secret.yaml": &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Name: "satusehat-tebidah", Namespace: d.Namespace},
				StringData: map[string]string{"client_id": "an-id", "client_secret": value},
			},
		}
		// It has another release than the default, and not by the files.
		for _, name := range []string{"namespace.yaml", "secret.yaml", "district.yaml", "tebidah.yaml", "durian.yaml"} {
			applyFile(ctx, (*files)[name], "kubectl")
		}
		DeferCleanup(d.Suspend)
		wave = &v1alpha1.Wave{ObjectMeta: metav1.ObjectMeta{Name: "nusantara-2025"}, Spec: v1alpha1.WaveSpec{Year: 2025, Release: OtherRelease}}
		Expect(admin.Create(ctx, wave)).To(Succeed())
		d.ExpectReady(ctx, "tebidah", "sungai-durian")
		d.ExpectReady(ctx)
	})

	It("finds nothing in a folder that is applied", func(ctx SpecContext) {
		got := plugin.diff(ctx, files.write())
		Expect(got.code).To(BeZero(), got.text())
		Expect(got.out + got.errOut).To(BeEmpty())

		changes := plugin.diff(ctx, files.write(), "-o", "json").changes()
		Expect(changes.in("Unchanged")).To(HaveLen(len(changes)))
		Expect(changes.in("Unchanged")).To(ContainElements("Files District "+d.Name, "Operator Deployment tebidah-rme", "Operator Secret tebidah-database", "Operator Cluster database"))
	})

	It("names exactly the object and the field that would change, and changes nothing", func(ctx SpecContext) {
		versions := d.Versions(ctx)
		got := plugin.diff(ctx, files.with("tebidah.yaml", func(p *v1alpha1.Puskesmas) { p.Spec.RME.Replicas = 2 }).write())
		Expect(got.code).To(Equal(1), got.text())
		Expect(got.out).To(And(
			ContainSubstring("--- live/Puskesmas/"+d.Namespace+"/tebidah\n+++ files/Puskesmas/"+d.Namespace+"/tebidah\n"),
			ContainSubstring("--- live/Deployment/"+d.Namespace+"/tebidah-rme\n+++ operator/Deployment/"+d.Namespace+"/tebidah-rme\n"),
			ContainSubstring("\n-  replicas: 1\n+  replicas: 2\n"),
		))
		again := plugin.diff(ctx, files.with("tebidah.yaml", func(p *v1alpha1.Puskesmas) { p.Spec.RME.Replicas = 2 }).write())
		Expect(again).To(Equal(got), "the same prints something else")

		changes := plugin.diff(ctx, files.with("tebidah.yaml", func(p *v1alpha1.Puskesmas) { p.Spec.RME.Replicas = 2 }).write(), "-o", "yaml").changes()
		Expect(changes.in("Changed", "Created", "Deleted")).To(ConsistOf("Files Puskesmas tebidah", "Operator Deployment tebidah-rme"))
		Expect(changes.fields("Operator Deployment tebidah-rme")).To(ConsistOf("spec.replicas"))
		Expect(changes.fields("Files Puskesmas tebidah")).To(ConsistOf("spec.rme.replicas"))
		Expect(d.Versions(ctx)).To(Equal(versions))
	})

	It("takes what is gone from a file as gone, however it was applied", func(ctx SpecContext) {
		without := files.with("tebidah.yaml", func(p *v1alpha1.Puskesmas) { p.Spec.Connectivity = "" })
		Expect(plugin.diff(ctx, without.write(), "-o", "json").changes().fields("Files Puskesmas tebidah")).To(ConsistOf("spec.connectivity"))

		By("kubectl apply without --server-side")
		durian := (*files)["durian.yaml"].DeepCopyObject().(*v1alpha1.Puskesmas)
		durian.Spec.Connectivity = "Intermittent"
		raw, err := json.Marshal(written(durian).Object)
		Expect(err).NotTo(HaveOccurred())
		d.EditPuskesmas(ctx, "sungai-durian", func(p *v1alpha1.Puskesmas) {
			p.Spec.Connectivity = "Intermittent"
			p.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": string(raw)}
		})
		Expect(plugin.diff(ctx, files.write(), "-o", "json").changes().fields("Files Puskesmas sungai-durian")).To(ConsistOf("spec.connectivity"))
		d.EditPuskesmas(ctx, "sungai-durian", func(p *v1alpha1.Puskesmas) {
			p.Spec.Connectivity, p.Annotations = "", nil
		})
	})

	It("shows what the operator would delete, and what it would make, of one Puskesmas among the files", func(ctx SpecContext) {
		got := plugin.diff(ctx, files.with("district.yaml", func(d *v1alpha1.District) { d.Spec.Exposure.Domain = "" }).write(), "-o", "json")
		Expect(got.changes().in("Deleted")).To(ConsistOf("Operator Ingress web", "Operator Ingress tebidah-web", "Operator Ingress sungai-durian-web"))

		batu := d.NewPuskesmas("batu")
		changes := plugin.diff(ctx, (&folder{"batu.yaml": batu}).write(), "-o", "json").changes()
		Expect(changes.in("Created")).To(ContainElements("Files Puskesmas batu", "Operator Secret batu-database", "Operator Deployment batu-rme"))
		Expect(plugin.diff(ctx, (&folder{"batu.yaml": batu}).write()).out).To(ContainSubstring("localhost/ilp/gnuhealth:1.1.0"), "the release that the district has")
	})

	It("says what a state does to the stack", func(ctx SpecContext) {
		stopped := files.with("district.yaml", func(d *v1alpha1.District) { d.Spec.State = v1alpha1.StateHibernated })
		changes := plugin.diff(ctx, stopped.write(), "-o", "json").changes()
		Expect(changes.in("Created")).To(BeEmpty(), "what is hibernated makes nothing new")
		Expect(changes.fields("Operator Deployment tebidah-rme")).To(ConsistOf("spec.replicas"))
		Expect(changes.fields("Operator Cluster database")).To(ConsistOf("metadata.annotations.cnpg.io/hibernation"))

		held := files.with("tebidah.yaml", func(p *v1alpha1.Puskesmas) { p.Spec.State, p.Spec.RME.Replicas = v1alpha1.StateSuspended, 2 })
		got := plugin.diff(ctx, held.write())
		Expect(got.code).To(Equal(1), got.text())
		Expect(got.out).NotTo(ContainSubstring("operator/"))
		Expect(got.errOut).To(Equal("note: Puskesmas " + d.Namespace + "/tebidah is Suspended: the operator changes nothing of it until it is Active\n"))
	})

	It("never prints a value of a Secret", func(ctx SpecContext) {
		changed := files.with("secret.yaml", func(s *corev1.Secret) { s.StringData["client_secret"] = other })
		for _, format := range []string{"text", "json", "yaml"} {
			got := plugin.diff(ctx, changed.write(), "-o", format)
			Expect(got.code).To(Equal(1), got.text())
			for _, secret := range []string{value, other, "an-id"} {
				Expect(got.text()).NotTo(ContainSubstring(secret))
				Expect(got.text()).NotTo(ContainSubstring(base64.StdEncoding.EncodeToString([]byte(secret))))
			}
			if format == "text" {
				Expect(got.out).To(ContainSubstring("\n-  client_secret: '*** (before)'\n+  client_secret: '*** (after)'\n"))
			} else {
				Expect(got.changes().fields("Files Secret satusehat-tebidah")).To(ConsistOf("data.client_secret"))
			}
		}
		refused := plugin.diff(ctx, files.with("secret.yaml", func(s *corev1.Secret) {
			s.Data, s.StringData = map[string][]byte{"no key": []byte(other)}, nil
		}).write())
		Expect(refused.code).To(Equal(2), refused.text())
		Expect(refused.errOut).To(ContainSubstring("the API server refuses it (Invalid)"))
	})

	It("knows what a district keeps that went back to the release before", func(ctx SpecContext) {
		later := NewRelease("ilp-1.2.0-diff", "1.2.0")
		later.Spec.SchemaRollback = v1alpha1.SchemaRollbackSafe
		Expect(admin.Create(ctx, later)).To(Succeed())
		for _, release := range []string{later.Name, OtherRelease} {
			EditWave(ctx, admin, wave, func(s *v1alpha1.WaveSpec) { s.Release = v1alpha1.ObjectName(release) })
			d.ExpectReady(ctx, "tebidah", "sungai-durian")
			d.ExpectReady(ctx)
			Eventually(func() string { return d.Get(ctx).Status.Release.Current }).Should(Equal(release))
			d.ExpectReady(ctx)
		}
		Expect(d.Puskesmas(ctx, "tebidah").Status.Release.Schema).To(Equal(later.Name), "the schema that it keeps")
		got := plugin.diff(ctx, files.write())
		Expect(got.code).To(BeZero(), got.text())

		By("a pin in the files to a release that cannot be reached")
		pinned := files.with("district.yaml", func(d *v1alpha1.District) { d.Spec.Release = DefaultRelease })
		got = plugin.diff(ctx, pinned.write(), "-o", "json")
		Expect(got.changes().in("Created", "Changed", "Deleted")).To(ConsistOf("Files District " + d.Name))
		Expect(got.out).To(ContainSubstring("everything stays on " + OtherRelease))
	})

	It("tells of a district that is not there yet, and of what is wrong", func(ctx SpecContext) {
		fresh := NewDistrict(admin)
		resource, first := fresh.Resource(), fresh.NewPuskesmas("pertama")
		all := &folder{
			"namespace.yaml": &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fresh.Namespace, Labels: map[string]string{v1alpha1.LabelDistrict: string(fresh.Code)}}},
			"district.yaml":  resource, "pertama.yaml": first,
		}
		got := plugin.diff(ctx, all.write(), "-o", "json")
		Expect(got.code).To(Equal(1), got.text())
		Expect(got.changes().in("Created")).To(And(HaveLen(len(got.changes())), ContainElements("Files District "+fresh.Name, "Operator Deployment pertama-rme", "Operator Secret pertama-database")))

		By("mistakes")
		for says, broken := range map[string]*folder{
			"District.ilp.health":                   all.with("district.yaml", func(d *v1alpha1.District) { d.Spec.Name = "Sintang" }),
			`StackRelease "nowhere" does not exist`: all.with("district.yaml", func(d *v1alpha1.District) { d.Spec.Release = "nowhere" }),
			"spec.patches[0]": all.with("pertama.yaml", func(p *v1alpha1.Puskesmas) {
				p.Spec.Patches = []v1alpha1.Patch{{Patch: "kind: Nothing\nmetadata: {name: here}\n"}}
			}),
		} {
			got := plugin.diff(ctx, broken.write())
			Expect(got.code).To(Equal(2), got.text())
			Expect(got.errOut).To(And(ContainSubstring(says), ContainSubstring("what would change cannot be told in full")))
		}
	})
})

// folder holds objects by the name of their file.
type folder map[string]client.Object

// with is a copy in which one object is changed.
func (f *folder) with(name string, change any) *folder {
	other := folder{}
	for file, object := range *f {
		other[file] = object.DeepCopyObject().(client.Object)
	}
	switch change := change.(type) {
	case func(*v1alpha1.District):
		change(other[name].(*v1alpha1.District))
	case func(*v1alpha1.Puskesmas):
		change(other[name].(*v1alpha1.Puskesmas))
	case func(*corev1.Secret):
		change(other[name].(*corev1.Secret))
	}
	return &other
}

func (f *folder) write() string {
	GinkgoHelper()
	path := GinkgoT().TempDir()
	for name, object := range *f {
		text, err := yaml.Marshal(written(object).Object)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(filepath.Join(path, name), text, 0o600)).To(Succeed())
	}
	return path
}

// written is an object as people write it.
func written(object client.Object) *unstructured.Unstructured {
	GinkgoHelper()
	if is, ok := object.(*unstructured.Unstructured); ok {
		return is
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	Expect(err).NotTo(HaveOccurred())
	kinds, _, err := testenv.Scheme().ObjectKinds(object)
	Expect(err).NotTo(HaveOccurred())
	out := &unstructured.Unstructured{Object: fields}
	out.SetGroupVersionKind(kinds[0])
	unstructured.RemoveNestedField(fields, "status")
	unstructured.RemoveNestedField(fields, "metadata", "creationTimestamp")
	return out
}

// give brings a district to a release as its wave does: its spec says nothing of it.
func give(ctx context.Context, d *District, release string) {
	GinkgoHelper()
	d.Edit(ctx, to(release))
	Eventually(func() string { return d.Get(ctx).Status.Release.Target }).Should(Equal(release))
	d.Edit(ctx, to(""))
}

func applyFile(ctx context.Context, object client.Object, manager string) {
	GinkgoHelper()
	Expect(admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(written(object).DeepCopy()), client.FieldOwner(manager))).To(Succeed())
}

// plugin is the command as people run it.
type plugin struct{ binary, kubeconfig string }

func buildPlugin(ctx context.Context) *plugin {
	GinkgoHelper()
	path := GinkgoT().TempDir()
	p := &plugin{binary: filepath.Join(path, "kubectl-ilp"), kubeconfig: filepath.Join(path, "kubeconfig")}
	build := exec.CommandContext(ctx, "go", "build", "-o", p.binary, "./cmd/kubectl-ilp") //nolint:gosec // the path is this test's own
	build.Dir = testenv.Root(GinkgoT())
	out, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
	config := theOperator.Config
	Expect(clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"envtest": {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"envtest": {ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}},
		Contexts:       map[string]*clientcmdapi.Context{"envtest": {Cluster: "envtest", AuthInfo: "envtest"}},
		CurrentContext: "envtest",
	}, p.kubeconfig)).To(Succeed())
	return p
}

// ran is how the command ended.
type ran struct {
	code        int
	out, errOut string
}

func (r ran) text() string { return r.out + r.errOut }

func (p *plugin) diff(ctx context.Context, args ...string) ran {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var out, errOut bytes.Buffer
	command := exec.CommandContext(ctx, p.binary, append([]string{"diff", "--kubeconfig", p.kubeconfig}, args...)...) //nolint:gosec // the test's own
	command.Stdout, command.Stderr = &out, &errOut
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		Expect(err).NotTo(HaveOccurred())
	}
	return ran{command.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// changes is what diff tells machines.
type changes []struct {
	By, Kind, Name, Action string
	Fields                 []string
}

func (r ran) changes() changes {
	GinkgoHelper()
	var report struct{ Objects changes }
	Expect(yaml.Unmarshal([]byte(r.out), &report)).To(Succeed(), r.text())
	return report.Objects
}

// in lists the objects to which one of some things happens.
func (c changes) in(actions ...string) []string {
	var out []string
	for _, change := range c {
		for _, action := range actions {
			if change.Action == action {
				out = append(out, change.By+" "+change.Kind+" "+change.Name)
			}
		}
	}
	return out
}

// fields are those of one object that differ.
func (c changes) fields(object string) []string {
	for _, change := range c {
		if change.By+" "+change.Kind+" "+change.Name == object {
			return change.Fields
		}
	}
	return nil
}
