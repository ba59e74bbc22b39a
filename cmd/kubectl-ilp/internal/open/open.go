// Package open has the commands below kubectl ilp open: they bring an RME or a
// dashboard to this machine, published or not.
package open

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/complete"
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
)

const long = `Forward a port of 127.0.0.1 to a ready pod until Ctrl-C, and print the address to open and the command that shows the
generated password of its first user. It needs neither an Ingress nor a name in DNS, but the right to forward ports.`

// Names in config/stack.
const (
	secretRME       = "rme-admin" // behind the name of its Puskesmas
	secretDashboard = "dashboard-admin"
)

// NewCommand is kubectl ilp open.
func NewCommand(f *cmdutil.Factory) *cobra.Command {
	return cmdutil.Group("open", "Open an RME or a dashboard on this machine", newRME(f), newDashboard(f))
}

func newRME(f *cmdutil.Factory) *cobra.Command {
	port := uint16(0)
	cmd := &cobra.Command{
		Use: "rme DISTRICT PUSKESMAS", Short: "Open the RME of a Puskesmas", Long: long,
		Args: cmdutil.Args(cobra.ExactArgs(2)), ValidArgsFunction: complete.Args(f, complete.District, complete.Puskesmas),
		RunE: func(cmd *cobra.Command, args []string) error {
			return open(cmd.Context(), f, port, args[0], func(stack *source.Stack) (*target, error) {
				p, err := stack.Facility(args[1])
				if err != nil {
					return nil, err
				}
				return &target{
					what: "The RME of Puskesmas " + p.Spec.Name, component: "rme", secret: p.Name + "-" + secretRME,
					namespace: p.Namespace, labels: labelsOf(stack, p.Name), why: "kubectl ilp why " + stack.District.Name + " " + p.Name,
				}, nil
			})
		},
	}
	addPort(cmd, &port)
	return cmd
}

func newDashboard(f *cmdutil.Factory) *cobra.Command {
	port := uint16(0)
	cmd := &cobra.Command{
		Use: "dashboard DISTRICT", Short: "Open the dashboard of a district", Long: long,
		Args: cmdutil.Args(cobra.ExactArgs(1)), ValidArgsFunction: complete.Args(f, complete.District),
		RunE: func(cmd *cobra.Command, args []string) error {
			return open(cmd.Context(), f, port, args[0], func(stack *source.Stack) (*target, error) {
				return &target{
					what: "The dashboard of " + stack.District.Spec.Name, component: "dashboard", secret: secretDashboard,
					namespace: v1alpha1.NamespaceFor(stack.District.Spec.Code), labels: labelsOf(stack, ""), why: "kubectl ilp why " + stack.District.Name,
				}, nil
			})
		},
	}
	addPort(cmd, &port)
	return cmd
}

func addPort(cmd *cobra.Command, port *uint16) {
	cmd.Flags().Uint16Var(port, "port", 0, "port of 127.0.0.1; a free one by default")
}

// target is what is opened.
type target struct {
	// what people call it.
	what string
	// component is the value of the label app.kubernetes.io/component of its Service.
	component string
	// secret holds the generated password of its first user, if there is one.
	secret string
	// namespace and labels are those of its objects.
	namespace string
	labels    map[string]string
	// why is the command that says why it is not there.
	why string
}

// labelsOf are on all objects of a Puskesmas or, without one, of the district itself.
func labelsOf(stack *source.Stack, puskesmas string) map[string]string {
	return map[string]string{
		v1alpha1.LabelManagedBy: v1alpha1.ManagerName,
		v1alpha1.LabelDistrict:  string(stack.District.Spec.Code),
		v1alpha1.LabelPuskesmas: puskesmas,
	}
}

// has reports whether an object is one of the target's.
func (t *target) has(object client.Object) bool {
	for key, value := range t.labels {
		if object.GetLabels()[key] != value {
			return false
		}
	}
	return true
}

// password is the command that shows it; nothing if there is no user.
func (t *target) password(ctx context.Context, c client.Client) (string, error) {
	secret := &metav1.PartialObjectMetadata{}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	err := c.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: t.secret}, secret)
	switch {
	case apierrors.IsNotFound(err), err == nil && !t.has(secret):
		return "", nil
	case err != nil && !apierrors.IsForbidden(err): // who may not read it may know who may
		return "", fmt.Errorf("get Secret %s/%s: %w", t.namespace, t.secret, err)
	}
	return fmt.Sprintf(`kubectl -n %s get secret %s -o go-template='{{.data.username | base64decode}} {{.data.password | base64decode}}{{"\n"}}'`,
		t.namespace, t.secret), nil
}

func open(ctx context.Context, f *cmdutil.Factory, port uint16, district string, find func(*source.Stack) (*target, error)) error {
	c, err := f.Client()
	if err != nil {
		return err
	}
	stack, err := source.StackOf(ctx, c, district)
	if err != nil {
		return err
	}
	t, err := find(stack)
	if err != nil {
		return err
	}
	password, err := t.password(ctx, c)
	if err != nil {
		return err
	}
	end, err := endOf(ctx, c, t)
	if err != nil {
		return err
	}
	config, err := f.Config()
	if err != nil {
		return err
	}
	return forward(ctx, config, end, port, func(local uint16) error {
		text := fmt.Sprintf("%s: http://127.0.0.1:%d\n", t.what, local)
		if password != "" {
			text += "User and password: " + password + "\n"
		}
		_, err := fmt.Fprint(f.Streams.Out, text+"Ctrl-C ends it.\n")
		return err
	})
}
