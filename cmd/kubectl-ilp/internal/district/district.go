// Package district has the commands below kubectl ilp district.
package district

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/complete"
)

// NewCommand is kubectl ilp district.
func NewCommand(f *cmdutil.Factory) *cobra.Command {
	return cmdutil.Group("district", "Pin, unpin and retry a district",
		newPin(f), newUnpin(f), newRetry(f))
}

func newRetry(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use: "retry NAME", Short: "Try a failed upgrade again",
		Long: "Ask a district to try again what has failed, and to pass that on to its Puskesmas. Repair the cause first.",
		Args: cmdutil.Args(cobra.ExactArgs(1)), ValidArgsFunction: complete.Args(f, complete.District),
		RunE: func(cmd *cobra.Command, args []string) error { return retry(cmd.Context(), f, args[0]) },
	}
}

func retry(ctx context.Context, f *cmdutil.Factory, name string) error {
	c, d, err := get(ctx, f, name)
	if err != nil {
		return err
	}
	before := d.DeepCopy()
	if d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	d.Annotations[v1alpha1.AnnotationRetryRequestedAt] = f.Now().UTC().Format(time.RFC3339Nano)
	if err := c.Patch(ctx, d, client.MergeFrom(before), client.FieldOwner(cmdutil.FieldManager)); err != nil {
		return fmt.Errorf("district %s: %w", name, err)
	}
	return say(f, "district %s is asked to try again; kubectl get district %s -w shows how it goes", name, name)
}

// get reads a District; one that does not exist is an error that lists those there are.
func get(ctx context.Context, f *cmdutil.Factory, name string) (client.Client, *v1alpha1.District, error) {
	c, err := f.Client()
	if err != nil {
		return nil, nil, err
	}
	d := &v1alpha1.District{}
	if err := c.Get(ctx, client.ObjectKey{Name: name}, d); err != nil {
		return nil, nil, fmt.Errorf("district %s: %w; kubectl get districts lists those there are", name, err)
	}
	return c, d, nil
}

// apply pins this very District, or gives the pin up if release is empty, by
// server-side apply.
func apply(ctx context.Context, c client.Client, d *v1alpha1.District, release string, options ...client.ApplyOption) error {
	patch := &unstructured.Unstructured{Object: map[string]any{}}
	if release != "" {
		patch.Object["spec"] = map[string]any{"release": release}
	}
	patch.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("District"))
	patch.SetName(d.Name)
	patch.SetUID(d.UID)
	applied := client.ApplyConfigurationFromUnstructured(patch)
	if err := c.Apply(ctx, applied, append(options, client.FieldOwner(cmdutil.FieldManager))...); err != nil {
		return fmt.Errorf("district %s: %w", d.Name, err)
	}
	return nil
}

func say(f *cmdutil.Factory, format string, args ...any) error {
	_, err := fmt.Fprintf(f.Streams.Out, format+"\n", args...)
	return err
}

// releaseNames lists the catalogue.
func releaseNames(ctx context.Context, c client.Client) ([]string, error) {
	var list v1alpha1.StackReleaseList
	if err := c.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list StackReleases: %w", err)
	}
	var names []string
	for _, r := range list.Items {
		names = append(names, r.Name)
	}
	return names, nil
}

func listed(names []string) string {
	if len(names) == 0 {
		return "there is none"
	}
	return "there is " + strings.Join(names, ", ")
}
