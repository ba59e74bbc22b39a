package plugin_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"ilp.health/operator/api/v1alpha1"
)

const (
	soon      = time.Second
	namespace = "ilp-6105"
	password  = "Hujan-Bulan-Juni"
)

// A district whose status and objects are written by hand: its RME crashes.
var _ = Describe("A district that is asked about", Ordered, func() {
	labels := map[string]string{
		"app.kubernetes.io/managed-by": "ilp-operator", "app.kubernetes.io/component": "rme",
		"ilp.health/district": "61.05", "ilp.health/puskesmas": "tebidah",
	}
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}
	}
	var pod *corev1.Pod

	BeforeAll(func(ctx SpecContext) {
		node := &kubelet{node: "node", log: "asked for %s, previous %s\nconnecting with " + password + "\nFATAL: no such schema\n"}
		node.start(ctx)
		home := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{
			"app.kubernetes.io/managed-by": "ilp-operator", "ilp.health/district": "61.05",
		}}}
		create(ctx, home)
		home.Annotations = map[string]string{
			"data.ilp.health/district":    `{"systemID":"7"}`,
			"data.ilp.health/p6107080201": `{"systemID":"7","objects":{"Secret/tebidah-rme-admin":"","Database/tebidah-database":""}}`,
		}
		// Records are the operator's alone to write.
		Expect(environment.As("system:serviceaccount:ilp-system:ilp-operator").Update(ctx, home)).To(Succeed())
		create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "default"}})
		create(ctx, &corev1.Secret{ObjectMeta: meta("tebidah-rme-admin"), StringData: map[string]string{"password": password}})
		create(ctx, &corev1.Service{ObjectMeta: meta("tebidah-rme"), Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, Selector: labels,
			Ports: []corev1.ServicePort{{Name: "http", Port: 8000, TargetPort: intstr.FromString("http")}},
		}})
		rme := deployment(namespace, "tebidah-rme", "gnuhealth", "localhost/ilp/gnuhealth:1")
		rme.Labels, rme.Spec.Selector.MatchLabels, rme.Spec.Template.Labels = labels, labels, labels
		create(ctx, rme)
		rme.Status = appsv1.DeploymentStatus{ObservedGeneration: rme.Generation, Replicas: 1, UpdatedReplicas: 1}
		Expect(environment.Client.Status().Update(ctx, rme)).To(Succeed())
		set := &appsv1.ReplicaSet{ObjectMeta: meta("tebidah-rme-5f"), Spec: appsv1.ReplicaSetSpec{Selector: rme.Spec.Selector, Template: rme.Spec.Template}}
		set.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(rme, appsv1.SchemeGroupVersion.WithKind("Deployment"))}
		create(ctx, set)
		pod = &corev1.Pod{ObjectMeta: meta("tebidah-rme-5f-x2"), Spec: corev1.PodSpec{NodeName: "node", Containers: []corev1.Container{{
			Name: "gnuhealth", Image: "localhost/ilp/gnuhealth:1", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8000}},
		}}}}
		pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))}
		create(ctx, pod)
		pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "gnuhealth", RestartCount: 7,
			State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}},
		}}}
		Expect(environment.Client.Status().Update(ctx, pod)).To(Succeed())
		create(ctx, &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "backoff"}, Type: corev1.EventTypeWarning, Reason: "BackOff",
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: pod.Name},
			Message:        "Back-off restarting failed container", LastTimestamp: metav1.Now(), Count: 12,
		})
		create(ctx, &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "quota"}, Type: corev1.EventTypeWarning, Reason: "FailedCreate",
			InvolvedObject: corev1.ObjectReference{Kind: "ReplicaSet", Namespace: namespace, Name: set.Name},
			Message:        "exceeded quota", LastTimestamp: metav1.Now(), Count: 1,
		})

		failing := func(generation int64, message string) []metav1.Condition {
			now := metav1.Now()
			return []metav1.Condition{
				{Type: "Ready", Status: "False", Reason: "ApplicationFailed", Message: message, LastTransitionTime: now, ObservedGeneration: generation},
				{Type: "Stalled", Status: "True", Reason: "ApplicationFailed", Message: message, LastTransitionTime: now, ObservedGeneration: generation},
			}
		}
		d := &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: "sintang"}, Spec: v1alpha1.DistrictSpec{
			Code: "61.05", Name: "Kabupaten Sintang", Database: v1alpha1.DatabaseSpec{Storage: "1Gi"},
		}}
		create(ctx, d)
		d.Status = v1alpha1.DistrictStatus{
			ObservedGeneration: d.Generation, Conditions: failing(d.Generation, "0/1 Puskesmas are ready; Puskesmas tebidah: ApplicationFailed"),
		}
		Expect(environment.Client.Status().Update(ctx, d)).To(Succeed())
		p := &v1alpha1.Puskesmas{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "tebidah"}, Spec: v1alpha1.PuskesmasSpec{
			Code: "P6107080201", Name: "Tebidah", Kecamatan: v1alpha1.Kecamatan{Code: "61.05.09", Name: "Kayan Hulu"},
		}}
		create(ctx, p)
		p.Status = v1alpha1.PuskesmasStatus{
			ObservedGeneration: p.Generation, Conditions: failing(p.Generation, "Deployment tebidah-rme: crashes again and again"),
		}
		Expect(environment.Client.Status().Update(ctx, p)).To(Succeed())
	})

	It("has a status", func(ctx SpecContext) {
		code, out := ilp(ctx, "status")
		Expect(code).To(Equal(4), out)
		Expect(out).To(MatchRegexp(`✗ sintang +61.05 +Kabupaten Sintang .*False +ApplicationFailed`))
		code, out = ilp(ctx, "status sintang -o yaml")
		Expect(code).To(Equal(4), out)
		Expect(out).To(ContainSubstring("outcome: Held\n"))
	})

	It("has a tree of what is there and what is not", func(ctx SpecContext) {
		code, out := ilp(ctx, "tree sintang")
		Expect(code).To(Equal(0), out)
		Expect(out).To(ContainSubstring("✓ Namespace ilp-6105\n"))
		Expect(out).To(ContainSubstring("✗ Cluster database: was there and is gone\n"))
		Expect(out).To(ContainSubstring("✗ Database tebidah-database: was there and is gone\n"))
		Expect(out).To(MatchRegexp(`○ Deployment tebidah-rme: 0 of 1 replicas available\n.*└─ ✗ Pod tebidah-rme-5f-x2: container gnuhealth: crashes again and again, exit code 1 Error: see its log\n`))
		Expect(out).To(ContainSubstring("✓ Secret tebidah-rme-admin\n"))
	})

	It("says why, by the log before the crash, without the password", func(ctx SpecContext) {
		code, out := ilp(ctx, "why sintang")
		Expect(code).To(Equal(4), out)
		Expect(out).To(ContainSubstring("✗ Puskesmas tebidah of District sintang: ApplicationFailed"))
		Expect(out).To(ContainSubstring("    | asked for /containerLogs/ilp-6105/tebidah-rme-5f-x2/gnuhealth, previous true\n    | connecting with ***\n    | FATAL: no such schema\n"))
		Expect(out).To(ContainSubstring("Pod tebidah-rme-5f-x2: BackOff (12 times): Back-off restarting failed container\n"))
		Expect(out).To(ContainSubstring("ReplicaSet tebidah-rme-5f: FailedCreate: exceeded quota\n"))
		Expect(out).To(HaveSuffix("\nnext: mend what its log tells of; then: kubectl ilp district retry sintang\n"))
		Expect(out).NotTo(ContainSubstring(password))
	})

	It("says why to who may read no Secrets and no logs", func(ctx SpecContext) {
		create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "few"}, Rules: []rbacv1.PolicyRule{
			{
				APIGroups: []string{"", "apps", "postgresql.cnpg.io", "ilp.health"}, Verbs: []string{"get", "list"},
				Resources: []string{"namespaces", "pods", "services", "events", "persistentvolumeclaims", "deployments", "replicasets", "clusters", "districts", "puskesmas"},
			},
		}})
		create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "few"}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "few", APIGroup: rbacv1.GroupName},
			Subjects: []rbacv1.Subject{{Kind: "User", Name: "dinkes", APIGroup: rbacv1.GroupName}},
		})
		Eventually(func() string { _, out := ilp(ctx, "why sintang --as dinkes"); return out }).WithContext(ctx).WithTimeout(30 * soon).Should(And(
			ContainSubstring("✗ Pod tebidah-rme-5f-x2"),
			ContainSubstring("note: you may not read Secrets in ilp-6105, so only what looks like a password is masked"),
			ContainSubstring(`note: the log cannot be read: pods "tebidah-rme-5f-x2" is forbidden`),
		))
		_, out := ilp(ctx, "tree sintang --as dinkes")
		Expect(out).To(ContainSubstring("○ Secret tebidah-rme-admin: you may not read this kind\n"))
	})

	It("is not opened while no pod is ready", func(ctx SpecContext) {
		code, out := ilp(ctx, "open rme sintang tebidah")
		Expect(code).To(Equal(1))
		Expect(out).To(Equal("error: no pod of Service ilp-6105/tebidah-rme is ready; kubectl ilp why sintang tebidah says why\n"))
	})

	It("is opened by a ready pod, until Ctrl-C", func(ctx SpecContext) {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		Expect(environment.Client.Status().Update(ctx, pod)).To(Succeed())
		open := command(ctx, "open", "rme", namespace, "tebidah")
		out, err := open.StdoutPipe()
		Expect(err).NotTo(HaveOccurred())
		open.Stderr = GinkgoWriter
		Expect(open.Start()).To(Succeed())
		lines := bufio.NewReader(out)
		first, err := lines.ReadString('\n')
		Expect(err).NotTo(HaveOccurred())
		Expect(first).To(MatchRegexp(`^The RME of Puskesmas Tebidah: http://127\.0\.0\.1:\d+\n$`))
		second, err := lines.ReadString('\n')
		Expect(err).NotTo(HaveOccurred())
		Expect(second).To(HavePrefix("User and password: kubectl -n ilp-6105 get secret tebidah-rme-admin "))

		url := regexp.MustCompile(`http://\S+`).FindString(first)
		for range 2 {
			Expect(get(ctx, url)).To(Equal("the login page"))
		}
		Expect(open.Process.Signal(os.Interrupt)).To(Succeed())
		rest, err := io.ReadAll(lines)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(rest)).To(Equal("Ctrl-C ends it.\n"))
		Expect(open.Wait()).To(Succeed(), "Ctrl-C is no failure")
	})

	It("is completed, by the name by which kubectl asks, too", func(ctx SpecContext) {
		_, out := ilp(ctx, "__complete why sintang t")
		Expect(strings.Fields(out)[:2]).To(Equal([]string{"tebidah", ":4"}))
		link := strings.TrimSuffix(program, "kubectl-ilp") + "kubectl_complete-ilp"
		Expect(os.Symlink(program, link)).To(Succeed())
		cmd := command(ctx, "open", "rme", "")
		cmd.Path = link
		cmd.Args[0] = link
		text, err := cmd.Output()
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(Equal("sintang\n:4\n"))
	})
})

func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := (&http.Client{Timeout: 10 * soon}).Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
